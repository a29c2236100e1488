"""Rewards (docs/wix-api.md, 2.4). Creating a reward creates no coupon; redemption does."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Strict, model_validator
from pydantic import Field as Limited

from wixsandbox import bulk, ledger
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.errors import InvalidError, forbidden, not_found
from wixsandbox.events import REWARD
from wixsandbox.paging import CursorPaging, CursorQuery, CursorRequest, cursor_page
from wixsandbox.query import Fields, at
from wixsandbox.wire import Document, Wire, parse
from wixsandbox.world import World

FIELDS: Fields[Document] = {
    "id": at("id", "id"),
    "name": at("name", "text"),
    "active": at("active", "flag"),
    "type": at("type", "text"),
    "createdDate": at("createdDate", "date"),
    "updatedDate": at("updatedDate", "date"),
}


def _above_zero(amount: str) -> str:
    if not any(digit in "123456789" for digit in amount):
        raise ValueError("must be more than 0")
    return amount


_Money = Annotated[str, Limited(pattern=r"^\d{1,9}(\.\d{1,2})?$"), AfterValidator(_above_zero)]


class _Priced(Wire):
    tier_id: str | None = None
    cost_in_points: int = Limited(ge=1, le=9_999_999)


class _Spendable(_Priced):
    """Money as text, at the checkout; a coupon's is a number (`_Fixed`)."""

    amount: _Money


class _Fixed(_Priced):
    amount: Annotated[float, Strict()] = Limited(ge=0.01)


class _Percent(_Priced):
    percentage: float = Limited(gt=0, le=100)


class _Discount(Wire):
    configs_by_tier: list[_Spendable] = Limited(min_length=1, max_length=21)


class _Amounts(Wire):
    configs_by_tier: list[_Fixed] = Limited(min_length=1, max_length=21)


class _Percentages(Wire):
    configs_by_tier: list[_Percent] = Limited(min_length=1, max_length=21)


class _Prices(Wire):
    configs_by_tier: list[_Priced] = Limited(min_length=1, max_length=21)


class _Group(Wire):
    name: str | None = None
    entity_id: str | None = None


class _Scope(Wire):
    namespace: str = Limited(min_length=1)
    group: _Group | None = None


class _CouponReward(Wire):
    fixed_amount: _Amounts | None = None
    percentage: _Percentages | None = None
    free_shipping: _Prices | None = None
    scope: _Scope | None = None
    minimum_subtotal: Annotated[float, Strict()] | None = None
    limited_to_one_item: bool | None = None
    applies_to_subscriptions: bool | None = None
    discounted_cycle_count: int | None = Limited(default=None, ge=1, le=999)

    @model_validator(mode="after")
    def _one_of_each(self) -> "_CouponReward":
        if sum(one is not None for one in (self.fixed_amount, self.percentage, self.free_shipping)) != 1:
            raise ValueError("must have exactly one of fixedAmount, percentage, freeShipping")
        if self.scope is not None and self.minimum_subtotal is not None:
            raise ValueError("must have either scope or minimumSubtotal, not both")
        return self


class _Reward(Wire):
    name: str = Limited(min_length=1, max_length=50)
    type: Literal["DISCOUNT_AMOUNT", "COUPON_REWARD"] | None = None
    active: bool = False
    discount_amount: _Discount | None = None
    coupon_reward: _CouponReward | None = None

    @model_validator(mode="after")
    def _content_fits_type(self) -> "_Reward":
        if (self.discount_amount is None) == (self.coupon_reward is None):
            raise ValueError("must have exactly one of discountAmount and couponReward")
        kind = "DISCOUNT_AMOUNT" if self.coupon_reward is None else "COUPON_REWARD"
        if self.type not in {None, kind}:
            raise ValueError("type does not fit the content")
        return self


class _Revised(_Reward):
    revision: str | int | None = None


class _Create(Wire):
    reward: _Reward


class _Update(Wire):
    reward: _Revised


class _BulkCreate(Wire):
    rewards: list[Document] = Limited(min_length=1, max_length=10)


def create_reward(world: World, call: Call) -> Document:
    """``active`` defaults to false."""
    return {"reward": _create(world, call, call.parse(_Create).reward)}


def bulk_create(world: World, call: Call) -> Document:
    """Up to 10 at once, each with a result of its own."""

    def create(world: World, item: Document) -> Document:
        return _create(world, call, parse(_Reward, item))

    return results_of(world, call.parse(_BulkCreate).rewards, create)


