"""``[[milestones.rewards]]``: what is given. Each entry is one table with one key that names its kind."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from milestones.config.addresses import WebAddress, is_loopback, web_host
from milestones.config.faults import Fault, faulty, nearest
from milestones.config.references import Secret, SecretValue, reference_of
from milestones.config.sections import Flag, Number, Table, Whole
from milestones.config.values import Duration, Money, RateText
from milestones.domain import milestone as domain

_SCOPES: dict[str, tuple[str, ...]] = {
    "stores": ("product", "collection"),
    "bookings": ("service",),
    "events": ("event", "ticket"),
    "pricingPlans": ("plan",),
    "restaurants": ("menu", "menuSection", "menuItem"),
}
"""Namespaces and their groups (docs/wix-api.md, 2.11)."""

_DISCOUNTS = {
    "percent_off": domain.Discount.PERCENT_OFF,
    "money_off": domain.Discount.MONEY_OFF,
    "fixed_price": domain.Discount.FIXED_PRICE,
    "free_shipping": domain.Discount.FREE_SHIPPING,
}

_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _scope(value: str) -> str:
    namespace, _, rest = value.partition("/")
    group, slash, entity = rest.partition("/")
    if namespace not in _SCOPES:
        raise ValueError(f"must begin with one of {', '.join(_SCOPES)}{nearest(namespace, _SCOPES)}")
    if (group or "/" in value) and group not in _SCOPES[namespace]:
        raise ValueError(f"must go on, after {namespace}, with one of {', '.join(_SCOPES[namespace])}")
    if slash and not entity:
        raise ValueError("ends with a slash; write the id after it, or leave it out")
    return value


def _prefix(value: str) -> str:
    if not re.fullmatch("[A-Z0-9]{0,7}", value):
        raise ValueError("must be at most 7 capital letters and digits; Wix allows codes of 20 characters")
    return value


def _template(value: str) -> str:
    if not _TEMPLATE.fullmatch(value):
        raise ValueError("must be the name of a folder of templates: letters, digits, - and _")
    return value


def _as_table(key: str, table: type[Table]) -> BeforeValidator:
    """A kind whose one important key may stand alone: ``badge = "Star customer"``."""
    return BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=str | table
    )


TemplateName = Annotated[str, AfterValidator(_template)]
Scope = Annotated[str, AfterValidator(_scope)]


class CouponReward(Table):
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

    def definition(self) -> domain.Coupon:
        """As the rules know it."""
        given = next(key for key in _DISCOUNTS if getattr(self, key) is not None)
        return domain.Coupon(
            name=self.name,
            discount=_DISCOUNTS[given],
            amount=None if self.free_shipping else _decimal_text(getattr(self, given)),
            scope=self.scope,
            minimum_subtotal=None if self.minimum_subtotal is None else _decimal_text(self.minimum_subtotal),
            valid_for=self.valid_for,
            prefix=self.prefix,
            limited_to_one_item=self.limited_to_one_item,
            when_unmailable=domain.WhenUnmailable(self.when_unmailable),
        )


def _decimal_text(value: float | Decimal) -> str:
    return format(Decimal(str(value)).normalize(), "f")


def _coupon_faults(coupon: CouponReward) -> Iterator[Fault]:
    given = [key for key in _DISCOUNTS if getattr(coupon, key) is not None]
    if len(given) != 1:
        found = f"has {' and '.join(given)}" if given else "has no discount"
        yield Fault((), f"{found}; give exactly one of {', '.join(_DISCOUNTS)}")
    if coupon.free_shipping:
        if coupon.scope is not None:
            yield Fault(("scope",), "cannot be had with free_shipping; leave it out")
    elif coupon.scope is None and coupon.minimum_subtotal is None:
        yield Fault((), 'needs scope (such as "stores") or minimum_subtotal')
    if coupon.scope is not None and coupon.minimum_subtotal is not None and not coupon.free_shipping:
        yield Fault(("minimum_subtotal",), "cannot be had with scope; Wix takes exactly one of the two")


class BadgeReward(Table):
    """``badge``: a badge of the members' area, by its title or its id. ``create`` makes a missing one.

    title: as long as Wix takes one (docs/wix-api.md, 2.13).
    """

    title: str | None = Field(default=None, min_length=1, max_length=50)
    id: str | None = Field(default=None, min_length=1)
    create: Flag = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.title is None) == (self.id is None):
            faulty([Fault((), "needs exactly one of title and id")])
        if self.create and self.title is None:
            faulty([Fault(("create",), "needs the title of the badge; an id is given by Wix")])
        return self

    def definition(self) -> domain.Badge:
        """As the rules know it."""
        return domain.Badge(self.title, self.id, self.create)


class PointsReward(Table):
    """``points``: further points. ``per_account`` bounds how often one account may get them."""

    amount: Whole = Field(ge=1, le=9_999_999)
    description: str = Field(min_length=1, max_length=100)
    per_account: RateText | None = None

    def definition(self) -> domain.Points:
        """As the rules know it."""
        return domain.Points(self.amount, self.description, self.per_account)


class EmailReward(Table):
    """``email``: a mail by the name of its template. A ``service`` mail needs no subscription."""

    template: TemplateName
    consent: Literal["marketing", "service"] = "marketing"

    def definition(self, uses: frozenset[str]) -> domain.Email:
        """As the rules know it. uses: the variable groups of its template."""
        return domain.Email(self.template, uses, domain.Consent(self.consent))


class WebhookReward(Table):
    """``webhook``: a signed POST to one's own service (Standard Webhooks). The secret begins with ``whsec_``."""

    url: WebAddress
    secret: SecretValue

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_webhook_faults(self))
        return self

    def definition(self) -> domain.Webhook:
        """As the rules know it: the secret's reference, which outlives a move of this entry."""
        return domain.Webhook(self.url, reference_of(self.secret))


def _webhook_faults(webhook: WebhookReward) -> Iterator[Fault]:
    if webhook.url.startswith("http:") and not is_loopback(web_host(webhook.url)):
        yield Fault(("url",), "must begin with https://; what it carries is nobody else's business")
    if not _is_signing_secret(webhook.secret):
        yield Fault(("secret",), "is no Standard Webhooks secret: whsec_ and 24 bytes or more in base64")


def _is_signing_secret(secret: SecretStr) -> bool:
    if isinstance(secret, Secret) and secret.missing:
        return True  # this command does without secrets, so there is nothing to judge
    try:
        return len(base64.b64decode(secret.get_secret_value().removeprefix("whsec_"), validate=True)) >= 24
    except (binascii.Error, ValueError):
        return False


class Reward(Table):
    """One entry: exactly one of its keys."""

    coupon: CouponReward | None = None
    badge: Annotated[BadgeReward, _as_table("title", BadgeReward)] | None = None
    points: PointsReward | None = None
    email: Annotated[EmailReward, _as_table("template", EmailReward)] | None = None
    webhook: WebhookReward | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, values: Any) -> Any:
        kinds = list(cls.model_fields)
        given = [key for key in kinds if key in values] if isinstance(values, dict) else [""]
        if len(given) != 1 and (len(given) > 1 or not values):
            faulty([Fault((), f"must have exactly one of {', '.join(kinds)}")])
        return values

    def definition(self, uses: Callable[[str], frozenset[str]]) -> domain.Reward:
        """As the rules know it. uses: tells the variable groups of a template."""
        if self.email is not None:
            return self.email.definition(uses(self.email.template))
        given = self.coupon or self.badge or self.points or self.webhook
        assert given is not None, "validated"
        return given.definition()
