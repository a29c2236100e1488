"""The way of a request: fault, identity, rate limit, operation, answer; and the book that is kept of it."""

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from milestones.sandbox import agenda, bulk
from milestones.sandbox.access import Access, OAuthError, RateLimit
from milestones.sandbox.api.call import Call
from milestones.sandbox.errors import InvalidError, RefusedError
from milestones.sandbox.events import Event, public_pem, sign
from milestones.sandbox.faults import Fault, Faults
from milestones.sandbox.routes import route
from milestones.sandbox.seeding import seed_world
from milestones.sandbox.sender import Sender
from milestones.sandbox.settings import SandboxSettings, Switches
from milestones.sandbox.traffic import Traffic
from milestones.sandbox.wire import Document, stamp
from milestones.sandbox.world import Clock, World

KEPT_REQUESTS = 20_000
KEPT_BODY = 4_000  # characters
Drop = Callable[[Scope], None]
"""Closes the connection of a request at once, without an answer."""


@dataclass(frozen=True, slots=True)
class Logged:
    """One request as ``/_sandbox/requests`` shows it; bodies of the token endpoint are not kept."""

    number: int
    at: str
    method: str
    path: str
    query: str
    operation: str | None
    status: int | None
    fault: str | None
    request_id: str
    body: Any


@dataclass(frozen=True, slots=True)
class Credentials:
    """The installation as its app knows it; ``public_key`` is SPKI PEM, for webhooks."""

    app_id: str
    app_secret: str
    instance_id: str
    site_id: str
    api_key: str
    public_key: str


class Sandbox:
    """A world with its doors: the API, the webhooks, the traffic, the faults."""

    def __init__(
        self, settings: SandboxSettings, clock: Clock, key: RSAPrivateKey, drop: Drop | None = None
    ) -> None:
        self.settings = settings
        self.key = key
        self.drop = drop
        self.requests: deque[Logged] = deque(maxlen=KEPT_REQUESTS)
        self.request_count = 0
        self.clock = clock
        self.sender = Sender(
            self._signed,
            clock,
            lambda: self.world.switches,
            seed=settings.seed,
            time_scale=settings.time_scale,
        )
        self.enter(self.empty_world(settings.seed, settings.switches))
        self.subscribe(settings.webhook_url)
        self.traffic.start(clock(), settings.earn_per_second, settings.redeem_share, None)

    def empty_world(self, seed: int, switches: Switches) -> World:
        """A site before its first day."""
        scale, kept = self.settings.time_scale, self.settings.transactions_kept
        return World(seed, self.clock, switches, time_scale=scale, transactions_kept=kept)

    def enter(self, world: World) -> None:
        """Serve this world from now on; tokens, faults and traffic of the one before are gone."""
        self.world = world
        self.faults = Faults(world.seed)
        self.traffic = Traffic(world.seed)
        self.access = Access()
        self.limit = RateLimit()
        world.backlog = lambda: self.sender.pending
        world.sink = None if self.sender.url is None else self.sender.take

    def subscribe(self, url: str | None) -> None:
        """Send webhooks to this address; None ends the subscription, and what waits is forgotten."""
        self.sender.url = url
        self.world.sink = None if url is None else self.sender.take
        self.world.changes += 1
        if url is None:
            self.sender.clear()
        else:
            self.sender.wake()

    def reset(self, seed: int, customers: int) -> None:
        """A new world in place of this one; the switches and the subscription stay."""
        self.sender.clear()
        base_url, switches = self.world.base_url, self.world.switches
        self.enter(self.empty_world(seed, switches))
        self.world.base_url = base_url
        self.begin(customers)

    def credentials(self) -> Credentials:
        """What a client of this site has to know."""
        own = self.world.identity
        return Credentials(
            own.app_id, own.app_secret, own.instance_id, own.site_id, own.api_key, public_pem(self.key)
        )

    def begin(self, customers: int) -> None:
        """Fill an empty world and start its slow clock."""
        seed_world(self.world, customers)
        bulk.plan_recalculation(self.world)

    def switch(self, switches: Switches) -> None:
        """Change behaviours while running."""
        old, self.world.switches = self.world.switches, switches
        if switches.recalculation_seconds != old.recalculation_seconds:
            bulk.plan_recalculation(self.world)
        self.world.subscriptions.reindex()
        self.world.coupons.reindex()
        self.world.changes += 1

    def advance(self) -> None:
        """Let everything happen whose time has come."""
        agenda.advance(self.world)
        self.traffic.advance(self.world)

    def _signed(self, event: Event) -> str:
        return sign(event, self.world.identity.instance_id, self.key, self.clock(), self.world.switches)


