"""Smile.io, ``/v1``: signed amounts, cursor paging, no idempotency key, nothing below 0."""

from typing import Any

from wixsandbox.external.books import Books, Member, page_of
from wixsandbox.external.call import Call, Flavour, route


def _customer(member: Member) -> dict[str, Any]:
    return {
        "id": int(member.id) if member.id.isdecimal() else member.id,
        "email": member.email or None,
        "points_balance": member.balance,
        "state": "member" if member.active else "disabled",
        "updated_at": member.updated,
    }


def _list(books: Books, call: Call) -> Any:
    since = call.query.get("updated_at_min", "")
    chosen = [one for one in books.members.values() if one.updated[:19] >= since[:19]]
    page, cursor = page_of(books, call.limit(250, 50), call.query.get("cursor", ""), chosen)
    return {"customers": [_customer(one) for one in page], "metadata": {"next_cursor": cursor}}


def _get(books: Books, call: Call) -> Any:
    return {"customer": _customer(books.member(call.ids[0]))}


def _move(books: Books, call: Call) -> Any:
    body = dict(call.body.get("points_transaction") or {})
    amount = call.points("points_change", signed=True, within=body)
    movement = books.move(str(body.get("customer_id")), amount, str(body.get("internal_note")), floor=0)
    return {"points_transaction": {"id": movement.id, "points_change": amount}}


def _transactions(books: Books, call: Call) -> Any:
    history = books.history(call.query.get("customer_id", ""), call.limit(250, 50))
    return {
        "points_transactions": [
            {"id": one.id, "points_change": one.amount, "internal_note": one.text, "created_at": one.at}
            for one in history
        ]
    }


FLAVOUR = Flavour(
    routes=(
        route("GET", "/v1/customers", _list),
        route("GET", "/v1/customers/{}", _get),
        route("POST", "/v1/points_transactions", _move, reads=False),
        route("GET", "/v1/points_transactions", _transactions),
    ),
    headers=("authorization",),
    busy=429,
)
