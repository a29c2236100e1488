"""``/api/v1``: the commands of the local socket that say with which scope a token may give them, over the network.

In front of FastAPI stands what every call must pass whatever it asks for: a name of this daemon in ``Host``, a token, its
budget, and a body that is JSON. Every error is a problem (RFC 9457), and no exception leaves this.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

import structlog
from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milestones.commands.calls import Calls
from milestones.commands.models.problem import Fault
from milestones.commands.running import Running
from milestones.config.sections import ApiSettings
from milestones.errors import StoreError, blame
from milestones.observability.metrics import Metrics
from milestones.store.database.store import Store
from milestones.web.access import Access
from milestones.web.access import RefusedError as ClosedError
from milestones.web.api.bearer import Bearer
from milestones.web.api.bodies import read_body
from milestones.web.api.document import TITLE, describe_route, document
from milestones.web.api.limits import Budgets, Standing
from milestones.web.api.network import answering
from milestones.web.api.refusals import Kind, RefusedError, fault_refusal, plain_refusal, refusal, refusal_of
from milestones.web.api.routes import add_route

ROOT = "/api/v1"
DOCUMENT = f"{ROOT}/openapi.json"

_ADDRESS = re.compile(r"[^\s@/]@[^\s@]")
"""An @ with something on both sides: the name of a site may have one between spaces."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiServices:
    """Everything behind the API. settings, access: in force now; a reload may change them."""

    running: Running
    store: Store
    secret: bytes
    settings: Callable[[], ApiSettings]
    access: Callable[[], Access]
    metrics: Metrics
    clock: Callable[[], datetime]


def is_api(path: str) -> bool:
    """Whether a path is answered here."""
    return f"{path}/".startswith("/api/")


def create_api(services: ApiServices) -> ASGIApp:
    """The application behind ``/api``."""
    bearer = Bearer(services.store, services.clock, lambda: services.settings().wrong_tokens_per_minute)
    return Front(services, bearer, create_routes(services, bearer))


