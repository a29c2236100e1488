"""Wix coupons v2 (docs/wix-api.md, 2.11): dates in epoch milliseconds, the filter as JSON text, no revision."""

from pydantic import Field as Limited

from wixsandbox import strict_json
from wixsandbox.api.call import Call, Operation, results_of
from wixsandbox.api.coupon_specification import KINDS, Specification
from wixsandbox.errors import InvalidError, RefusedError, not_found
from wixsandbox.events import COUPON
from wixsandbox.paging import Sorting, sort_records
from wixsandbox.query import Fields, at, matcher
from wixsandbox.wire import Document, Wire, milliseconds, parse
from wixsandbox.world import World

FIELDS: Fields[Document] = {
    "id": at("id", "id"),
    "dateCreated": at("dateCreated", "number"),
    "expired": at("expired", "flag"),
    "specification.active": at("specification.active", "flag"),
    "specification.name": at("specification.name", "text"),
    "specification.code": at("specification.code", "text"),
    "specification.usageLimit": at("specification.usageLimit", "number"),
    "specification.limitedToOneItem": at("specification.limitedToOneItem", "flag"),
    "scope.namespace": at("specification.scope.namespace", "text"),
    "scope.group.name": at("specification.scope.group.name", "text"),
    "scope.group.entityId": at("specification.scope.group.entityId", "id"),
}


class _Create(Wire):
    specification: Specification


class _BulkCreate(Wire):
    specifications: list[Document] = Limited(min_length=1, max_length=100)
    return_full_entity: bool = False


class _Paging(Wire):
    limit: int = Limited(default=100, ge=1, le=100)
    offset: int = Limited(default=0, ge=0)


class _Query(Wire):
    paging: _Paging = _Paging()
    filter: str | None = None
    sort: str | None = None


class _QueryRequest(Wire):
    query: _Query = _Query()


def create_coupon(world: World, call: Call) -> Document:
    """Answers the id and nothing else. A code that exists is refused."""
    return {"id": _create(world, call, call.parse(_Create).specification)["id"]}


def bulk_create(world: World, call: Call) -> Document:
    """Up to 100 at once, each with a result of its own."""
    wanted = call.parse(_BulkCreate)

    def create(world: World, item: Document) -> Document:
        return _render(world, _create(world, call, parse(Specification, item)))

    answer = results_of(world, wanted.specifications, create, full=wanted.return_full_entity)
    for result in answer["results"]:
        if "item" in result:
            result["coupon"] = result.pop("item")
    return answer


def get_coupon(world: World, call: Call) -> Document:
    """The read to trust: it never lags."""
    return {"coupon": _render(world, _the_coupon(world, call.path["id"]))}


def query_coupons(world: World, call: Call) -> Document:
    """``filter`` and ``sort`` are JSON texts; lags behind writes."""
    query = call.parse(_QueryRequest).query
    keep = matcher(_json_object(query.filter, "query.filter"), FIELDS, logical=world.switches.logical_filters)
    found = [one for one in (_age(world, one) for one in world.coupons.visible(world.now)) if keep(one)]
    found = sort_records(found, FIELDS, _parse_sorting(query.sort), lambda one: str(one["id"]))
    page = found[query.paging.offset : query.paging.offset + query.paging.limit]
    return {"coupons": [_render(world, one) for one in page], "totalResults": len(found)}


def update_coupon(world: World, call: Call) -> Document:
    """A partial specification; null clears a field. The kind of discount cannot change."""
    coupon = _the_coupon(world, call.path["id"])
    changes = call.body.get("specification")
    if not isinstance(changes, dict):
        raise InvalidError("specification", "must not be empty", "REQUIRED_FIELD")
    merged = {**coupon["specification"], **changes}
    specification = _complete(parse(Specification, {k: v for k, v in merged.items() if v is not None}))
    if specification["type"] != coupon["specification"]["type"]:
        raise InvalidError("specification", "the type of a coupon cannot change", "VALIDATION")
    holder = world.coupons.find("code", world.code_key(specification["code"]))
    if holder is not None and holder["id"] != coupon["id"]:
        raise _duplicate(world)
    changed = world.coupons.put({**coupon, "specification": specification}, world.write_visible)
    world.emit_updated(COUPON, _render(world, changed), call.caller)
    return {}


def delete_coupon(world: World, call: Call) -> Document:
    """The code is free again."""
    _delete(world, call, call.path["id"])
    return {}


class _BulkDelete(Wire):
    ids: list[str] = Limited(min_length=1, max_length=100)


def bulk_delete(world: World, call: Call) -> Document:
    """Several at once."""

    def delete(world: World, key: str) -> Document:
        _delete(world, call, key)
        return {"id": key}

    answer = results_of(world, call.parse(_BulkDelete).ids, delete, full=False)
    # Unlike everywhere else, the items' metadata are the results themselves (SDK types).
    results = [result["itemMetadata"] for result in answer["results"]]
    return {"results": results, "deleteMetadata": answer["bulkActionMetadata"]}


