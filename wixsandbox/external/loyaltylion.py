"""LoyaltyLion, ``/v2``: points are added by POST and taken away by DELETE of the same path."""

import base64
import hashlib
import hmac
from typing import Any

from wixsandbox.errors import RefusedError
from wixsandbox.external.books import Books, Member, page_of
from wixsandbox.external.call import Call, Flavour, route


def _customer(member: Member) -> dict[str, Any]:
    return {
        "id": 10_000 + int(member.id) if member.id.isdecimal() else member.id,
        "merchant_id": member.id,
        "email": member.email or None,
        "points_approved": member.balance,
        "points_pending": 0,
        "blocked": not member.active,
        "guest": False,
        "updated_at": member.updated,
    }


def _list(books: Books, call: Call) -> Any:
    email, since = call.query.get("email"), call.query.get("updated_at_min", "")
    chosen = [
        one
        for one in books.members.values()
        if (email is None or one.email == email) and one.updated[:19] >= since[:19]
    ]
    page, cursor = page_of(books, call.limit(500, 100), call.query.get("cursor", ""), chosen)
    return {"customers": [_customer(one) for one in page], "cursor": {"next": cursor or None}}


def _amount(call: Call) -> int:
    points = call.points("points", signed=False)
    if points > 1_000_000:
        raise RefusedError(422, "INVALID", "points must be 1 to 1000000")
    return points


def _add(books: Books, call: Call) -> Any:
    books.move(call.ids[0], _amount(call), str(call.body.get("reason")))
    return None


def _subtract(books: Books, call: Call) -> Any:
    books.move(call.ids[0], -_amount(call), str(call.body.get("reason")), floor=0)
    return None


def _sign(_url: str, secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"x-loyaltylion-hmac-sha256": base64.b64encode(digest).decode()}


def event_of(what: str, member: Member, number: int) -> dict[str, Any]:
    """What is told of a member."""
    return {"id": f"event-{number}", "topic": f"customers/{what}", "payload": {"customer": _customer(member)}}


FLAVOUR = Flavour(
    routes=(
        route("GET", "/v2/customers", _list),
        route("POST", "/v2/customers/{}/points", _add, reads=False),
        route("DELETE", "/v2/customers/{}/points", _subtract, reads=False),
    ),
    headers=("authorization",),
    busy=429,
    event=event_of,
    signature=_sign,
)
