"""Starting and stopping: the HTTP server, the webhook sender, the clock of the site, the state file."""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from wixsandbox import persistence
from wixsandbox.app import serve_api
from wixsandbox.control import serve_control
from wixsandbox.errors import SandboxError
from wixsandbox.events import new_key
from wixsandbox.settings import SandboxSettings
from wixsandbox.simulator import Credentials, Sandbox
from wixsandbox.world import Clock

log = logging.getLogger("wixsandbox")

TICK = 0.02  # seconds between two looks at the agenda


@dataclass(frozen=True, slots=True)
class RunningSandbox:
    """A sandbox that serves."""

    base_url: str
    sandbox: Sandbox

    @property
    def credentials(self) -> Credentials:
        """What a client of the site has to know."""
        return self.sandbox.credentials()


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def application(sandbox: Sandbox) -> ASGIApp:
    """The sandbox as an ASGI application, without sender and ticking clock: what most tests talk to."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        # a client that goes away while it sends is no fault of anybody
        with contextlib.suppress(ClientDisconnect):
            if scope["path"].startswith("/_sandbox"):
                answer = await serve_control(sandbox, Request(scope, receive))
                await answer(scope, receive, send)
            else:
                await serve_api(sandbox, scope, receive, send)

    return app


@asynccontextmanager
async def serve(settings: SandboxSettings, clock: Clock = utc_now) -> AsyncIterator[RunningSandbox]:
    """Serve for as long as the context is open. Raises `SandboxError` if the port is taken or the state file
    is not one of ours, or another sandbox's.
    """
    listener = _listen(settings.host, settings.port)
    host, port = listener.getsockname()[:2]
    with contextlib.closing(listener), persistence.hold_file(settings.state_file):
        transports = _Transports()
        sandbox = persistence.load(settings, clock, transports.drop)
        if sandbox is None:
            sandbox = Sandbox(settings, clock, new_key(), transports.drop)
            sandbox.begin(settings.customers)
        base_url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        sandbox.world.base_url = base_url
        persistence.mark_open(sandbox)
        server = _Server(_config(sandbox, transports))
        tasks = [
            asyncio.create_task(server.serve([listener]), name="sandbox-http"),
            asyncio.create_task(sandbox.sender.run(), name="sandbox-sender"),
            asyncio.create_task(_tick(sandbox), name="sandbox-clock"),
            asyncio.create_task(persistence.keep(sandbox), name="sandbox-state"),
        ]
        for task in tasks:
            task.add_done_callback(_log_failure)
        try:
            await server.ready.wait()
            yield RunningSandbox(base_url, sandbox)
        finally:
            server.should_exit = True
            for task in tasks[1:]:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            persistence.close(sandbox)


def _log_failure(task: asyncio.Task[None]) -> None:
    """A part that failed is told at once: the others go on without it, for days perhaps."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s failed; start the simulated Wix again", task.get_name(), exc_info=error)


async def run(settings: SandboxSettings) -> None:
    """Serve until SIGTERM or SIGINT; the command ``wixsandbox``."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serve(settings) as running:
            print(_greeting_text(running), flush=True)  # noqa: T201 - the command's one line
            await stopped.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _greeting_text(running: RunningSandbox) -> str:
    customers = len(running.sandbox.world.accounts)
    return f"The simulated Wix serves {customers} customers at {running.base_url} (credentials: /_sandbox/credentials)"


async def _tick(sandbox: Sandbox) -> None:
    while True:
        sandbox.advance()
        await asyncio.sleep(TICK)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio only switches Nagle's algorithm off, which would cost 40 ms an answer, where the protocol is named
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise SandboxError(
            f"The simulated Wix cannot listen on {host}:{port} ({error.strerror or error}). "
            "Choose another port (--port, or port in the table [sandbox] of the configuration; 0 takes any free "
            "one) or host, or stop what uses it."
        ) from error
    return listener


class _Server(uvicorn.Server):
    """uvicorn without signal handlers, which belong to the program around it, and with a sign that it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Transports:
    """The open connections by their peer's address: an ASGI application cannot close one without an answer."""

    def __init__(self) -> None:
        self.open: dict[tuple[str, int], asyncio.Transport] = {}

    def drop(self, scope: Scope) -> None:
        """Close the connection of this request at once."""
        transport = self.open.get(tuple(scope["client"]))
        if transport is not None:
            transport.abort()

    def protocol(self) -> type[H11Protocol]:
        """Uvicorn's protocol, which tells here what it opens and closes."""
        transports = self.open

        class Protocol(H11Protocol):
            def connection_made(self, transport: Any) -> None:
                transports[tuple(transport.get_extra_info("peername")[:2])] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(tuple(self.transport.get_extra_info("peername")[:2]), None)
                super().connection_lost(exc)

        return Protocol


def _config(sandbox: Sandbox, transports: _Transports) -> uvicorn.Config:
    return uvicorn.Config(
        application(sandbox),
        http=transports.protocol(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
