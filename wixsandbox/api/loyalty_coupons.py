"""Loyalty coupons (docs/wix-api.md, 2.6): points redeemed for a coupon, PENDING at first."""

from typing import Any

from pydantic import Field as Limited

from wixsandbox import ledger, redemption
from wixsandbox.api.call import Call, Operation, member_only
from wixsandbox.errors import InvalidError, forbidden, not_found
from wixsandbox.events import LOYALTY_COUPON
from wixsandbox.paging import (
    CursorPaging,
    CursorQuery,
    OffsetPaging,
    Sorting,
    cursor_page,
    offset_metadata,
    sort_records,
)
from wixsandbox.query import Fields, at, matcher
from wixsandbox.wire import Document, Guid, Wire
from wixsandbox.world import World

FIELDS: Fields[Document] = {
    "accountId": at("accountId", "id"),
    "memberId": at("memberId", "id"),
    "transactionId": at("transactionId", "id"),
    "couponReference.couponId": at("couponReference.couponId", "id"),
    "couponReference.code": at("couponReference.code", "text"),
    "couponReference.name": at("couponReference.name", "text"),
    "status": at("status", "text"),
    "rewardName": at("rewardName", "text"),
    "createdDate": at("createdDate", "date"),
    "updatedDate": at("updatedDate", "date"),
}


class _Redeem(Wire):
    reward_id: Guid
    loyalty_account_id: Guid


def redeem_points(world: World, call: Call) -> Document:
    """No key and no revision: a blind retry redeems twice."""
    wanted = call.parse(_Redeem)
    account = ledger.the_account(world, wanted.loyalty_account_id)
    return {"coupon": redemption.redeem(world, account, wanted.reward_id, call.caller)}


def get_coupon(world: World, call: Call) -> Document:
    """The answer is called ``loyaltyCoupon``, not ``coupon``."""
    return {"loyaltyCoupon": _the_coupon(world, call.path["loyaltyCouponId"])}


class _Query(Wire):
    filter: Document | None = None
    sort: list[Sorting] = Limited(default_factory=list)
    paging: OffsetPaging | None = None
    cursor_paging: CursorPaging | None = None


class _QueryRequest(Wire):
    query: _Query


def query_coupons(world: World, call: Call) -> Document:
    """Offset or cursor paging; the metadata is called ``metadata``. Lags behind writes."""
    query = call.parse(_QueryRequest).query
    if query.paging is not None and query.cursor_paging is not None:
        raise InvalidError("query", "must have either paging or cursorPaging, not both", "VALIDATION")
    visible = list(world.loyalty_coupons.visible(world.now))
    if query.paging is None:
        return _cursor_answer(world, query, visible)
    keep = matcher(query.filter, FIELDS, logical=world.switches.logical_filters)
    order = query.sort or [Sorting(field_name="createdDate", order="DESC")]
    found = sort_records([one for one in visible if keep(one)], FIELDS, order, lambda one: str(one["id"]))
    limit = 50 if query.paging.limit is None else query.paging.limit
    page = found[query.paging.offset : query.paging.offset + limit]
    return {
        "loyaltyCoupons": page,
        "metadata": offset_metadata(len(page), query.paging.offset, len(found)),
    }


class _Delete(Wire):
    revision: str


def delete_coupon(world: World, call: Call) -> Document:
    """The Wix coupon behind it stays usable."""
    coupon = _the_coupon(world, call.path["id"])
    ledger.next_revision(coupon, call.parse_query(_Delete).revision)
    world.loyalty_coupons.delete(coupon["id"], world.write_visible)
    world.emit_deleted(LOYALTY_COUPON, coupon["id"], call.caller)
    return {}


def bulk_get(world: World, call: Call) -> Document:
    """The coupons of all sites of a Wix user."""
    if call.caller.kind != "WIX_USER":
        raise forbidden("This operation needs the identity of a Wix user")
    site = {"metaSiteId": world.identity.site_id, "loyaltyCoupons": list(world.loyalty_coupons)[:100]}
    return {"couponsInSite": [site]}


def _cursor_answer(world: World, query: _Query, visible: list[Document]) -> Document:
    paging = query.cursor_paging or CursorPaging()
    cursor_query = CursorQuery.model_construct(filter=query.filter, sort=query.sort, cursor_paging=paging)
    page = cursor_page(
        "queryLoyaltyCoupons",
        visible,
        FIELDS,
        cursor_query,
        id_of=lambda one: str(one["id"]),
        logical=world.switches.logical_filters,
    )
    metadata: dict[str, Any] = {
        "count": len(page.records),
        "tooManyToCount": False,
        "cursors": page.cursors(),
    }
    return {"loyaltyCoupons": page.records, "metadata": metadata}


def _the_coupon(world: World, key: str) -> Document:
    coupon = world.loyalty_coupons.get(key)
    if coupon is None:
        raise not_found("Loyalty coupon", key)
    return coupon


_ROOT = "/loyalty-coupons/v1/coupons"
OPERATIONS = (
    Operation("redeemPointsForCoupon", "POST", _ROOT, redeem_points),
    Operation("redeemCurrentMemberPointsForCoupon", "POST", f"{_ROOT}/redeem-my-coupon", member_only),
    Operation("getCurrentMemberCoupons", "GET", f"{_ROOT}/my-coupons", member_only),
    Operation("queryLoyaltyCoupons", "POST", f"{_ROOT}/query", query_coupons),
    Operation("getLoyaltyCoupon", "GET", f"{_ROOT}/{{loyaltyCouponId}}", get_coupon),
    Operation("deleteLoyaltyCoupon", "DELETE", f"{_ROOT}/{{id}}", delete_coupon),
    Operation("bulkGetLoyaltyCoupon", "GET", "/loyalty-coupons/v1/bulk/coupons", bulk_get),
)
