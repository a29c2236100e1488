"""``[[program.rewards]]``: what points buy."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.program_entry import Cost, Percent, Thing, Title, alone
from milestones.config.scope import Scope
from milestones.config.sections import Flag, Table
from milestones.config.values import Money
from milestones.domain.program import MOST_TIERS, Content, ThingKind, Value, Wanted


class PriceTable(Table):
    """``at.TIER`` of a reward: what it costs in this tier, and what it gives there if that differs."""

    cost: Cost
    money_off: Money | None = None
    percent_off: Percent | None = None


class CouponTable(Table):
    """``coupon``: points buy a coupon. Exactly one of percent_off, money_off and free_shipping.

    scope: ``stores``, ``stores/product`` or ``stores/product/ID``. minimum_subtotal: in its place.
    """

    percent_off: Percent | None = None
    money_off: Money | None = None
    free_shipping: Literal[True] | None = None
    scope: Scope | None = None
    minimum_subtotal: Money | None = None
    limited_to_one_item: Flag = False
    applies_to_subscriptions: Flag = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_coupon_faults(self))
        return self

    @property
    def gives(self) -> str:
        """Which of the three."""
        return next(key for key in _GIVES if getattr(self, key) is not None)


_GIVES = ("percent_off", "money_off", "free_shipping")


def _coupon_faults(coupon: CouponTable) -> Iterator[Fault]:
    given = [key for key in _GIVES if getattr(coupon, key) is not None]
    if len(given) != 1:
        result = f"has {' and '.join(given)}" if given else "has no discount"
        yield Fault((), f"{result}; give exactly one of {', '.join(_GIVES)}")
    if coupon.scope is not None and coupon.minimum_subtotal is not None:
        yield Fault(("minimum_subtotal",), "cannot be had with scope; Wix takes exactly one of the two")
    if coupon.free_shipping and coupon.scope is not None:
        yield Fault(("scope",), "cannot be had with free_shipping; leave it out")
    if not coupon.free_shipping and coupon.scope is None and coupon.minimum_subtotal is None:
        yield Fault((), 'needs scope (such as "stores") or minimum_subtotal')


class DiscountTable(Table):
    """``discount``: money off at the checkout, for points that are spent there."""

    money_off: Money


class RewardTable(Thing):
    """``[[program.rewards]]``: what points buy: a coupon, or a discount at the checkout. at: what differs in a tier."""

    coupon: CouponTable | None = None
    discount: DiscountTable | None = None
    cost: Cost | None = None
    active: Flag = True
    at: dict[Title, Annotated[PriceTable, alone("cost", PriceTable, int)]] = Field(
        default_factory=dict, max_length=MOST_TIERS
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_reward_faults(self))
        return self

    def definition(self) -> Wanted:
        """As the plan compares it."""
        fields: dict[str, Value] = {"title": self.title, "active": self.active, "cost": self.cost}
        if self.coupon is not None:
            coupon = self.coupon
            gives = coupon.gives
            amount = None if coupon.free_shipping else getattr(coupon, gives)
            value = None if amount is None else Decimal(str(amount))
            fields |= {
                "type": "coupon",
                "gives": gives,
                "scope": coupon.scope,
                "minimum_subtotal": coupon.minimum_subtotal,
                "limited_to_one_item": coupon.limited_to_one_item,
                "applies_to_subscriptions": coupon.applies_to_subscriptions,
            }
        else:
            assert self.discount is not None, "validated"
            gives, value = "money_off", self.discount.money_off
            fields |= {"type": "discount", "gives": gives}
        # Without a cost it is for the tiers alone that are named.
        fields["value"] = value if self.cost is not None else None
        at: dict[str, dict[str, Value]] = {}
        for tier, price in self.at.items():
            own = price.money_off if gives == "money_off" else price.percent_off
            at[tier] = {"cost": price.cost, "value": value if own is None else Decimal(str(own))}
        return self.to_wanted(ThingKind.REWARD, Content(fields, at))


def _reward_faults(reward: RewardTable) -> Iterator[Fault]:
    if (reward.coupon is None) == (reward.discount is None):
        yield Fault((), "needs exactly one of coupon and discount")
        return
    if reward.cost is None and not reward.at:
        yield Fault(("cost",), "is missing; how many points does it cost?")
    gives = "money_off" if reward.coupon is None else reward.coupon.gives
    for tier, price in reward.at.items():
        for key in ("money_off", "percent_off"):
            if key != gives and getattr(price, key) is not None:
                yield Fault(("at", tier, key), f"does not fit: this reward gives {gives}")
