"""A load generator of its own: some connections that are kept, each sending one request after the other.

It must cost less than the fastest server under measurement, so it is a protocol on uvloop and parses no more of an
answer than it needs: its head, once for each spelling, and the length of its body.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import cast

PATH = "/webhooks/wix"


@dataclass
class Load:
    """What was sent and how it was answered. Seconds throughout."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
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


def requests(bodies: Sequence[bytes]) -> list[bytes]:
    """The bodies as they go over the wire."""
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\nContent-Length: "
    return [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]


@dataclass
class Pace:
    """When the next request may leave. rate: requests a second; None is as fast as they are answered."""

    rate: float | None
    next: float

    def wait(self, now: float) -> float:
        """Seconds until one more may leave, whose turn is taken with it."""
        if self.rate is None:
            return 0.0
        seconds, self.next = max(0.0, self.next - now), self.next + 1 / self.rate
        return seconds


async def send(
    port: int, wire: Iterator[bytes], *, connections: int, seconds: float, rate: float | None = None
) -> Load:
    """Send these requests until they or the time are used up, and wait for every answer. rate: at most, a second."""
    loop, load = asyncio.get_running_loop(), Load()
    began = time.perf_counter()
    pace = Pace(rate, began)
    senders = [
        (await loop.create_connection(lambda: _Sender(wire, load, pace, began + seconds), "127.0.0.1", port))[
            1
        ]
        for _ in range(connections)
    ]
    await asyncio.gather(*(sender.ended for sender in senders))
    load.seconds = time.perf_counter() - began
    return load


class _Sender(asyncio.Protocol):
    """One connection, and at most one request under way on it."""

    def __init__(self, wire: Iterator[bytes], load: Load, pace: Pace, until: float) -> None:
        self._wire = wire
        self._load = load
        self._pace = pace
        self._until = until
        self._heads: dict[bytes, tuple[int, int]] = {}
        self._buffer = b""
        self._asked = 0.0
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is none by inheritance.
        self._transport = cast("asyncio.Transport", transport)
        self._next(time.perf_counter())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(exc or ConnectionError("the server hung up in the middle of an answer"))

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end]
        found = self._heads.get(head)
        if found is None:
            found = _read_head(head)
            if len(self._heads) < 100:
                self._heads[head] = found
        status, length = found
        if len(self._buffer) < end + 4 + length:
            return
        self._buffer = b""
        now = time.perf_counter()
        self._load.waits.append(now - self._asked)
        self._load.statuses[status] += 1
        self._next(now)

    def _next(self, now: float) -> None:
        request = next(self._wire, None) if now < self._until else None
        if request is None:
            self.ended.set_result(None)
            self._transport.close()
            return
        if (seconds := self._pace.wait(now)) > 0:
            asyncio.get_running_loop().call_later(seconds, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        self._asked = time.perf_counter()
        self._transport.write(request)


def _read_head(head: bytes) -> tuple[int, int]:
    """The status, and the length of the body."""
    lines = head.lower().split(b"\r\n")
    lengths = [int(line.partition(b":")[2]) for line in lines if line.startswith(b"content-length:")]
    return int(head[9:12]), lengths[0] if lengths else 0