def create_routes(services: ApiServices, bearer: Bearer) -> FastAPI:
    """The routes, of calls that the front has let through."""
    # A redirect would send whoever follows it, and the token, to where nobody may have put TLS.
    site = FastAPI(title=TITLE, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    calls = Calls(services.store, services.secret, services.clock)
    router = APIRouter(prefix=ROOT)
    for kind in services.running.commands:
        if kind.scopes:
            answer = answering(services.running, calls, bearer, kind)
            add_route(router, kind, answer, apart=True, **describe_route(kind))
    site.include_router(router)
    # Once, and not before somebody asks: it takes longer than all else at the start of a daemon.
    told = cache(lambda: json.dumps(document(site)).encode())

    async def openapi(_request: Request) -> Response:
        return Response(told(), media_type="application/json")

    site.add_route(DOCUMENT, openapi, methods=["GET", "HEAD"])
    site.add_exception_handler(RefusedError, _tell)
    site.add_exception_handler(RequestValidationError, _tell_faults)
    site.add_exception_handler(HTTPException, _tell_plainly)
    site.add_exception_handler(Exception, _tell_nothing)
    return site


AT_ONCE = 20
"""Calls of one token under way at the same time: each that waits for an order looks at the database again and again."""


class Front:
    """What every call passes. It counts the calls under way by token."""

    def __init__(self, services: ApiServices, bearer: Bearer, site: ASGIApp) -> None:
        self._services = services
        self._bearer = bearer
        self._site = site
        self._budgets = Budgets()
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        told: dict[str, str] = {"cache-control": "no-store"}

        async def send_all(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._services.metrics.api_answers.labels(str(message["status"])).inc()
                added = [(name.encode(), value.encode()) for name, value in told.items()]
                message = {**message, "headers": [*message.get("headers", []), *added]}
            await send(message)

        with ExitStack() as call:
            refused: RefusedError | None = None
            try:
                receive = await self._let_in(scope, receive, told, call)
            except ClientDisconnect:
                return
            except RefusedError as error:
                refused = error
            except StoreError as error:
                refused = refusal_of(error, may_read=False)
            except Exception as error:  # noqa: BLE001 (whatever it is, it must not quote a person in the server's log)
                _log.error("api_failed", error=blame(error))
                refused = fault_refusal()
            if refused is not None:
                await refused.response()(scope, receive, send_all)
                return
            try:
                await self._site(scope, receive, send_all)
            except Exception as error:  # noqa: BLE001 (it was answered with 500, and raised again for the server's log)
                _log.error("api_failed", error=blame(error))

    async def _let_in(self, scope: Scope, receive: Receive, told: dict[str, str], call: ExitStack) -> Receive:
        """Let a call pass, with its body at hand; it is under way until ``call`` ends. Raises RefusedError, StoreError and
        ClientDisconnect.
        """
        request = Request(scope)
        try:
            self._services.access().require_known_name(request)
        except ClosedError as error:
            raise refusal(Kind.HOST, str(error)) from None
        if scope["path"] == DOCUMENT:
            return receive
        caller = await self._bearer.identify(request)
        standing = self._spend(caller.name)
        told |= standing.headers()
        if not standing.allowed:
            raise refusal(Kind.TOO_MANY, "This token has no more calls at the moment; try again later.")
        # Before its body, which takes time: of calls that come together, each must count for the next.
        call.enter_context(self._counted(caller.name))
        _require_nobody(scope)
        scope.setdefault("state", {})["caller"] = caller
        if request.method != "POST":
            return receive
        body = await read_body(scope, receive)
        # It may have taken its time.
        await self._bearer.require_still(caller)
        return _replay(body, receive)

    @contextmanager
    def _counted(self, name: str) -> Iterator[None]:
        """One more call of a token is under way. Raises RefusedError where there are too many."""
        if self._under_way[name] >= AT_ONCE:
            later = {"retry-after": "1"}
            raise refusal(Kind.TOO_MANY, f"{AT_ONCE} calls of this token are under way.", headers=later)
        self._under_way[name] += 1
        try:
            yield
        finally:
            self._under_way[name] -= 1

    def _spend(self, name: str) -> Standing:
        quota = self._services.settings().requests_per_minute
        return self._budgets.spend(name, quota, asyncio.get_running_loop().time())


def _require_nobody(scope: Scope) -> None:
    """No database keeps a NUL, and proxies keep what stands in an address."""
    told = scope["path"] + unquote_plus(scope["query_string"].decode("latin-1"))
    if "\0" in told:
        raise plain_refusal(400, "The address holds a NUL.")
    if _ADDRESS.search(told):
        raise plain_refusal(
            400,
            f"A mail address must not stand in a URL, which proxies log. POST it to {ROOT}/accounts/find.",
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, and then whatever comes."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return whole.pop() if whole else await receive()

    return receive_again


async def _tell(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)
    return error.response()


async def _tell_faults(_request: Request, error: Exception) -> Response:
    """Each fault with its place, and never the value: it may be somebody's."""
    assert isinstance(error, RequestValidationError)
    faults = tuple(map(_fault, error.errors()))
    where = ", ".join(sorted({one.pointer or one.parameter or one.header or "" for one in faults}))
    return refusal(Kind.INVALID, f"Something is not as the API describes it: {where}.", *faults).response()


def _fault(found: Mapping[str, Any]) -> Fault:
    place, *rest = found["loc"]
    detail = str(found["msg"])
    if place == "body":
        escaped = (str(part).replace("~", "~0").replace("/", "~1") for part in rest)
        return Fault(detail=detail, pointer="".join(["#", *(f"/{part}" for part in escaped)]))
    name = str(rest[-1]) if rest else ""
    return Fault(detail=detail, header=name) if place == "header" else Fault(detail=detail, parameter=name)


_WORDS = {404: "There is nothing at this address.", 405: "This address takes another method; see Allow."}


async def _tell_plainly(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    sentence = _WORDS.get(error.status_code, f"{error.detail}.")
    return plain_refusal(error.status_code, sentence, error.headers).response()


async def _tell_nothing(_request: Request, _error: Exception) -> Response:
    return fault_refusal().response()
