"""The operator's own service, to which outgoing webhooks go."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Receiver:
    """What arrived: ``webhook-id`` by account, in the order of arrival, repeats included.

    answers: what is said to the next ones, in place of 204: a status line, or nothing before the connection is cut.
    """

    url: str = ""
    ids: dict[str, list[str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
            told = json.loads(await reader.readexactly(int(headers["content-length"])))
            self.ids.setdefault(told["data"]["account"], []).append(headers["webhook-id"])
            answer = self.answers.pop(0) if self.answers else "204 No Content"
            if answer:
                writer.write(f"HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever called was killed
        finally:
            writer.close()


@asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """A service on a free port, gone with the block."""
    told = Receiver()
    server = await asyncio.start_server(told.serve, "127.0.0.1", 0)
    told.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    async with server:
        yield told
