"""How fast another program is asked: its rate, and the pauses that it asks for."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

import httpx

from milestones.config.external_calls import LimitsTable
from milestones.domain.policy import Rate

LONGEST = 3600.0
"""Seconds that a program may have us wait."""


class Pace:
    """At most so many calls within any stretch of a period, in order of arrival."""

    def __init__(
        self,
        rate: Rate,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._monotonic = monotonic
        self._sleep = sleep
        self._calls: deque[float] = deque(maxlen=rate.times)
        self._paused_until = float("-inf")
        self._queue = asyncio.Lock()

    async def acquire(self) -> None:
        """Return when one call may be made, and count it."""
        async with self._queue:
            while (wait := self._wait()) > 0:
                await self._sleep(wait)
            self._calls.append(self._monotonic())

    def pause(self, seconds: float) -> None:
        """Have nothing begin within so many seconds."""
        self._paused_until = max(self._paused_until, self._monotonic() + min(seconds, LONGEST))

    def _wait(self) -> float:
        now = self._monotonic()
        full = len(self._calls) == self._rate.times
        free_at = self._calls[0] + self._rate.period.total_seconds() if full else now
        return max(self._paused_until, free_at) - now


def seconds_left(limits: LimitsTable | None, headers: httpx.Headers, epoch: float) -> float:
    """How long nothing may be asked any more, by what the headers of an answer tell. epoch: the time now."""
    if limits is None:
        return 0.0
    try:
        remaining, reset = float(headers.get(limits.remaining, "")), float(headers.get(limits.reset, ""))
    except ValueError:
        return 0.0
    if remaining > 0:
        return 0.0
    return min(max(reset - epoch if limits.unit == "epoch" else reset, 0.0), LONGEST)
