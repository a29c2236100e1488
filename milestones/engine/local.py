"""The local engine: sites are drained in this process, side by side, each by one task at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import structlog

from milestones.errors import MilestonesError

log = structlog.get_logger()

Drain = Callable[[str], Awaitable[datetime | None]]
"""The unit of work: does what is due of a site. Returns when more will be, if it knows. Raises MilestonesError."""

LONGEST_SLEEP = 60.0
"""Seconds after which a site is looked at without being woken, so that a clock that jumped is noticed."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0


class LocalEngine:
    """Wakes the drains of sites. ``run`` holds their tasks; ``stop`` lets them end what is in flight."""

    def __init__(self, drain: Drain, clock: Callable[[], datetime]) -> None:
        self.drain = drain
        self._clock = clock
        self._bells: dict[str, asyncio.Event] = {}
        self._served: set[str] = set()
        self._new: asyncio.Queue[str] = asyncio.Queue()
        self._stopping = asyncio.Event()
        self.running = False

    def wake(self, site_id: str) -> None:
        """Drain a site, since something of it may be due. Call it after the commit, never before."""
        if site_id not in self._served:
            self._served.add(site_id)
            self._new.put_nowait(site_id)
        self.bell(site_id).set()

    def bell(self, site_id: str) -> asyncio.Event:
        """What ``wake`` rings. A drain that is under way listens to it too."""
        return self._bells.setdefault(site_id, asyncio.Event())

    def stop(self) -> None:
        """Begin nothing new."""
        self._stopping.set()
        for bell in self._bells.values():
            bell.set()

    @property
    def stopping(self) -> bool:
        """Whether ``stop`` was called; drains look at it before every effect."""
        return self._stopping.is_set()

    async def run(self) -> None:
        """Serve until ``stop``; returns when every drain has ended what it had begun."""
        self.running = True
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(self._stopping.wait())
            while not self._stopping.is_set():
                arriving = group.create_task(self._new.get())
                await asyncio.wait({waiting, arriving}, return_when=asyncio.FIRST_COMPLETED)
                if arriving.done():
                    group.create_task(self._serve(arriving.result()))
                else:
                    arriving.cancel()

    async def _serve(self, site_id: str) -> None:
        bell, failures = self._bells[site_id], 0
        while not self._stopping.is_set():
            bell.clear()
            try:
                due = await self.drain(site_id)
                failures = 0
                await self._sleep(bell, LONGEST_SLEEP if due is None else self._until(due))
            except MilestonesError as error:
                failures += 1
                log.warning("drain_failed", site=site_id, error=str(error))
                await self._sleep(self._stopping, _pause(failures))
            except Exception:
                # A fault of this program in one site must neither stop the others nor end the daemon.
                failures += 1
                log.exception("drain_crashed", site=site_id)
                await self._sleep(self._stopping, _pause(failures))

    def _until(self, due: datetime) -> float:
        return min(LONGEST_SLEEP, max(0.0, (due - self._clock()).total_seconds()))

    async def _sleep(self, bell: asyncio.Event, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await bell.wait()
        except TimeoutError:
            pass


def _pause(failures: int) -> float:
    return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10)))