async def serve_api(sandbox: Sandbox, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request to the Wix API."""
    request = Request(scope, receive)
    text = await request.body()
    sandbox.request_count += 1
    number = sandbox.request_count
    request_id = f"{sandbox.world.identity.instance_id[:8]}.{sandbox.world.run}.{number}"
    fault = sandbox.faults.take(request.method, request.url.path)
    if fault is not None and fault.effect == "delay":
        await asyncio.sleep(fault.seconds)
    prevented = fault is not None and fault.prevents
    operation, answer = (None, Response(status_code=500)) if prevented else _answer(sandbox, request, text)
    dropped = fault is not None and fault.effect in {"drop_before", "drop_after"}
    if fault is not None and fault.effect in {"status", "status_after"}:
        answer = _faulty(fault)
    if fault is not None and fault.effect == "malformed":
        answer = Response(b'{"' + answer.body[2 : len(answer.body) // 2], 200, media_type="application/json")
    answer.headers["X-Wix-Request-Id"] = request_id
    logged = Logged(
        number=number,
        at=stamp(sandbox.world.now),
        method=request.method,
        path=request.url.path,
        query=request.url.query,
        operation=operation,
        status=None if dropped else answer.status_code,
        fault=fault.effect if fault else None,
        request_id=request_id,
        body=_kept_body(request.url.path, text),
    )
    sandbox.requests.append(logged)
    if fault is not None and fault.effect == "delay_after":
        await asyncio.sleep(fault.seconds)
    if dropped:
        _close(sandbox, scope)
        return
    if fault is not None and fault.effect == "truncate":
        await _truncated(sandbox, answer, scope, send)
        return
    await answer(scope, receive, send)


def _answer(sandbox: Sandbox, request: Request, text: bytes) -> tuple[str | None, Response]:
    """The operation's name and its answer; everything between is one step for the world."""
    sandbox.advance()
    world = sandbox.world
    path = request.url.path
    if path.startswith("/oauth2/"):
        return _oauth(sandbox, request.method, path, text)
    found = route(request.method, path)
    if found is None and world.switches.unprefixed_paths:
        found = route(request.method, f"/_api{path}")
    if found is None:
        return None, Response("Not Found", 404, media_type="text/plain")
    operation, parameters = found
    try:
        caller = sandbox.access.caller(world, request.headers)
        wait = sandbox.limit.wait(world.now, world.switches.rate_limit_per_minute)
        if wait is not None:
            return operation.name, _throttled(world, wait)
        call = Call(parameters, nested(request.query_params.multi_items()), _json_body(text), caller)
        return operation.name, JSONResponse(operation.handler(world, call))
    except (RefusedError, InvalidError) as error:
        return operation.name, JSONResponse(error.body(), error.status)


def nested(items: list[tuple[str, str]]) -> Document:
    """Query parameters as a document: dots nest, repeats make lists (fact sheet, section 0)."""
    document: Document = {}
    for key, value in items:
        *parents, name = key.split(".")
        place = document
        for parent in parents:
            inner = place.setdefault(parent, {})
            if not isinstance(inner, dict):
                raise InvalidError(key, "is given twice", "OTHER")
            place = inner
        if name not in place:
            place[name] = value
        elif isinstance(place[name], list):
            place[name].append(value)
        else:
            place[name] = [place[name], value]
    return document


def _json_body(text: bytes) -> Document:
    if not text:
        return {}
    try:
        body = json.loads(text)
    except ValueError as error:
        raise InvalidError("body", "is not valid JSON", "FORMAT") from error
    if not isinstance(body, dict):
        raise InvalidError("body", "must be a JSON object", "FORMAT")
    return body


def _oauth(sandbox: Sandbox, method: str, path: str, text: bytes) -> tuple[str | None, Response]:
    world = sandbox.world
    try:
        body = _json_body(text)
        if (method, path) == ("POST", "/oauth2/token"):
            return "token", JSONResponse(sandbox.access.issue(world, body))
        if (method, path) == ("POST", "/oauth2/token-info"):
            return "tokenInfo", JSONResponse(sandbox.access.describe(world, body))
    except OAuthError as error:
        return "token", JSONResponse(error.body, error.status)
    except InvalidError as error:
        return "token", JSONResponse({"error": "invalid_request", "error_description": str(error)}, 400)
    if (method, path) == ("GET", "/oauth2/jwks"):
        return "jwks", JSONResponse({"keys": []})
    if (method, path) == ("GET", "/oauth2/user-info"):
        refused = RefusedError(403, "PERMISSION_DENIED", "This operation needs the token of a user")
        return "userInfo", JSONResponse(refused.body(), refused.status)
    return None, Response("Not Found", 404, media_type="text/plain")


def _throttled(world: World, wait: int) -> Response:
    refused = RefusedError(429, "RESOURCE_EXHAUSTED", "Too many requests")
    headers = {"Retry-After": str(wait)} if world.switches.rate_limit_retry_after else None
    return JSONResponse(refused.body(), refused.status, headers)


def _faulty(fault: Fault) -> Response:
    if fault.body is not None:
        return Response(fault.body, fault.status, media_type=fault.content_type)
    if fault.status >= 500 or fault.status < 300:
        return Response(status_code=fault.status)  # system errors have an empty body on purpose
    codes = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED"}
    refused = RefusedError(fault.status, codes.get(fault.status, "FAILED_PRECONDITION"), "An ordered fault")
    return JSONResponse(refused.body(), fault.status)


async def _truncated(sandbox: Sandbox, answer: Response, scope: Scope, send: Send) -> None:
    body = bytes(answer.body)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": answer.raw_headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await asyncio.sleep(0.01)  # the half must be on its way before the connection is cut
    _close(sandbox, scope)


def _close(sandbox: Sandbox, scope: Scope) -> None:
    if sandbox.drop is None:
        raise ConnectionAbortedError("the sandbox dropped this request on order")
    sandbox.drop(scope)


def _kept_body(path: str, text: bytes) -> Any:
    if path.startswith("/oauth2") or not text:
        return None
    if len(text) > KEPT_BODY:
        return text[:KEPT_BODY].decode(errors="replace")
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
