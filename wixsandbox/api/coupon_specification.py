"""What a Wix coupon gives, to what, and when (docs/wix-api.md, 2.11)."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, model_validator
from pydantic import Field as Limited

from wixsandbox.wire import Wire

_GROUPS: dict[str, frozenset[str]] = {
    "stores": frozenset({"product", "collection"}),
    "bookings": frozenset({"service"}),
    "events": frozenset({"event", "ticket"}),
    "pricingPlans": frozenset({"plan"}),
    "restaurants": frozenset({"menu", "menuSection", "menuItem"}),
}
KINDS = {
    "moneyOffAmount": "MONEY_OFF_AMOUNT",
    "percentOffRate": "PERCENT_OFF_RATE",
    "freeShipping": "FREE_SHIPPING",
    "fixedPriceAmount": "FIXED_PRICE_AMOUNT",
    "buyXGetY": "BUY_X_GET_Y",
}


def _moment(value: Any) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15:
        return value
    raise ValueError("must be milliseconds since 1970")


Moment = Annotated[int | str, AfterValidator(_moment)]


class _Group(Wire):
    name: str | None = None
    entity_id: str | None = None


class _Scope(Wire):
    namespace: Literal["stores", "bookings", "events", "pricingPlans", "restaurants"]
    group: _Group | None = None

    @model_validator(mode="after")
    def _fits(self) -> "_Scope":
        if self.group is None or self.group.name is None:
            return self
        if self.group.name not in _GROUPS[self.namespace]:
            raise ValueError(f"has no group '{self.group.name}' in namespace '{self.namespace}'")
        # events may leave the entity out; stores/product without one means all products (vendor notes)
        loose = self.namespace == "events" or (self.namespace, self.group.name) == ("stores", "product")
        if self.group.entity_id is None and not loose:
            raise ValueError("needs group.entityId")
        return self


class _BuyXGetY(Wire):
    x: int = Limited(ge=1)
    y: int = Limited(ge=1)


class Specification(Wire):
    """A complete specification; `KINDS` are the discounts, of which it has exactly one."""

    name: str = Limited(min_length=1, max_length=80)
    code: str = Limited(min_length=1, max_length=20)
    start_time: Moment
    expiration_time: Moment | None = None
    scope: _Scope | None = None
    minimum_subtotal: float | None = Limited(default=None, ge=0)
    money_off_amount: float | None = Limited(default=None, gt=0)
    percent_off_rate: float | None = Limited(default=None, gt=0, le=100)
    free_shipping: Literal[True] | None = None
    fixed_price_amount: float | None = Limited(default=None, ge=0)
    buy_x_get_y: _BuyXGetY | None = Limited(default=None, alias="buyXGetY")
    usage_limit: int | None = Limited(default=None, ge=1)
    limit_per_customer: int | None = Limited(default=None, ge=1)
    limited_to_one_item: bool | None = None
    applies_to_subscriptions: bool | None = None
    discounted_cycle_count: int | None = Limited(default=None, ge=1, le=999)
    active: bool = True

    @model_validator(mode="after")
    def _one_discount(self) -> "Specification":
        kinds = [name for name in KINDS if name in self.document()]
        if len(kinds) != 1:
            raise ValueError(f"must have exactly one of {', '.join(KINDS)}")
        if kinds == ["freeShipping"]:
            if self.scope is not None:
                raise ValueError("a free shipping coupon takes no scope")
        elif self.scope is None and self.minimum_subtotal is None:
            raise ValueError("only a free shipping coupon may omit both scope and minimumSubtotal")
        elif self.scope is not None and self.minimum_subtotal is not None:
            raise ValueError("must have either scope or minimumSubtotal, not both")
        if self.expiration_time is not None and int(self.expiration_time) <= int(self.start_time):
            raise ValueError("expirationTime must be later than startTime")
        return self
