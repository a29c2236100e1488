"""Rewards: what points buy, redeeming them, and spending at a checkout. Wix is asked while a person waits."""

from datetime import datetime
from typing import ClassVar, Literal

from pydantic import Field, StrictInt

from milestones.commands.models.command import Answer, NoReport, Question
from milestones.commands.models.orders import Keyed, OrderCommand
from milestones.domain.token import Scope


class RewardPrice(Answer):
    """What a reward costs in a tier, in points, and what it is worth there. tier: its name; None for the base tier."""

    tier: str | None
    tier_id: str | None
    points: int
    worth: str


class RewardLine(Answer):
    """A reward. type: a coupon that is redeemed, or a discount that is spent at a checkout.

    cost, worth, fault: for the account that was asked for, and what speaks against it, as a sentence.
    """

    id: str
    name: str
    type: Literal["coupon", "discount", "unknown"]
    active: bool
    terms: str | None
    prices: tuple[RewardPrice, ...]
    cost: int | None = None
    worth: str | None = None
    fault: str | None = None


class RewardsAnswer(Answer):
    """The rewards of a site. account, balance, tier: of whom it was asked for; tier is None in the base tier."""

    site: str
    account: str | None
    balance: int | None
    tier: str | None
    rewards: tuple[RewardLine, ...]


class ListRewards(Question[RewardsAnswer, NoReport]):
    """Ask Wix which rewards there are, and what an account, named as in an order, can afford."""

    path: ClassVar[str] = "/rewards"

    account: str | None = None
    site: str | None = None


class ShowReward(Question[RewardsAnswer, NoReport]):
    """Ask Wix for one reward, by its id, its name or the beginning of either."""

    path: ClassVar[str] = "/rewards/show"

    reward: str
    account: str | None = None
    site: str | None = None


class RedeemForAccount(OrderCommand):
    """Redeem the points of an account for a coupon. reward: its id, its name or the beginning of either."""

    path: ClassVar[str] = "/rewards/redeem"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.REDEEM})

    reward: str


class CouponLine(Answer):
    """A loyalty coupon. status: in Wix's words. at_checkout: made for a checkout, and not to be shown to its customer.

    fault: why it cannot be spent, as a sentence.
    """

    id: str
    code: str | None
    reward: str | None
    status: str
    created_at: datetime | None
    at_checkout: bool
    fault: str | None


class CouponsAnswer(Answer):
    """The newest first. Wix shows what was just redeemed a little later."""

    site: str
    account: str
    coupons: tuple[CouponLine, ...]


class ListCoupons(Question[CouponsAnswer, NoReport]):
    """Ask Wix for the loyalty coupons of an account, which is named as in an order."""

    path: ClassVar[str] = "/rewards/coupons"

    account: str
    site: str | None = None
    limit: int = Field(default=20, ge=1, le=100)


class DiscountCheckout(Keyed):
    """Put a reward of an account, or a loyalty coupon, on a checkout.

    reward: as in ``RedeemForAccount``, with ``account``. coupon: its id or code. points: to spend, of a reward that lets
    choose; what it costs otherwise.
    """

    path: ClassVar[str] = "/rewards/apply"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.REDEEM})

    checkout: str
    reward: str | None = None
    account: str | None = None
    coupon: str | None = None
    points: StrictInt | None = None


class DiscountLine(Answer):
    """What is, or was, on a checkout. status, type: in Wix's words. reward: its name, where the reward is still there."""

    id: str
    status: str
    type: str | None
    reward_id: str | None
    reward: str | None
    coupon_id: str | None


class DiscountsAnswer(Answer):
    """Wix shows what was just applied a little later."""

    site: str
    checkout: str
    discounts: tuple[DiscountLine, ...]


class ListDiscounts(Question[DiscountsAnswer, NoReport]):
    """Ask Wix what loyalty discounts a checkout has."""

    path: ClassVar[str] = "/rewards/discounts"

    checkout: str
    site: str | None = None