def apply_coupon(world: World, code: str, order_id: str) -> Document:
    """A customer uses a code at checkout; the event of it is the only signal that Wix gives."""
    coupon = world.coupons.find("code", world.code_key(code))
    if coupon is None:
        raise not_found("Coupon code", code)
    limit = coupon["specification"].get("usageLimit")
    if limit is not None and coupon["numberOfUsages"] >= limit:
        raise RefusedError(428, "FAILED_PRECONDITION", "The coupon was used up")
    used = world.coupons.put({**coupon, "numberOfUsages": coupon["numberOfUsages"] + 1}, world.write_visible)
    body = {"coupon": _render(world, used), "wixAppId": world.identity.app_id, "wixAppOrderId": order_id}
    world.emit(COUPON, "applied", used["id"], lambda: {"actionEvent": {"body": body}}, world.owner)
    return used


def _create(world: World, call: Call, wanted: Specification) -> Document:
    if world.switches.coupon_code_characters == "letters_and_digits" and not (
        wanted.code.isascii() and wanted.code.isalnum()
    ):
        raise InvalidError("specification.code", "takes letters and digits only", "VALIDATION")
    if world.coupons.find("code", world.code_key(wanted.code)) is not None:
        raise _duplicate(world)
    coupon: Document = {
        "id": world.new_id("coupon"),
        "specification": _complete(wanted),
        "dateCreated": milliseconds(world.now),
        "expired": False,
        "numberOfUsages": 0,
    }
    if call.caller.kind == "APP":
        coupon["appId"] = call.caller.id
    world.coupons.put(coupon, world.write_visible)
    world.emit_created(COUPON, _render(world, coupon), call.caller)
    return coupon


def _complete(wanted: Specification) -> Document:
    specification = wanted.document()
    kind = next(name for name in KINDS if name in specification)
    return {**specification, "type": KINDS[kind]}


def _duplicate(world: World) -> RefusedError:
    return RefusedError(
        world.switches.duplicate_coupon_status,
        world.switches.duplicate_coupon_code,
        "The coupon code already exists",
    )


def _the_coupon(world: World, key: str) -> Document:
    coupon = world.coupons.get(key)
    if coupon is None:
        raise not_found("Coupon", key)
    return _age(world, coupon)


def _delete(world: World, call: Call, key: str) -> None:
    _the_coupon(world, key)
    world.coupons.delete(key, world.write_visible)
    for linked in list(world.loyalty_coupons):
        if linked["couponReference"]["couponId"] == key:
            reference = {**linked["couponReference"], "deleted": True}
            archived = {
                **linked,
                "couponReference": reference,
                "status": "ARCHIVED",
                "revision": str(int(linked["revision"]) + 1),
                "updatedDate": world.stamp,
            }
            world.loyalty_coupons.put(archived, world.write_visible)
    world.emit_deleted(COUPON, key, call.caller)


def _age(world: World, coupon: Document) -> Document:
    expiry = coupon["specification"].get("expirationTime")
    expired = expiry is not None and int(expiry) <= milliseconds(world.now)
    return coupon if coupon["expired"] == expired else {**coupon, "expired": expired}


def _render(world: World, coupon: Document) -> Document:
    if world.switches.coupon_times == "number":
        return coupon
    specification = dict(coupon["specification"])
    for name in ("startTime", "expirationTime"):
        if name in specification:
            specification[name] = str(specification[name])
    return {**coupon, "specification": specification, "dateCreated": str(coupon["dateCreated"])}


def _json_object(text: str | None, field: str) -> Document:
    if not text:
        return {}
    try:
        value = strict_json.read(text)
    except ValueError as error:
        raise InvalidError(field, "must be a JSON object in a string", "FORMAT") from error
    if not isinstance(value, dict):
        raise InvalidError(field, "must be a JSON object in a string", "FORMAT")
    return value


def _parse_sorting(text: str | None) -> list[Sorting]:
    wanted = {str(name): str(order) for name, order in _json_object(text, "query.sort").items()}
    if not wanted:
        wanted = {"dateCreated": "desc"}
    return [parse(Sorting, {"fieldName": name, "order": order.upper()}) for name, order in wanted.items()]


OPERATIONS = (
    Operation("createCoupon", "POST", "/stores/v2/coupons", create_coupon),
    Operation("queryCoupons", "POST", "/stores/v2/coupons/query", query_coupons),
    Operation("getCoupon", "GET", "/stores/v2/coupons/{id}", get_coupon),
    Operation("updateCoupon", "PATCH", "/stores/v2/coupons/{id}", update_coupon),
    Operation("deleteCoupon", "DELETE", "/stores/v2/coupons/{id}", delete_coupon),
    Operation("bulkCreateCoupons", "POST", "/stores/v2/bulk/coupons/create", bulk_create),
    Operation("bulkDeleteCoupons", "POST", "/stores/v2/bulk/coupons/delete", bulk_delete),
)
