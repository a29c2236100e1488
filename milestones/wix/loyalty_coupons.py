"""Loyalty coupons: points turned into a code (docs/wix-api.md, 2.6).

Redeeming has neither idempotency key nor revision: a blind repetition can redeem twice. And the answer is PENDING; only
``get`` tells, later, whether the points were taken, so no code goes to a customer before it is ACTIVE.
"""

from datetime import datetime
from typing import Any

from milestones.wix.answers import Call
from milestones.wix.fields import Entity, MaybeInstant, MaybeText, Revision, State, Text, wire_time
from milestones.wix.paging import one
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

_ROOT = "/loyalty-coupons/v1/coupons"
_REDEEM = Call("POST", _ROOT, reads=False)
_GET = Call("GET", _ROOT + "/{loyaltyCouponId}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_DELETE = Call("DELETE", _ROOT + "/{id}", reads=False)


class LoyaltyCouponStatus(State):
    """What became of the redemption."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    """The coupon is made, the points are not yet taken."""
    ACTIVE = "ACTIVE"
    APPLIED = "APPLIED"
    FAILED = "FAILED"
    """The points could not be taken. Whether any come back is unverified (docs/wix-api.md, 8)."""
    ARCHIVED = "ARCHIVED"
    """The Wix coupon under it was deleted."""


class CouponReference(Entity):
    """The Wix coupon that a redemption made."""

    coupon_id: MaybeText = None
    code: MaybeText = None
    name: MaybeText = None
    deleted: bool = False


class LoyaltyCoupon(Entity):
    """One redemption. It names its reward by name only. ``refundable`` ones belong to a checkout and may vanish."""

    id: Text
    account_id: MaybeText = None
    member_id: MaybeText = None
    transaction_id: MaybeText = None
    coupon_reference: CouponReference = CouponReference()
    status: LoyaltyCouponStatus = LoyaltyCouponStatus.UNKNOWN
    reward_name: MaybeText = None
    refundable: bool = False
    revision: Revision = 0
    created_date: MaybeInstant = None
    updated_date: MaybeInstant = None


async def redeem(client: WixClient, reward_id: str, account_id: str) -> LoyaltyCoupon:
    """Buys the reward with the account's points. Never to be repeated without a look at ``redeemed_since``."""
    body = {"rewardId": reward_id, "loyaltyAccountId": account_id}
    return one(await client.send(_REDEEM, body=body), "coupon", LoyaltyCoupon, _REDEEM)


async def get(client: WixClient, coupon_id: str) -> LoyaltyCoupon:
    """The redemption as it is now. Raises WixNotFoundError."""
    answer = await client.send(_GET, ids={"loyaltyCouponId": coupon_id})
    return one(answer, "loyaltyCoupon", LoyaltyCoupon, _GET)


query = CursorQuery(_QUERY, "loyaltyCoupons", LoyaltyCoupon)
"""Redemptions by account, member, transaction, status, reward name or date."""
query_all = query.pages


def redemptions_since(account_id: str, moment: datetime) -> dict[str, Any]:
    """The filter for an account's redemptions from the moment on: where a lost ``redeem`` shows, once queries see it."""
    return {"accountId": {"$eq": account_id}, "createdDate": {"$gte": wire_time(moment)}}


async def delete(client: WixClient, coupon: LoyaltyCoupon) -> None:
    """Removes the redemption; the Wix coupon under it keeps working. Raises WixConflictError if it has changed."""
    await client.send(_DELETE, ids={"id": coupon.id}, params={"revision": str(coupon.revision)})
