"""How many calls a site may make: so many a minute, some of them kept for people who wait (design, section 5).

Wix once documented 200 requests a minute for each app instance, and now documents only that 429 means to wait a minute
(docs/wix-api.md, 6). So we keep to a number by ourselves, and stand still when Wix says that it was too many.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

WINDOW_SECONDS = 60.0
PAUSE_SECONDS = 60.0


_PERSON_WAITS: ContextVar[bool] = ContextVar("person_waits", default=False)


@contextmanager
def a_person_waits() -> Iterator[None]:
    """Calls that are made inside may use the reserve, and while Wix throttles the site they are told so at once.

    It reaches tasks that are begun inside, so begin none that goes on alone.
    """
    before = _PERSON_WAITS.set(True)
    try:
        yield
    finally:
        _PERSON_WAITS.reset(before)


def person_waits() -> bool:
    """Whether somebody waits for the answer to the call that is being made."""
    return _PERSON_WAITS.get()


class Pacer(Protocol):
    """The budget of one site. This process may own all of it, or take slices of a row in the database."""

    async def acquire(self, *, priority: bool = False) -> None:
        """Returns when one call may be made, and counts it. A cancelled wait counts nothing.

        priority: a person waits for the answer, so the reserve may be used. While the site is paused such a caller
        is not kept waiting: it gets ``PausedError`` at once.
        """
        ...

    async def pause(self, seconds: float = PAUSE_SECONDS) -> None:
        """Wix has said 429: no call of this site may start within this many seconds."""
        ...


class PausedError(Exception):
    """The site is paused for ``seconds`` more."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"paused for {seconds:.0f} s more")


class SlidingWindowPacer:
    """At most ``per_minute`` calls in any 60 s, of which ordinary callers never take the last ``reserve``.

    The window slides because nobody knows when Wix's own minute begins. Times are those of ``monotonic``, so that a
    clock that is set back cannot make a pause last for hours. A budget so small that the reserve would be more than
    half of it reserves half.
    """

    def __init__(
        self,
        per_minute: int = 200,
        reserve: int = 20,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if per_minute < 1 or reserve < 0:
            raise ValueError("a site needs at least one call a minute, and a reserve is not negative")
        self._monotonic = monotonic
        self._sleep = sleep
        self._all: deque[float] = deque()
        self._ordinary: deque[float] = deque()
        self._per_minute = per_minute
        self._for_ordinary = per_minute - min(reserve, per_minute // 2)
        self._paused_until = float("-inf")
        # One lock for each kind of caller keeps them in order of arrival; a person never queues behind a scan.
        self._queue = asyncio.Lock()
        self._priority_queue = asyncio.Lock()

    async def acquire(self, *, priority: bool = False) -> None:
        """See ``Pacer.acquire``."""
        async with self._priority_queue if priority else self._queue:
            while (wait := self._wait(priority=priority)) > 0:
                await self._sleep(wait)
            now = self._monotonic()
            self._all.append(now)
            if not priority:
                self._ordinary.append(now)

    async def pause(self, seconds: float = PAUSE_SECONDS) -> None:
        """See ``Pacer.pause``. Several calls that were under way may all be refused: the latest end counts."""
        self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    def _wait(self, *, priority: bool) -> float:
        now = self._monotonic()
        paused = self._paused_until - now
        if priority and paused > 0:
            raise PausedError(paused)
        return max(
            paused,
            _until_free(self._all, self._per_minute, now),
            0.0 if priority else _until_free(self._ordinary, self._for_ordinary, now),
        )


def _until_free(calls: deque[float], limit: int, now: float) -> float:
    while calls and calls[0] <= now - WINDOW_SECONDS:
        calls.popleft()
    return 0.0 if len(calls) < limit else calls[0] + WINDOW_SECONDS - now
