"""Square Loyalty, ``/v2``: the cursor travels in the body, an idempotency key books once, and phone numbers are who one is."""

import base64
import hashlib
import hmac
from typing import Any

from wixsandbox.errors import RefusedError
from wixsandbox.external.books import Books, Member, page_of
from wixsandbox.external.call import Call, Flavour, route


def _account(member: Member) -> dict[str, Any]:
    return {
        "id": member.id,
        "balance": member.balance,
        "mapping": {"phone_number": member.phone or None},
        "updated_at": member.updated,
    }


def _search(books: Books, call: Call) -> Any:
    page, cursor = page_of(books, call.limit(200, 30), str(call.body.get("cursor", "")))
    found: dict[str, Any] = {"loyalty_accounts": [_account(one) for one in page]}
    return {**found, "cursor": cursor} if cursor else found


def _get(books: Books, call: Call) -> Any:
    return {"loyalty_account": _account(books.member(call.ids[0]))}


def _adjust(books: Books, call: Call) -> Any:
    key = call.body.get("idempotency_key")
    if not isinstance(key, str) or not 1 <= len(key) <= 128:
        raise RefusedError(400, "BAD_REQUEST", "idempotency_key must have 1 to 128 characters")
    wanted = dict(call.body.get("adjust_points") or {})
    if key not in books.keys:
        amount = call.points("points", signed=True, within=wanted)
        floor = None if call.body.get("allow_negative_balance") else 0
        books.keys[key] = books.move(call.ids[0], amount, str(wanted.get("reason")), floor=floor).id
    return {"event": {"id": f"event-{books.keys[key]}", "type": "ADJUST_POINTS"}}


def event_of(what: str, member: Member, number: int) -> dict[str, Any]:
    """What is told of a member."""
    return {
        "event_id": f"event-{number}",
        "type": f"loyalty.account.{what}",
        "data": {"object": {"loyalty_account": _account(member)}},
    }


def _sign(url: str, secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), url.encode() + body, hashlib.sha256).digest()
    return {"x-square-hmacsha256-signature": base64.b64encode(digest).decode()}


FLAVOUR = Flavour(
    routes=(
        route("POST", "/v2/loyalty/accounts/search", _search),
        route("GET", "/v2/loyalty/accounts/{}", _get),
        route("POST", "/v2/loyalty/accounts/{}/adjust", _adjust, reads=False),
    ),
    headers=("authorization", "square-version"),
    busy=429,
    event=event_of,
    signature=_sign,
)
