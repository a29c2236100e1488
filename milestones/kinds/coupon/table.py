"""``coupon = {...}``: a coupon as a shop writes it."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.rewards import RewardTable, TemplateUses
from milestones.config.scope import Scope
from milestones.config.sections import Flag, Number
from milestones.config.values import Duration, Money
from milestones.kinds.coupon.payload import Coupon, Discount, WhenUnmailable

_DISCOUNTS = {
    "percent_off": Discount.PERCENT_OFF,
    "money_off": Discount.MONEY_OFF,
    "fixed_price": Discount.FIXED_PRICE,
    "free_shipping": Discount.FREE_SHIPPING,
}


def _prefix(value: str) -> str:
    if not re.fullmatch("[A-Z0-9]{0,7}", value):
        raise ValueError("must be at most 7 capital letters and digits; Wix allows codes of 20 characters")
    return value


class CouponReward(RewardTable):
    """``coupon``: a personal code, used once. Exactly one kind of discount.

    percent_off: percent. money_off, fixed_price, minimum_subtotal: money of the site's currency.
    scope: ``stores``, ``stores/product`` or ``stores/product/ID``.
    prefix: the first characters of every code.
    when_unmailable: for a customer who may not be mailed, make the coupon all the same or once they opt in.
    """

    name: str = Field(min_length=1, max_length=80)
    percent_off: Number | None = Field(default=None, gt=0, le=100)
    money_off: Money | None = None
    fixed_price: Money | None = None
    free_shipping: Literal[True] | None = None
    scope: Scope | None = None
    minimum_subtotal: Money | None = None
    valid_for: Duration | None = None
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    limited_to_one_item: Flag = False
    when_unmailable: Literal["create", "wait"] = "create"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_coupon_faults(self))
        return self

    def definition(self, uses: TemplateUses) -> Coupon:
        """As the rules know it."""
        del uses
        given = next(key for key in _DISCOUNTS if getattr(self, key) is not None)
        return Coupon(
            name=self.name,
            discount=_DISCOUNTS[given],
            amount=None if self.free_shipping else _decimal_text(getattr(self, given)),
            scope=self.scope,
            minimum_subtotal=None if self.minimum_subtotal is None else _decimal_text(self.minimum_subtotal),
            valid_for=self.valid_for,
            prefix=self.prefix,
            limited_to_one_item=self.limited_to_one_item,
            when_unmailable=WhenUnmailable(self.when_unmailable),
        )


def _decimal_text(value: float | Decimal) -> str:
    return format(Decimal(str(value)).normalize(), "f")


def _coupon_faults(coupon: CouponReward) -> Iterator[Fault]:
    given = [key for key in _DISCOUNTS if getattr(coupon, key) is not None]
    if len(given) != 1:
        result = f"has {' and '.join(given)}" if given else "has no discount"
        yield Fault((), f"{result}; give exactly one of {', '.join(_DISCOUNTS)}")
    if coupon.free_shipping:
        if coupon.scope is not None:
            yield Fault(("scope",), "cannot be had with free_shipping; leave it out")
    elif coupon.scope is None and coupon.minimum_subtotal is None:
        yield Fault((), 'needs scope (such as "stores") or minimum_subtotal')
    if coupon.scope is not None and coupon.minimum_subtotal is not None and not coupon.free_shipping:
        yield Fault(("minimum_subtotal",), "cannot be had with scope; Wix takes exactly one of the two")


TABLE = CouponReward
