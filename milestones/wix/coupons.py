"""Wix coupons v2: the codes that customers type at checkout (docs/wix-api.md, 2.11).

There is no idempotency key and no revision. A personal coupon is a code that nobody can guess and that works once; a
lost create is repeated, and "duplicate" then means that the first one worked.
"""

from decimal import Decimal
from typing import Any

from milestones.wix.answers import Call
from milestones.wix.errors import WixError, WixRefusedError, says_duplicate
from milestones.wix.fields import Entity, Instant, wire_milliseconds
from milestones.wix.paging import one, text
from milestones.wix.query import OffsetQuery
from milestones.wix.transport import WixClient

MAX_CODE = 20

_ROOT = "/stores/v2/coupons"
_CREATE = Call("POST", _ROOT, reads=False)
_GET = Call("GET", _ROOT + "/{id}", reads=True)
_QUERY = Call("POST", _ROOT + "/query", reads=True)
_UPDATE = Call("PATCH", _ROOT + "/{id}", reads=False)
_DELETE = Call("DELETE", _ROOT + "/{id}", reads=False)


class CouponGroup(Entity):
    """Part of a shop: one product, one collection, one service. ``entity_id`` None means all of the group."""

    name: str | None = None
    entity_id: str | None = None


class CouponScope(Entity):
    """What a coupon applies to: a namespace such as ``stores`` or ``bookings``, as a whole or in part."""

    namespace: str | None = None
    group: CouponGroup | None = None


class BuyXGetY(Entity):
    """Buy x, get y free."""

    x: int = 0
    y: int = 0


class CouponSpecification(Entity):
    """What a coupon is worth, to whom and until when. See ``faults`` for what Wix demands of a new one."""

    name: str = ""
    code: str = ""
    start_time: Instant | None = None
    expiration_time: Instant | None = None
    usage_limit: int | None = None
    limit_per_customer: int | None = None
    limited_to_one_item: bool | None = None
    applies_to_subscriptions: bool | None = None
    active: bool = True
    money_off_amount: Decimal | None = None
    percent_off_rate: Decimal | None = None
    free_shipping: bool | None = None
    fixed_price_amount: Decimal | None = None
    buy_x_get_y: BuyXGetY | None = None
    scope: CouponScope | None = None
    minimum_subtotal: Decimal | None = None


class Coupon(Entity):
    """A coupon as Wix keeps it."""

    id: str
    specification: CouponSpecification = CouponSpecification()
    date_created: Instant | None = None
    expired: bool = False
    number_of_usages: int = 0
    app_id: str | None = None


def faults(specification: CouponSpecification) -> list[str]:
    """Why Wix would refuse to create this coupon; an empty list if it would not. One sentence for each fault."""
    found = []
    if not specification.name:
        found.append("A coupon needs a name.")
    if not 1 <= len(specification.code) <= MAX_CODE:
        found.append(f"A coupon's code has 1 to {MAX_CODE} characters.")
    if specification.start_time is None:
        found.append("A coupon needs a start time.")
    discounts = (
        specification.money_off_amount is not None,
        specification.percent_off_rate is not None,
        bool(specification.free_shipping),
        specification.fixed_price_amount is not None,
        specification.buy_x_get_y is not None,
    )
    if sum(discounts) != 1:
        found.append(
            "A coupon gives exactly one of money off, percent off, free shipping, a fixed price, buy X get Y."
        )
    has_scope, has_subtotal = specification.scope is not None, specification.minimum_subtotal is not None
    if specification.free_shipping and has_scope:
        found.append("A free-shipping coupon takes no scope.")
    elif not specification.free_shipping and has_scope == has_subtotal:
        found.append("A coupon has either a scope or a minimum subtotal.")
    return found


async def create(client: WixClient, specification: CouponSpecification) -> str:
    """Makes the coupon and returns its id. Raises WixRefusedError, without asking, for what ``faults`` finds."""
    if found := faults(specification):
        raise WixRefusedError(" ".join(found))
    answer = await client.send(_CREATE, body={"specification": _wire(specification)})
    return text(answer, "id", _CREATE)


def is_duplicate_code(error: WixError) -> bool:
    """Whether ``create`` was refused because the code exists.

    Neither status nor code of that refusal is documented (docs/wix-api.md, 8). Where a refusal might be this one
    and is not recognised, ``find_by_code`` decides.
    """
    return says_duplicate(error)


async def get(client: WixClient, coupon_id: str) -> Coupon:
    """The coupon. Raises WixNotFoundError."""
    return one(await client.send(_GET, ids={"id": coupon_id}), "coupon", Coupon, _GET)


query = OffsetQuery(_QUERY, "coupons", Coupon, filter_as_text=True)
"""Coupons by ``specification.code``, name, scope, state or creation. At most 100 a page."""
query_all = query.pages


async def find_by_code(client: WixClient, code: str) -> Coupon | None:
    """The coupon with this code, if it shows yet: queries lag behind creates. Codes match without regard to case."""
    page = await query(client, {"specification.code": {"$eq": code}}, limit=10)
    return next(
        (found for found in page.items if found.specification.code.casefold() == code.casefold()), None
    )


async def deactivate(client: WixClient, coupon_id: str) -> None:
    """Makes the code useless without forgetting it."""
    await client.send(_UPDATE, ids={"id": coupon_id}, body={"specification": {"active": False}})


async def delete(client: WixClient, coupon_id: str) -> None:
    """Removes the coupon for good. Raises WixNotFoundError."""
    await client.send(_DELETE, ids={"id": coupon_id})


def _wire(specification: CouponSpecification) -> dict[str, Any]:
    wire = specification.model_dump(by_alias=True, exclude_none=True)
    for name, value in wire.items():
        if isinstance(value, Decimal):
            wire[name] = int(value) if value == value.to_integral_value() else float(value)
    for name, moment in (
        ("startTime", specification.start_time),
        ("expirationTime", specification.expiration_time),
    ):
        if moment is not None:
            wire[name] = wire_milliseconds(moment)
    return wire
