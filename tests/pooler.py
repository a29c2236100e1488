"""A pooler in front of PostgreSQL as PgBouncer is in transaction mode: each transaction comes to whichever connection of
the server is free, and none of them knows what was prepared on another.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONNECTIONS = 4

_NO_ENCRYPTION = (80877103, 80877104)
_VERSION = 196608
_IDLE = b"I"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


async def _received(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The kind of the next message, and the whole of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


@dataclass
class Pooler:
    """free: connections of the server that are in no transaction. greeting: what a server says of itself."""

    free: asyncio.Queue[Streams] = field(default_factory=asyncio.Queue)
    greeting: bytes = b""
    clients: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A client has come."""
        task = asyncio.get_running_loop().create_task(self.serve(reader, writer))
        self.clients.add(task)
        task.add_done_callback(self.clients.discard)

    async def connect(self, host: str, port: int, database: str) -> None:
        """Open one more connection to the server, which asks for no password."""
        reader, writer = await asyncio.open_connection(host, port)
        parameters = f"user\0postgres\0database\0{database}\0client_encoding\0UTF8\0\0".encode()
        writer.write(struct.pack("!ii", len(parameters) + 8, _VERSION) + parameters)
        self.greeting = b""
        kind = b""
        while kind != b"Z":
            kind, message = await _received(reader)
            self.greeting += message
        self.free.put_nowait((reader, writer))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, until it ends."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await self._greet(reader, writer)
            while await self._transaction(reader, writer):
                pass
        writer.close()

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        code = _NO_ENCRYPTION[0]
        while code in _NO_ENCRYPTION:
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            writer.write(b"N" if code in _NO_ENCRYPTION else self.greeting)

    async def _transaction(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Everything from one idle moment to the next. False when the client has said goodbye."""
        request = await self._request(reader)
        if request is None:
            return False
        server = await self.free.get()
        while request is not None and await self._answered(request, server, writer) != _IDLE:
            request = await self._request(reader)
        if request is None:
            await self._answered(_message(b"Q", b"ROLLBACK\0"), server, None)
        # Behind the others: the next transaction of this client comes to another one.
        self.free.put_nowait(server)
        return request is not None

    async def _request(self, reader: asyncio.StreamReader) -> bytes | None:
        found, kind = b"", b""
        while kind not in (b"Q", b"S"):
            try:
                kind, message = await _received(reader)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            if kind == b"X":
                return None
            found += message
        return found

    async def _answered(self, request: bytes, server: Streams, client: asyncio.StreamWriter | None) -> bytes:
        """Pass on a request and its answer; returns the state of the transaction then."""
        server[1].write(request)
        kind, message = b"", b""
        while kind != b"Z":
            kind, message = await _received(server[0])
            if client is not None:
                client.write(message)
        return message[-1:]


@asynccontextmanager
async def pooled(url: str) -> AsyncIterator[str]:
    """The address of a pooler in front of a database."""
    where, pooler = urlsplit(url), Pooler()
    for _ in range(CONNECTIONS):
        await pooler.connect(where.hostname or "", where.port or 5432, where.path[1:])
    serving = await asyncio.start_server(pooler.accept, "127.0.0.1", 0)
    port = serving.sockets[0].getsockname()[1]
    try:
        yield where._replace(netloc=f"postgres@127.0.0.1:{port}").geturl()
    finally:
        serving.close()
        if pooler.clients:
            await asyncio.wait(pooler.clients)
        while not pooler.free.empty():
            _, writer = pooler.free.get_nowait()
            writer.close()
            await writer.wait_closed()
