"""The application: the webhook route in front, and FastAPI for everything that people and machines look at."""

from typing import Any

import structlog
from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from milestones.errors import StoreError
from milestones.web import claims, dashboard, inbound, probes, sync_events, unsubscribe, webhooks
from milestones.web.access import RefusedError
from milestones.web.api.app import is_api
from milestones.web.assets import DEFAULT_HEADERS, Pages
from milestones.web.callback import Mistyped
from milestones.web.services import WebServices
from milestones.web.webhooks import WebhookRoute

_log = structlog.get_logger(__name__)


def create_app(services: WebServices) -> ASGIApp:
    """The whole application. No exception of a route leaves it, since a server would log it with what it quotes."""
    webhook = WebhookRoute(services.receive, services.metrics)
    site = create_site(services)

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        await _guard(site, scope, receive, send)

    others = Mistyped(services, webhook, guarded)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == webhooks.PATH:
            await webhook(scope, receive, send)
        elif scope["type"] == "http" and is_api(scope["path"]):
            await _guard(services.api, scope, receive, send)
        else:
            await others(scope, receive, send)

    return app


def create_site(services: WebServices) -> FastAPI:
    """All routes but the webhook's."""
    site = FastAPI(title="Milestones", docs_url=None, redoc_url=None, openapi_url=None)
    pages = Pages(services.zone)
    site.include_router(probes.routes(services))
    site.include_router(unsubscribe.routes(services, pages))
    site.include_router(claims.routes(services, pages))
    site.include_router(inbound.routes(services))
    site.include_router(sync_events.routes(services))
    site.include_router(dashboard.routes(services, pages))

    async def refuse(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, RefusedError)
        headers = {"www-authenticate": 'Basic realm="Milestones", charset="UTF-8"'} if error.ask else None
        return PlainTextResponse(f"{error}\n", 401 if error.ask else 403, headers)

    async def answer_unknown(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, HTTPException)
        return PlainTextResponse(f"{error.detail}.\n", error.status_code, error.headers)

    async def answer_unavailable(request: Request, error: Exception) -> Response:
        del request
        _log.error("page_failed", reason=str(error))
        return PlainTextResponse(f"{error}\n", 503)

    site.add_exception_handler(RefusedError, refuse)
    site.add_exception_handler(HTTPException, answer_unknown)
    site.add_exception_handler(StoreError, answer_unavailable)
    return site


async def _guard(site: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = _complete(message.get("headers", []))
        await send(message)

    try:
        await site(scope, receive, send_with_headers)
    except Exception as error:  # noqa: BLE001 (Starlette has answered 500 and raises again for the server's log)
        _log.error("page_failed", path=_route(scope), error=type(error).__name__)


def _complete(headers: Any) -> list[tuple[bytes, bytes]]:
    given = list(headers)
    names = {name.lower() for name, _ in given}
    return given + [header for header in DEFAULT_HEADERS.items() if header[0] not in names]


def _route(scope: Scope) -> str:
    """The path of the route, since the path of the request may hold a token."""
    return str(getattr(scope.get("route"), "path", "unknown"))
