"""uvicorn inside our TaskGroup: no signal handlers of its own, ports that say what is wrong, bounded connections."""

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import Generator
from urllib.parse import urlunsplit

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from milestones.errors import MilestonesError

MOST_CONNECTIONS = 10_000
HEAD_SECONDS = 10
"""For a request's line and headers to arrive."""

LARGEST_HEAD = 64 * 1024
"""Bytes. The parser itself has no limit."""

UNREAD_SECONDS = 10
"""For a peer to read on, where an answer waits for it to."""

KEEP_ALIVE_SECONDS = 75
"""Longer than proxies commonly keep theirs (60 s), so that the proxy is the one who closes."""

BACKLOG = 2048

_HOW_TO_CHANGE = (
    "Set another address with `listen` in [daemon], or with MILESTONES_DAEMON__LISTEN=127.0.0.1:8081."
)


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP with the limits that it lacks, since any stranger can open a connection and say nothing.

    * A request's head must arrive within ``HEAD_SECONDS``, and so must what is left of a request that was answered.
    * No more than ``LARGEST_HEAD`` bytes are read of what is no body: heads, trailers, and the framing of chunks.
    * An answer that its peer does not read is given up after ``UNREAD_SECONDS``, and the connection with it.
    * At the limit of connections, an idle one makes room for the new one, so that idlers never lock Wix out.
    """

    gives_up_unread = True
    """Whether the third of these holds."""

    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _in_request = False
    _overhead = 0
    """Bytes that came since the last that belonged to a body, or ended a head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()
        if self.limit_concurrency is not None and len(self.connections) >= self.limit_concurrency:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_head()
        self._forget_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.gives_up_unread:
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget_unread()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            # It was answered for the last time, and the parser is done with it.
            return
        self._overhead += len(data)
        super().data_received(data)
        if self._overhead > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("Invalid HTTP request received.")
        elif self.is_idle():
            self._expect_head()
        else:
            self._forget_head()

    def on_message_begin(self) -> None:
        self._in_request = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._overhead = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._overhead = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        self._overhead = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # The rest of the request may still be on its way, or half of the next one have come along.
        if self._in_request and self.is_idle():
            self._expect_head()

    def is_idle(self) -> bool:
        """Whether no request is under way; uvicorn leaves ``cycle`` unset until the first."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _expect_head(self) -> None:
        if self._head is None:
            self._head = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _forget_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _make_room(self) -> None:
        for other in self.connections:
            if other is not self and isinstance(other, PatientProtocol) and other.is_idle():
                # Out of the set at once: the transport tells of its end only in the loop's next turn.
                self.connections.discard(other)
                other.transport.abort()
                return
        self.connections.discard(self)
        self.transport.abort()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave the signals alone: the daemon owns them and the order of stopping."""
        yield


def bind(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on an address; who comes before ``serve`` waits. Port 0 takes a free one.

    Raises MilestonesError with a sentence that says what is wrong with the address and how to change it.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError:
        raise MilestonesError(f"The address {host}:{port} cannot be resolved. {_HOW_TO_CHANGE}") from None
    bound: list[socket.socket] = []
    fault: OSError | None = None
    for family, kind, protocol, _, address in found:
        taken = bound[0].getsockname()[1] if bound else port
        try:
            bound.append(_bind_one(family, kind, protocol, (address[0], taken, *address[2:])))
        except OSError as error:
            # A name such as localhost may stand for addresses that this machine lacks.
            if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT} or fault is None:
                fault = error
    if fault is not None and (not bound or fault.errno == errno.EADDRINUSE):
        for sock in bound:
            sock.close()
        raise MilestonesError(_sentence(host, port, fault)) from None
    return bound


def _bind_one(family: int, kind: int, protocol: int, address: tuple[object, ...]) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        # Binding alone would not notice another daemon that has bound and not yet listened.
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def _sentence(host: str, port: int, fault: OSError) -> str:
    where = f"{host}:{port}"
    if fault.errno == errno.EADDRINUSE:
        return f"The address {where} is taken by another program, or by another daemon. {_HOW_TO_CHANGE}"
    if fault.errno == errno.EACCES:
        return f"This user may not listen on {where}; ports below 1024 are for root. {_HOW_TO_CHANGE}"
    if fault.errno == errno.EADDRNOTAVAIL:
        return f"The address {host} does not belong to this machine. {_HOW_TO_CHANGE}"
    return f"The daemon cannot listen on {where}: {fault.strerror}. {_HOW_TO_CHANGE}"


def web_address(sockets: list[socket.socket]) -> str:
    """The address that a person may open, such as ``http://127.0.0.1:8080``."""
    host, port = sockets[0].getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (it is being replaced)
    return urlunsplit(("http", f"[{host}]:{port}" if ":" in host else f"{host}:{port}", "", "", ""))


def raise_file_limit() -> int:
    """Allow this process as many open files as the system lets it; the number. Connections are files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * MOST_CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 4 * MOST_CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return wanted if soft == resource.RLIM_INFINITY else soft


async def serve(
    app: ASGIApp,
    sockets: list[socket.socket],
    stop: asyncio.Event,
    *,
    finish_within: int = 20,
    most_connections: int = MOST_CONNECTIONS,
) -> None:
    """Serve until ``stop`` is set; then accept nothing more and let requests under way end, in seconds at most.

    At most half of the process's files are spent on connections: the database and mail need the rest.
    """
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        log_config=None,
        # The application tells its own faults; what is left are the requests that stopping cuts short.
        log_level="critical",
        access_log=False,
        # The visitor's address is of no use here, and a header that anybody may send even less.
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=finish_within,
        limit_concurrency=min(most_connections, raise_file_limit() // 2),
    )
    server = _Server(config)

    async def stopper() -> None:
        await stop.wait()
        server.should_exit = True

    try:
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(stopper())
            await server.serve(sockets)
            waiting.cancel()
    finally:
        for sock in sockets:
            sock.close()
