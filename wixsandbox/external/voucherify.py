"""Voucherify, loyalty v2: two keys, members without cards in the list, points that are booked later, 423 while busy."""

from typing import Any

from wixsandbox.errors import RefusedError
from wixsandbox.external.books import Books, Member, page_of
from wixsandbox.external.call import Call, Flavour, route


def _member(member: Member, *, cards: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": member.id,
        "customer": {"email": member.email or None},
        "status": "ACTIVE" if member.active else "INACTIVE",
        "updated_at": member.updated,
    }
    return {**found, "cards": [{"id": f"card-{member.id}", "balance": member.balance}]} if cards else found


def _list(books: Books, call: Call) -> Any:
    page, cursor = page_of(books, call.limit(100, 10), call.query.get("cursor", ""))
    return {"data": [_member(one, cards=False) for one in page], "cursor": {"next": cursor or None}}


def _get(books: Books, call: Call) -> Any:
    return _member(books.member(call.ids[1]), cards=True)


def _move(books: Books, call: Call) -> Any:
    member = books.member(call.ids[1])
    if not member.active:
        raise RefusedError(423, "LOCKED", "The member is not active")
    amount = call.points("points", signed=True)
    books.move_later(member.id, amount, str(call.body.get("reason")))
    return {"transaction": {"status": "PENDING", "points": amount}}


FLAVOUR = Flavour(
    routes=(
        route("GET", "/v2/loyalties/programs/{}/members", _list),
        route("GET", "/v2/loyalties/programs/{}/members/{}", _get),
        route("POST", "/v2/loyalties/programs/{}/members/{}/cards/{}/points", _move, reads=False),
    ),
    headers=("x-app-id", "x-app-token"),
    busy=423,
)
