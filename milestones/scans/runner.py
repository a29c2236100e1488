"""Runs what the schedule asks for: sites side by side, the scans of one site one after the other."""

import asyncio
from collections.abc import Callable

import structlog

from milestones.errors import MilestonesError, blame
from milestones.scans.run import Kind, ScanWork, SiteNotActiveError, run
from milestones.store.tables import Scan

log = structlog.get_logger()

AT_ONCE = 8
"""Sites scanned side by side. Each has its own budget of calls; this bounds memory."""

RETRY = 60.0
"""Seconds after which a scan that failed goes on at its page."""

_ORDER = tuple(Kind)

_STOPPED = "The daemon is stopping; the scan goes on after its next start."


class ScanRunner:
    """Takes orders without waiting; ``run`` carries them out. An order that is there already is not doubled."""

    def __init__(self, work_for: Callable[[str], ScanWork], finished: Callable[[str, str], None]) -> None:
        self._work_for = work_for
        self._finished = finished
        self._orders: dict[str, dict[Kind, list[asyncio.Future[Scan]]]] = {}
        self._busy: set[str] = set()
        self._arrived = asyncio.Event()
        self._stopping = asyncio.Event()
        self._places = asyncio.Semaphore(AT_ONCE)

    @property
    def stopping(self) -> bool:
        """Whether a scan shall stop after its page."""
        return self._stopping.is_set()

    def ask(self, site_id: str, kind: Kind) -> None:
        """Have a scan run as soon as the site is free."""
        self._orders.setdefault(site_id, {}).setdefault(kind, [])
        self._arrived.set()

    async def do(self, site_id: str, kind: Kind) -> Scan:
        """As ``ask``, and wait for its end. Raises MilestonesError as the scan does, or when this stops."""
        if self.stopping:
            raise MilestonesError(_STOPPED)
        answer: asyncio.Future[Scan] = asyncio.get_running_loop().create_future()
        self.ask(site_id, kind)
        self._orders[site_id][kind].append(answer)
        return await answer

    def stop(self) -> None:
        """End after the pages under way; the next start goes on behind them."""
        self._stopping.set()
        self._arrived.set()
        for orders in self._orders.values():
            for waiting in orders.values():
                _refuse(waiting, MilestonesError(_STOPPED))

    async def run(self) -> None:
        """Serve until ``stop``."""
        async with asyncio.TaskGroup() as group:
            while not self._stopping.is_set():
                await self._arrived.wait()
                self._arrived.clear()
                for site_id in [s for s, orders in self._orders.items() if orders and s not in self._busy]:
                    self._busy.add(site_id)
                    group.create_task(self._serve(site_id))

    async def _serve(self, site_id: str) -> None:
        async with self._places:
            while self._orders.get(site_id) and not self._stopping.is_set():
                kind = min(self._orders[site_id], key=_ORDER.index)
                await self._one(site_id, kind, self._orders[site_id].pop(kind))
        self._busy.discard(site_id)
        self._arrived.set()

    async def _one(self, site_id: str, kind: Kind, waiting: list[asyncio.Future[Scan]]) -> None:
        try:
            scan = await run(self._work_for(site_id), kind)
        except SiteNotActiveError as error:
            # The timetable may still ask. When the app comes back, the daemon asks for everything anew.
            log.info("scan_left_out", site=site_id, kind=kind.value)
            _refuse(waiting, error)
        except MilestonesError as error:
            log.warning("scan_stopped", site=site_id, kind=kind.value, error=str(error), retry_seconds=RETRY)
            self._finished(kind.value, "stopped")
            _refuse(waiting, error)
            self._again(site_id, kind)
        except Exception as error:  # noqa: BLE001 - a fault of this program in one scan must not end the daemon
            log.error("scan_crashed", site=site_id, kind=kind.value, error=blame(error), retry_seconds=RETRY)
            self._finished(kind.value, "crashed")
            _refuse(waiting, error)
            self._again(site_id, kind)
        else:
            self._finished(kind.value, "finished")
            for answer in waiting:
                if not answer.done():
                    answer.set_result(scan)

    def _again(self, site_id: str, kind: Kind) -> None:
        asyncio.get_running_loop().call_later(RETRY, self.ask, site_id, kind)


def _refuse(waiting: list[asyncio.Future[Scan]], error: Exception) -> None:
    # Whoever asked may be gone.
    for answer in waiting:
        if not answer.done():
            answer.set_exception(error)