def get_reward(world: World, call: Call) -> Document:
    """One reward."""
    return {"reward": the_reward(world, call.path["id"])}


class _List(Wire):
    cursor_paging: CursorPaging = CursorPaging()


def list_rewards(world: World, call: Call) -> Document:
    """All rewards, active or not."""
    query = CursorQuery(cursor_paging=call.parse_query(_List).cursor_paging)
    page = cursor_page("listRewards", world.rewards, FIELDS, query, id_of=lambda one: str(one["id"]))
    metadata = {
        "count": len(page.records),
        "offset": 0,
        "total": len(world.rewards),
        "tooManyToCount": False,
        "cursors": page.cursors(),
    }
    return {"rewards": page.records, "pagingMetadata": metadata}


def query_rewards(world: World, call: Call) -> Document:
    """Rewards by name, type, status and date; lags behind writes."""
    page = cursor_page(
        "queryRewards",
        world.rewards.visible(world.now),
        FIELDS,
        call.parse(CursorRequest).query,
        id_of=lambda one: str(one["id"]),
        logical=world.switches.logical_filters,
    )
    return {"rewards": page.records, "pagingMetadata": page.metadata()}


def update_reward(world: World, call: Call) -> Document:
    """Replaces the whole reward; its type cannot change."""
    reward = the_reward(world, call.path["rewardId"])
    wanted = call.parse(_Update).reward
    revision = ledger.next_revision(reward, wanted.revision)
    content = _content(wanted)
    if content["type"] != reward["type"]:
        raise InvalidError("reward.type", "cannot change after creation", "VALIDATION")
    kept = {name: reward[name] for name in ("id", "createdDate")}
    changed = {**kept, **content, "revision": str(revision), "updatedDate": world.stamp}
    world.rewards.put(changed, world.write_visible)
    world.emit_updated(REWARD, changed, call.caller)
    bulk.review_rewards(world)
    return {"reward": changed}


class _Delete(Wire):
    revision: str


def delete_reward(world: World, call: Call) -> Document:
    """Coupons that were redeemed for it stay."""
    reward = the_reward(world, call.path["id"])
    ledger.next_revision(reward, call.parse_query(_Delete).revision)
    world.rewards.delete(reward["id"], world.write_visible)
    world.emit_deleted(REWARD, reward["id"], call.caller)
    bulk.review_rewards(world)
    return {}


def bulk_get(world: World, call: Call) -> Document:
    """The rewards of all sites of a Wix user."""
    if call.caller.kind != "WIX_USER":
        raise forbidden("This operation needs the identity of a Wix user")
    site = {"metaSiteId": world.identity.site_id, "rewards": list(world.rewards)}
    return {"rewardsInSite": [site]}


def the_reward(world: World, key: str) -> Document:
    """The reward, or 404."""
    reward = world.rewards.get(key)
    if reward is None:
        raise not_found("Reward", key)
    return reward


def _create(world: World, call: Call, wanted: _Reward) -> Document:
    now = world.stamp
    reward = {
        "id": world.new_id("reward"),
        **_content(wanted),
        "revision": "1",
        "createdDate": now,
        "updatedDate": now,
    }
    world.rewards.put(reward, world.write_visible)
    world.emit_created(REWARD, reward, call.caller)
    bulk.review_rewards(world)
    return reward


def _content(wanted: _Reward) -> Document:
    content = wanted.document()
    content.pop("revision", None)
    content["type"] = "DISCOUNT_AMOUNT" if "discountAmount" in content else "COUPON_REWARD"
    return content


_ROOT = "/loyalty-rewards/v1/rewards"
OPERATIONS = (
    Operation("createReward", "POST", _ROOT, create_reward),
    Operation("listRewards", "GET", _ROOT, list_rewards),
    Operation("queryRewards", "POST", f"{_ROOT}/query", query_rewards),
    Operation("getReward", "GET", f"{_ROOT}/{{id}}", get_reward),
    Operation("updateReward", "PUT", f"{_ROOT}/{{rewardId}}", update_reward),
    Operation("deleteReward", "DELETE", f"{_ROOT}/{{id}}", delete_reward),
    Operation("bulkCreateRewards", "POST", "/loyalty-rewards/v1/bulk/rewards/create", bulk_create),
    Operation("bulkGetRewards", "GET", "/loyalty-rewards/v1/bulk/rewards", bulk_get),
)
