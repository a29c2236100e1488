"""Checkout exchange (docs/wix-api.md, 2.7): a reward or a loyalty coupon on a checkout.

A checkout of the simulated shop belongs to an account; ``/_sandbox/state`` lists them under ``checkouts``.
"""

from typing import Any

from pydantic import Field as Limited
from pydantic import model_validator

from wixsandbox import ledger
from wixsandbox.api.call import Call, Operation
from wixsandbox.api.rewards import the_reward
from wixsandbox.errors import InvalidError, RefusedError, not_found, stale_revision
from wixsandbox.paging import CursorRequest, Sorting, cursor_page
from wixsandbox.query import Fields, at
from wixsandbox.records import Account
from wixsandbox.redemption import redeem_at_checkout
from wixsandbox.wire import Document, Guid, Wire
from wixsandbox.world import World

FIELDS: Fields[Document] = {"checkoutId": at("checkoutId", "id"), "status": at("status", "text")}


class _Thing(Wire):
    id: Guid
    revision: str | int | None = None


class _Reward(_Thing):
    points_to_spend: int | None = Limited(default=None, ge=1, le=9_999_999)


class _Apply(Wire):
    checkout_id: Guid
    reward: _Reward | None = None
    loyalty_coupon: _Thing | None = None
    referral_reward: _Thing | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> "_Apply":
        if sum(one is not None for one in (self.reward, self.loyalty_coupon, self.referral_reward)) != 1:
            raise ValueError("must have exactly one of reward, loyaltyCoupon, referralReward")
        return self


def apply_discount(world: World, call: Call) -> Document:
    """The order is discounted; points taken here may come back later without any call."""
    wanted = call.parse(_Apply)
    ledger.require_active(world)
    _customer(world, wanted.checkout_id)
    if (existing := _find_same(world, wanted)) is not None:
        if world.switches.repeated_discount == "already_exists":
            raise RefusedError(409, "ALREADY_EXISTS", "The checkout has this discount already")
        if world.switches.repeated_discount == "existing":
            return {"discount": existing}
    if wanted.reward is not None:
        content = _reward_discount(world, call, wanted.checkout_id, wanted.reward)
    elif wanted.loyalty_coupon is not None:
        content = _coupon_discount(world, wanted.loyalty_coupon)
    else:
        assert wanted.referral_reward is not None
        raise not_found("Referral reward", wanted.referral_reward.id)
    discount = {
        "id": world.new_id("discount"),
        "checkoutId": wanted.checkout_id,
        "status": "APPLIED",
        **content,
    }
    world.discounts.put(discount, world.write_visible)
    return {"discount": discount}


def query_discounts(world: World, call: Call) -> Document:
    """By checkout and status only; lags behind writes."""
    page = cursor_page(
        "queryLoyaltyCheckoutDiscounts",
        world.discounts.visible(world.now),
        FIELDS,
        call.parse(CursorRequest).query,
        id_of=lambda one: str(one["id"]),
        default_sort=(Sorting(field_name="checkoutId"),),
        logical=world.switches.logical_filters,
    )
    return {"loyaltyCheckoutDiscounts": page.records, "pagingMetadata": page.metadata()}


def _find_same(world: World, wanted: _Apply) -> Document | None:
    """What the checkout has of the same reward or coupon."""
    reward_id = wanted.reward and wanted.reward.id
    coupon_id = wanted.loyalty_coupon and wanted.loyalty_coupon.id
    same = (wanted.checkout_id, reward_id, coupon_id)
    return next(
        (
            one
            for one in world.discounts
            if (one["checkoutId"], one.get("rewardId"), one.get("loyaltyCouponId")) == same
        ),
        None,
    )


def _reward_discount(world: World, call: Call, checkout_id: str, wanted: _Reward) -> Document:
    reward = the_reward(world, wanted.id)
    _check_revision(world, reward, wanted)
    if not reward["active"]:
        raise RefusedError(428, "FAILED_PRECONDITION", "The reward is not active")
    account = _customer(world, checkout_id)
    if reward["type"] == "COUPON_REWARD":
        redeem_at_checkout(world, account, reward, call.caller)
        return {"rewardId": reward["id"], "discountType": "COUPON_REWARD"}
    if wanted.points_to_spend is None:
        raise InvalidError("reward.pointsToSpend", "must not be empty", "REQUIRED_FIELD")
    info: dict[str, Any] = {
        "rewardId": reward["id"],
        "rewardType": reward["type"],
        "referenceEntityId": checkout_id,
    }
    ledger.spend(world, account, wanted.points_to_spend, call.caller, info)
    return {"rewardId": reward["id"], "discountType": "DISCOUNT_AMOUNT"}


def _coupon_discount(world: World, wanted: _Thing) -> Document:
    coupon = world.loyalty_coupons.get(wanted.id)
    if coupon is None:
        raise not_found("Loyalty coupon", wanted.id)
    _check_revision(world, coupon, wanted)
    if coupon["status"] != "ACTIVE":
        raise RefusedError(428, "FAILED_PRECONDITION", f"The loyalty coupon is {coupon['status']}")
    revision = str(int(coupon["revision"]) + 1)
    applied = {**coupon, "status": "APPLIED", "revision": revision, "updatedDate": world.stamp}
    world.loyalty_coupons.put(applied, world.write_visible)
    return {"loyaltyCouponId": coupon["id"], "discountType": "LOYALTY_COUPON"}


def _customer(world: World, checkout_id: str) -> Account:
    checkout = world.checkouts.get(checkout_id)
    if checkout is None:
        raise RefusedError(
            world.switches.unknown_checkout_status, "NOT_FOUND", f"Checkout {checkout_id} was not found"
        )
    return ledger.the_account(world, checkout["accountId"])


def _check_revision(world: World, entity: Document, wanted: _Thing) -> None:
    if wanted.revision is not None and str(wanted.revision) != entity["revision"]:
        raise stale_revision(entity["id"], world.switches.stale_checkout_status)


_ROOT = "/loyalty-checkout-exchange/v1"
OPERATIONS = (
    Operation("applyDiscountToCheckout", "POST", f"{_ROOT}/loyalty-checkout-discount", apply_discount),
    Operation(
        "queryLoyaltyCheckoutDiscounts", "POST", f"{_ROOT}/loyalty-checkout-discounts/query", query_discounts
    ),
)
