"""Spending points at checkout (docs/wix-api.md, 2.7). Wix may give points back later without any call of ours."""

from typing import Any

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, Revision, State
from milestones.wix.paging import one
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

_APPLY = Call("POST", "/loyalty-checkout-exchange/v1/loyalty-checkout-discount", reads=False)
_QUERY = Call("POST", "/loyalty-checkout-exchange/v1/loyalty-checkout-discounts/query", reads=True)


class DiscountStatus(State):
    """What became of a discount."""

    UNKNOWN = "UNKNOWN"
    APPLIED = "APPLIED"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    REFUNDED = "REFUNDED"
    FAILED_TO_REFUND = "FAILED_TO_REFUND"
    REFUNDED_DUE_TO_TIMEOUT = "REFUNDED_DUE_TO_TIMEOUT"
    REFUNDED_DUE_TO_MANUAL_DISCOUNT_REMOVAL = "REFUNDED_DUE_TO_MANUAL_DISCOUNT_REMOVAL"
    SCHEDULED_FOR_REFUND = "SCHEDULED_FOR_REFUND"
    UNUSED = "UNUSED"


class CheckoutDiscount(Entity):
    """A reward or a loyalty coupon on one checkout."""

    id: str
    checkout_id: str | None = None
    reward_id: str | None = None
    loyalty_coupon_id: str | None = None
    status: DiscountStatus = DiscountStatus.UNKNOWN
    discount_type: str | None = None


async def apply_reward(
    client: WixClient,
    checkout_id: str,
    reward_id: str,
    *,
    revision: Revision,
    points_to_spend: int | None = None,
) -> CheckoutDiscount:
    """Puts a reward of type DISCOUNT_AMOUNT on the checkout, for 1 to 9,999,999 points.

    Nothing makes a repetition harmless: after a lost answer look with ``query`` by checkout.
    """
    reward: dict[str, Any] = {"id": reward_id, "revision": str(revision)}
    if points_to_spend is not None:
        reward["pointsToSpend"] = points_to_spend
    return await _apply(client, {"checkoutId": checkout_id, "reward": reward})


async def apply_coupon(
    client: WixClient, checkout_id: str, loyalty_coupon_id: str, *, revision: Revision
) -> CheckoutDiscount:
    """Puts a loyalty coupon on the checkout. After a lost answer look with ``query`` by checkout."""
    coupon = {"id": loyalty_coupon_id, "revision": str(revision)}
    return await _apply(client, {"checkoutId": checkout_id, "loyaltyCoupon": coupon})


async def _apply(client: WixClient, body: dict[str, Any]) -> CheckoutDiscount:
    return one(await client.send(_APPLY, body=body), "discount", CheckoutDiscount, _APPLY)


query = CursorQuery(_QUERY, "loyaltyCheckoutDiscounts", CheckoutDiscount)
"""Discounts by ``checkoutId`` or ``status``."""
