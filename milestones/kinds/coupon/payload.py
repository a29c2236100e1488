"""A coupon as a reward, and what is frozen of it: the specification as Wix takes it (docs/wix-api.md, 2.11)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Self

from milestones.domain import keys, validity
from milestones.domain.milestone import Consent, Giving, Reward
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


class WhenUnmailable(StrEnum):
    """What becomes of a coupon for a customer who may not be mailed: made all the same, or once they opt in."""

    CREATE = "create"
    WAIT = "wait"


class Discount(StrEnum):
    """The kinds of coupon; the name is that of the field in Wix's specification (docs/wix-api.md, 2.11)."""

    PERCENT_OFF = "percentOffRate"
    MONEY_OFF = "moneyOffAmount"
    FIXED_PRICE = "fixedPriceAmount"
    FREE_SHIPPING = "freeShipping"


@dataclass(frozen=True, slots=True)
class Validity:
    """Of a coupon that ends: for how long it works from when it is made, in seconds, by the days of a time zone."""

    seconds: float
    timezone: str


@dataclass(frozen=True, slots=True)
class CouponPayload(kind.Payload):
    """specification: as Wix takes it, with the code. consent: what it takes to tell its customer of it."""

    specification: Mapping[str, Any]
    validity: Validity | None = None
    when_unmailable: WhenUnmailable = WhenUnmailable.CREATE
    consent: Consent = Consent.MARKETING

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        ends = frozen.get("validity")
        return cls(
            frozen["specification"],
            Validity(**ends) if ends is not None else None,
            WhenUnmailable(frozen.get("when_unmailable", WhenUnmailable.CREATE)),
            Consent(frozen.get("consent", Consent.MARKETING)),
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {
            "specification": dict(self.specification),
            "validity": asdict(self.validity) if self.validity is not None else None,
            "when_unmailable": self.when_unmailable.value,
            "consent": self.consent.value,
        }

    def name(self) -> str:
        """Any coupon."""
        return "A coupon"

    def subject(self, result: Result) -> str:
        """The name that it has in Wix."""
        del result
        return str(self.specification["name"])

    def assumed_result(self) -> dict[str, Any]:
        """Of one that exists: only its id and its end are not known."""
        return {
            "coupon_id": None,
            "code": self.code(),
            "name": self.specification["name"],
            "expires": None,
            "specification": dict(self.specification),
        }

    def code(self) -> str:
        """What the customer types at checkout."""
        return str(self.specification["code"])


@dataclass(frozen=True, slots=True)
class Coupon(Reward):
    """A personal coupon: one code, used once.

    amount: percent for PERCENT_OFF, money of the site's currency for MONEY_OFF and FIXED_PRICE, as decimal
        text; None for FREE_SHIPPING.
    scope: namespace, group and entity, as ``stores``, ``stores/product`` or ``stores/product/ID``; or
    minimum_subtotal: money as decimal text. Exactly one of the two, except that free shipping takes no scope.
    """

    kind = "coupon"
    is_shown = True

    name: str
    discount: Discount
    amount: str | None
    scope: str | None
    minimum_subtotal: str | None
    valid_for: timedelta | None
    prefix: str = ""
    limited_to_one_item: bool = False
    when_unmailable: WhenUnmailable = WhenUnmailable.CREATE

    def freeze(self, giving: Giving) -> CouponPayload:
        """The specification of this one coupon, whose code is derived from the grant."""
        ends = None
        if self.valid_for is not None:
            ends = Validity(self.valid_for.total_seconds(), giving.timezone.key)
        return CouponPayload(
            _specification(self, giving), ends, self.when_unmailable, _consent_to_tell(self, giving)
        )

    def summarize(self) -> str:
        """Such as "coupon (10% off)"."""
        return f"coupon ({_worth(self)})"

    def promise(self) -> str:
        """Its name."""
        return self.name


def _consent_to_tell(coupon: Coupon, giving: Giving) -> Consent:
    """What it takes to tell a customer of a coupon: a mail that needs no subscription may be among those that do."""
    needed = {reward.needed_consent() for reward in giving.beside if reward.shows(coupon)}
    return Consent.SERVICE if Consent.SERVICE in needed else Consent.MARKETING


def _specification(coupon: Coupon, giving: Giving) -> dict[str, Any]:
    specification: dict[str, Any] = {
        "name": coupon.name,
        "code": keys.coupon_code(giving.secret, giving.key, coupon.prefix),
        "startTime": validity.milliseconds(giving.start),
        "usageLimit": 1,
        "active": True,
        coupon.discount.value: True
        if coupon.discount is Discount.FREE_SHIPPING
        else float(coupon.amount or 0),
    }
    if coupon.valid_for is not None:
        specification |= validity.specify(giving.start, coupon.valid_for, giving.timezone)
    if coupon.limited_to_one_item:
        specification["limitedToOneItem"] = True
    if coupon.minimum_subtotal is not None:
        specification["minimumSubtotal"] = float(coupon.minimum_subtotal)
    if coupon.scope is not None:
        specification["scope"] = _scope(coupon.scope)
    return specification


def _scope(scope: str) -> dict[str, Any]:
    namespace, _, rest = scope.partition("/")
    group, _, entity = rest.partition("/")
    result: dict[str, Any] = {"namespace": namespace}
    if group:
        result["group"] = {"name": group, **({"entityId": entity} if entity else {})}
    return result


def _worth(coupon: Coupon) -> str:
    match coupon.discount:
        case Discount.PERCENT_OFF:
            return f"{coupon.amount}% off"
        case Discount.MONEY_OFF:
            return f"{coupon.amount} off"
        case Discount.FIXED_PRICE:
            return f"for {coupon.amount}"
        case Discount.FREE_SHIPPING:
            return "free shipping"


KIND = Kind(
    name=Coupon.kind,
    read=CouponPayload.from_json,
    done="made",
    plural="Coupons",
    refuses_repetition=True,
)
