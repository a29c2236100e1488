"""Rewards: what points can buy (docs/wix-api.md, 2.4). Making one makes no coupon; redeeming it does."""

from decimal import Decimal

from milestones.wix.answers import Call, unreadable
from milestones.wix.fields import Editable, Instant, Revision, State
from milestones.wix.paging import Page, cursor_page, every_page, one
from milestones.wix.query import CursorQuery
from milestones.wix.transport import WixClient

_ROOT = "/loyalty-rewards/v1/rewards"
_CREATE = Call("POST", _ROOT, reads=False)
_GET = Call("GET", _ROOT + "/{id}", reads=True)
_LIST = Call("GET", _ROOT, reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_UPDATE = Call("PUT", _ROOT + "/{rewardId}", reads=False)
_DELETE = Call("DELETE", _ROOT + "/{id}", reads=False)

_WRITTEN_BY_WIX = {"id", "revision", "created_date", "updated_date"}


class RewardType(State):
    """How a reward is spent: at checkout, or as a coupon. Fixed once the reward exists."""

    UNKNOWN = "UNDEFINED"
    DISCOUNT_AMOUNT = "DISCOUNT_AMOUNT"
    COUPON_REWARD = "COUPON_REWARD"


class DiscountConfig(Editable):
    """For one tier (none for the base tier): so much money for so many points. Wix spells the money as text."""

    tier_id: str | None = None
    cost_in_points: int = 0
    amount: Decimal = Decimal(0)


class DiscountAmount(Editable):
    """A discount that is spent at checkout."""

    configs_by_tier: tuple[DiscountConfig, ...] = ()


class CouponConfig(Editable):
    """For one tier (none for the base tier): the cost, and the money or the percentage where the kind has one."""

    tier_id: str | None = None
    cost_in_points: int = 0
    amount: float | None = None
    percentage: float | None = None


class CouponKind(Editable):
    """One kind of coupon, tier by tier."""

    configs_by_tier: tuple[CouponConfig, ...] = ()


class RewardGroup(Editable):
    """Part of a shop that a coupon is good for."""

    name: str | None = None
    entity_id: str | None = None


class RewardScope(Editable):
    """What a coupon is good for."""

    namespace: str | None = None
    group: RewardGroup | None = None


class CouponReward(Editable):
    """A coupon: exactly one of three kinds, and either a scope or a minimum subtotal."""

    fixed_amount: CouponKind | None = None
    percentage: CouponKind | None = None
    free_shipping: CouponKind | None = None
    scope: RewardScope | None = None
    minimum_subtotal: float | None = None
    limited_to_one_item: bool | None = None
    applies_to_subscriptions: bool | None = None


class Reward(Editable):
    """A reward; a new one has no id. Wix makes new rewards inactive unless they say otherwise."""

    id: str = ""
    name: str = ""
    active: bool = False
    type: RewardType = RewardType.UNKNOWN
    discount_amount: DiscountAmount | None = None
    coupon_reward: CouponReward | None = None
    revision: Revision = 0
    created_date: Instant | None = None
    updated_date: Instant | None = None


async def create(client: WixClient, reward: Reward) -> Reward:
    """Makes the reward. Nothing makes a repetition harmless: after a lost answer look by name."""
    body = {"reward": reward.wire(without=_WRITTEN_BY_WIX)}
    return one(await client.send(_CREATE, body=body), "reward", Reward, _CREATE)


async def get(client: WixClient, reward_id: str) -> Reward:
    """The reward. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"id": reward_id}), "reward", Reward, _GET)


async def list_all(client: WixClient) -> tuple[Reward, ...]:
    """All rewards, active or not; a list lags less behind writes than a query. One that is broken raises WixError."""
    found: list[Reward] = []

    async def page(cursor: str | None) -> Page[Reward]:
        params = {"cursorPaging.limit": "100"} | ({} if cursor is None else {"cursorPaging.cursor": cursor})
        return cursor_page(await client.send(_LIST, params=params), "rewards", Reward, _LIST)

    async for one_page in every_page(page):
        if one_page.unreadable:
            raise unreadable(_LIST, f"{len(one_page.unreadable)} of rewards are broken")
        found += one_page.items
    return tuple(found)


query = CursorQuery(_QUERY, "rewards", Reward)
"""Rewards, active or not."""
query_all = query.pages


async def update(client: WixClient, reward: Reward) -> Reward:
    """Replaces the reward as a whole, on condition of its revision. Raises WixConflictError if it has changed."""
    body = {"reward": reward.wire(without={"created_date", "updated_date"})}
    answer = await client.send(_UPDATE, ids={"rewardId": reward.id}, body=body)
    return one(answer, "reward", Reward, _UPDATE)


async def delete(client: WixClient, reward: Reward) -> None:
    """Removes the reward, on condition of its revision. Raises WixConflictError if it has changed."""
    await client.send(_DELETE, ids={"id": reward.id}, params={"revision": str(reward.revision)})
