"""The daemon's local socket: commands that change something go through it, so that one process writes.

HTTP on a socket in the file system, with the routes of ``web.api``. Whoever may open the socket may do everything, so
only its owner may.
"""

import asyncio
from http import HTTPStatus
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from milestones.commands.running import Running
from milestones.web.api.commands import command_routes
from milestones.web.api.problems import problem, problem_response
from milestones.web.server import PatientProtocol
from milestones.web.socket_file import bind, is_owner

LARGEST_REQUEST = 4 * 1024 * 1024
"""Bytes. The daemon must not be filled by whoever asks."""

REQUEST_SECONDS = 10.0
"""For a request's body to arrive."""

_LAST_WORDS_SECONDS = 1.0
"""For whoever asked to read that it was cut short."""

_log = structlog.get_logger(__name__)


async def serve(path: Path, running: Running, stop: asyncio.Event) -> None:
    """Answer until ``stop``, then let what is under way end. A dead daemon's socket file is replaced.

    Cancelled, it cuts short what is under way, and says so to whoever asked.

    Raises StoreBusyError when another daemon answers on it, and ConfigurationError for a path that cannot be one.
    """
    config = uvicorn.Config(
        create_local(running),
        http=OwnerProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        # The routes tell their own faults.
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    state = ServerState()

    def connect() -> OwnerProtocol:
        return OwnerProtocol(config=config, server_state=state, app_state={})

    with bind(path) as listening:
        # Not uvicorn's own server: it ends by the clock, and this one when the last command has ended.
        listener = await asyncio.get_running_loop().create_server(connect, sock=listening)
        try:
            await stop.wait()
            listener.close()
            _hang_up(state, idle_only=True)
            while state.tasks:
                await asyncio.wait(state.tasks)
            await running.finish()
        finally:
            listener.close()
            await running.cut_short()
            if state.tasks:
                await asyncio.wait(state.tasks, timeout=_LAST_WORDS_SECONDS)
            _hang_up(state)


def _hang_up(state: ServerState, *, idle_only: bool = False) -> None:
    for connection in list(state.connections):
        assert isinstance(connection, OwnerProtocol), "nobody else puts any there"
        if idle_only:
            connection.shutdown()
        else:
            connection.transport.close()


class OwnerProtocol(PatientProtocol):
    """HTTP with the owner of this process, and with nobody else.

    It waits for as long as it takes until an answer is read: a person may have stopped the command line in its middle.
    """

    gives_up_unread = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not is_owner(transport.get_extra_info("socket")):
            _log.warning("control_refused", reason="another user")
            transport.abort()


def create_local(running: Running) -> ASGIApp:
    """The application behind the socket."""
    site = FastAPI(title="Milestones, local", docs_url=None, redoc_url=None, openapi_url=None)
    site.include_router(command_routes(running))
    site.add_exception_handler(HTTPException, _answer_unknown)
    site.add_exception_handler(RequestValidationError, _other_version)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read_body(receive)
        except ClientDisconnect:
            return
        except HTTPException as error:
            await _refuse(error)(scope, receive, send)
            return
        await site(scope, _replay(body, receive), send)

    return app


async def _read_body(receive: Receive) -> bytes:
    """The whole body. Raises HTTPException where it is too long or too slow, and ClientDisconnect."""
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > LARGEST_REQUEST:
                    raise HTTPException(
                        413, f"A command has at most {LARGEST_REQUEST} bytes; give it in parts"
                    )
                more = message.get("more_body", False)
    except TimeoutError:
        raise HTTPException(408, "The command did not arrive in time") from None
    return bytes(body)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body as one message, and then whatever comes."""
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return whole.pop() if whole else await receive()

    return receive_again


def _refuse(error: HTTPException) -> Response:
    return problem_response(problem(HTTPStatus(error.status_code), f"{error.detail}."))


async def _answer_unknown(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code not in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return _refuse(error)
    return problem_response(
        problem(
            HTTPStatus(error.status_code),
            f"The running daemon does not know {request.url.path!r}: it is of another version than this command. "
            "Restart it.",
        )
    )


async def _other_version(request: Request, error: Exception) -> Response:
    """The command line has tried what it sends by its own models."""
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(sorted({_field(fault["loc"]) for fault in error.errors()}))
    return problem_response(
        problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            f"The running daemon does not understand {fields} of {request.url.path!r}: it is of another version than "
            "this command. Restart it.",
        )
    )


def _field(place: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in place[1:]) or "the body"
