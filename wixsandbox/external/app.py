"""The way of a request to one of the programs: fault, headers, limits, path, answer; and how each is steered."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from wixsandbox import strict_json
from wixsandbox.errors import InvalidError, RefusedError
from wixsandbox.external import loyaltylion, smile, square, talonone, voucherify
from wixsandbox.external.books import Behaviour, Books, Member
from wixsandbox.external.call import Call, Document, Flavour

FLAVOURS: Mapping[str, Flavour] = {
    "loyaltylion": loyaltylion.FLAVOUR,
    "smile": smile.FLAVOUR,
    "square": square.FLAVOUR,
    "talonone": talonone.FLAVOUR,
    "voucherify": voucherify.FLAVOUR,
}

PREFIX = "/external/"

TRIES = 3
"""How often an event is told until somebody takes it."""


class MemberBody(BaseModel):
    """A customer of a program."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9@._-]{1,100}$")
    email: str = ""
    phone: str = ""
    balance: int = 0
    active: bool = True


class MembersBody(BaseModel):
    """Customers who join, or whose record is replaced."""

    model_config = ConfigDict(extra="forbid")

    members: list[MemberBody]


class PointsBody(BaseModel):
    """Points that the program itself gives or takes."""

    model_config = ConfigDict(extra="forbid")

    id: str
    amount: int
    text: str = "by hand"


class WebhookBody(BaseModel):
    """Where events go, and what they are signed with."""

    model_config = ConfigDict(extra="forbid")

    url: str
    secret: str


class SeedBody(BaseModel):
    """How many of the shop's customers are members too, with the balances that they have there."""

    model_config = ConfigDict(extra="forbid")

    members: int = Field(ge=0, le=1_000_000)


Customers = Callable[[int], list[tuple[str, int]]]
"""So many of the shop's customers: mail address and balance."""


@dataclass(slots=True)
class Programs:
    """All of them, each with its books. customers: those of the shop beside which they are."""

    clock: Callable[[], datetime]
    customers: Customers
    books: dict[str, Books] = field(default_factory=dict)
    told: int = 0
    _telling: set[asyncio.Task[None]] = field(default_factory=set)

    def of(self, name: str) -> Books:
        """The books of a program, empty at first."""
        return self.books.setdefault(name, Books(self.clock))

    def answer(self, request: Request, text: bytes) -> Response:
        """What a program answers; everything between is one step for its books."""
        name, _, rest = request.url.path.removeprefix(PREFIX).partition("/")
        if name not in FLAVOURS:
            return Response("Not Found", 404, media_type="text/plain")
        books = self.of(name)
        try:
            if rest.startswith("_sandbox/"):
                found = self._steer(books, request.method, rest.removeprefix("_sandbox/"), text)
                return JSONResponse(found)
            books.advance()
            found = _answer(books, FLAVOURS[name], request, f"/{rest}", text)
        except RefusedError as error:
            return JSONResponse({"error": {"code": error.code, "message": str(error)}}, error.status)
        except (ValidationError, InvalidError, ValueError) as error:
            return JSONResponse({"error": {"code": "INVALID", "message": str(error)}}, 400)
        finally:
            self._tell(name, books)
        return found

    def _steer(self, books: Books, method: str, what: str, text: bytes) -> Any:
        """The control plane of one program."""
        if (method, what) == ("GET", "state"):
            return books.state()
        if (method, what) == ("POST", "members"):
            for one in MembersBody.model_validate_json(text).members:
                books.add(Member(**one.model_dump()))
        elif method == "DELETE" and what.startswith("members/"):
            books.delete(what.removeprefix("members/"))
        elif (method, what) == ("POST", "points"):
            order = PointsBody.model_validate_json(text)
            books.move(order.id, order.amount, order.text)
        elif (method, what) == ("POST", "behaviour"):
            books.behaviour = Behaviour.model_validate_json(text)
        elif (method, what) == ("POST", "seed"):
            wanted = SeedBody.model_validate_json(text).members
            for number, (email, balance) in enumerate(self.customers(wanted), 1):
                books.add(Member(str(number), email=email, balance=balance))
        elif (method, what) == ("PUT", "webhook"):
            hook = WebhookBody.model_validate_json(text)
            books.webhook = hook.url, hook.secret
        else:
            raise RefusedError(404, "NOT_FOUND", "There is no such order")
        return {"members": len(books.members)}

    def _tell(self, name: str, books: Books) -> None:
        flavour, events = FLAVOURS[name], books.events
        books.events = []
        if books.webhook is None or flavour.event is None:
            return
        for what, member in events:
            self.told += 1
            task = asyncio.create_task(self._post(books, flavour, flavour.event(what, member, self.told)))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)

    async def _post(self, books: Books, flavour: Flavour, event: Document) -> None:
        assert books.webhook is not None
        assert flavour.signature is not None
        url, secret = books.webhook
        body = json.dumps(event).encode()
        headers = {"content-type": "application/json", **flavour.signature(url, secret, body)}
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as http:
            for number in range(TRIES):
                try:
                    if (await http.post(url, content=body, headers=headers)).is_success:
                        return
                except httpx.HTTPError:
                    pass
                await asyncio.sleep(0.2 * (number + 1))


def _answer(books: Books, flavour: Flavour, request: Request, path: str, text: bytes) -> Response:
    missing = [name for name in flavour.headers if not request.headers.get(name)]
    if missing:
        raise RefusedError(401, "UNAUTHORIZED", f"The header {missing[0]} is missing")
    for route in flavour.routes:
        match = route.path.fullmatch(path)
        if match is None or route.method != request.method:
            continue
        name = "read" if route.reads else "write"
        books.calls[name] = books.calls.get(name, 0) + 1
        if books.behaviour.take("throttled"):
            return JSONResponse({"error": "throttled"}, 429, {"Retry-After": "1"})
        if books.behaviour.take("html"):
            return HTMLResponse("<!doctype html><title>Please log in</title>")
        if not route.reads and books.behaviour.take("busy"):
            return JSONResponse({"error": "busy"}, flavour.busy, {"Retry-After": "1"})
        call = Call(match.groups(), dict(request.query_params), _document(text), dict(request.headers))
        found = route.handler(books, call)
        return (
            Response(status_code=201) if found is None else JSONResponse(found, 200 if route.reads else 201)
        )
    return Response("Not Found", 404, media_type="text/plain")


def _document(text: bytes) -> Document:
    if not text:
        return {}
    document = strict_json.read(text)
    if not isinstance(document, dict):
        raise RefusedError(400, "INVALID", "The body must be a JSON object")
    return document
