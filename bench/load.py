"""A load generator of its own: some connections that are kept, each sending one request after the other."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import quantiles


@dataclass
class Load:
    """What was sent and how it was answered. Seconds throughout; ``cpu`` are those that the server spent."""

    seconds: float = 0.0
    cpu: float = 0.0
    statuses: dict[int, int] = field(default_factory=dict)
    waits: list[float] = field(default_factory=list)

    @property
    def acknowledged(self) -> int:
        return self.statuses.get(200, 0)

    @property
    def rate(self) -> float:
        """Acknowledged requests a second."""
        return self.acknowledged / self.seconds

    def wait(self, percent: int) -> float:
        """So many of a hundred requests were answered within this time."""
        return quantiles(self.waits, n=100, method="inclusive")[percent - 1]


async def send(port: int, bodies: list[bytes], *, connections: int, seconds: float) -> Load:
    """POST the bodies until they or the time are used up."""
    load, left = Load(), iter(bodies)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(_connection(port, left, load, until=began + seconds))
    load.seconds = time.perf_counter() - began
    return load


async def _connection(port: int, bodies: Iterator[bytes], load: Load, *, until: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in bodies:
        asked = time.perf_counter()
        if asked > until:
            break
        head = f"POST /webhooks/wix HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        status = await _answer(reader)
        load.waits.append(time.perf_counter() - asked)
        load.statuses[status] = load.statuses.get(status, 0) + 1
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line[:15].lower() == b"content-length:"
    )
    if length:
        await reader.readexactly(length)
    return int(head[9:12])
