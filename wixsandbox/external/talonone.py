"""Talon.One, ``/v1``: no list of members, two keys, points added and deducted apart, balances with decimals."""

from typing import Any

from wixsandbox.errors import RefusedError
from wixsandbox.external.books import Books
from wixsandbox.external.call import Call, Flavour, route


def _require(call: Call, kind: str) -> None:
    if not call.headers.get("authorization", "").startswith(kind):
        raise RefusedError(401, "UNAUTHORIZED", f"This wants a key of the kind {kind}")


def _balances(books: Books, call: Call) -> Any:
    _require(call, "ApiKey-v1 ")
    member = books.member(call.ids[1])
    return {"balance": {"activePoints": float(member.balance), "pendingPoints": 0.0}}


def _add(books: Books, call: Call) -> Any:
    _require(call, "ManagementKey-v1 ")
    books.move(call.ids[1], call.points("points", signed=False), str(call.body.get("name")))


def _deduct(books: Books, call: Call) -> Any:
    _require(call, "ManagementKey-v1 ")
    books.move(call.ids[1], -call.points("points", signed=False), str(call.body.get("name")), floor=0)


_PROFILE = "/v1/loyalty_programs/{}/profile/{}"

FLAVOUR = Flavour(
    routes=(
        route("GET", f"{_PROFILE}/balances", _balances),
        route("PUT", f"{_PROFILE}/add_points", _add, reads=False),
        route("PUT", f"{_PROFILE}/deduct_points", _deduct, reads=False),
    ),
    headers=("authorization",),
    busy=429,
)
