"""The scans of all sites: when each is due by the configuration in force, and the runner that carries them out."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from milestones.app.runtime import Runtime
from milestones.config.settings import Settings
from milestones.errors import StoreError
from milestones.scans.run import Kind, Progress, ScanWork
from milestones.scans.runner import ScanRunner
from milestones.scans.schedule import Timetable, first_run
from milestones.store import scans, sites
from milestones.store.database.store import Transaction
from milestones.store.tables import Site, SiteState

log = structlog.get_logger()

AGAIN_SECONDS = 10
"""After how many a site is put on the timetable for which the database could not be asked."""


@dataclass(frozen=True, slots=True)
class Due:
    """What a timetable must know of a site: when its scans last began, and which are to be run at once."""

    site_id: str
    began: Mapping[Kind, datetime]
    at_once: Sequence[Kind]


async def list_due(tx: Transaction) -> list[Due]:
    """What a timetable must know of every active site."""
    return [await _due(tx, site) for site in await sites.list_active(tx)]


async def _due(tx: Transaction, site: Site) -> Due:
    last = {kind: await scans.find_last_finished(tx, site.id, kind) for kind in Kind}
    began = {kind: scan.started_at for kind, scan in last.items() if scan is not None}
    missing = [] if site.baseline_done_at is not None else [Kind.BASELINE]
    return Due(site.id, began, [*missing, *(Kind(kind) for kind in await scans.list_unfinished(tx, site.id))])


class Scanning:
    """The timetable and the runner. ``runner.run`` belongs into a TaskGroup; ``stop`` ends both.

    stopped: set when nothing is to be begun any more. progress: is told how far a scan is.
    """

    def __init__(self, runtime: Runtime, stopped: asyncio.Event, progress: Progress | None = None) -> None:
        self._runtime = runtime
        self._stopped = stopped
        self._progress = progress
        self.runner = ScanRunner(
            self.work, lambda kind, outcome: runtime.metrics.scans.labels(kind, outcome).inc()
        )
        self.timetable = Timetable(self.runner.ask, runtime.settings.scan.misfire_grace)
        self._background: set[asyncio.Task[None]] = set()

    def work(self, site_id: str) -> ScanWork:
        """What a scan of a site needs."""
        return self._runtime.scan_work(
            site_id, stopping=lambda: self.runner.stopping, progress=self._progress
        )

    async def start(self) -> None:
        """Begin to keep time."""
        self.timetable.start()
        await self.reschedule()

    def stop(self) -> None:
        """Begin nothing more; the runner ends after the pages under way."""
        self.timetable.stop()
        self.runner.stop()

    async def reschedule(self) -> None:
        """Make the timetable anew, by the clock as it is."""
        async with self._runtime.store.read() as tx:
            due = await list_due(tx)
        self.replace(due, self._runtime.settings)

    def replace(self, due: Sequence[Due], settings: Settings) -> None:
        """Make the timetable anew for these sites alone."""
        self.timetable.clear()
        self._add(due, settings)

    def schedule_soon(self, site_id: str) -> None:
        """Put a new site on the timetable, as soon as the database can be asked about it."""
        task = asyncio.get_running_loop().create_task(self._schedule(site_id))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _schedule(self, site_id: str) -> None:
        while not self._stopped.is_set():
            try:
                async with self._runtime.store.read() as tx:
                    site = await sites.find_site(tx, site_id)
                    active = site is not None and site.state == SiteState.ACTIVE
                    due = [await _due(tx, site)] if site is not None and active else []
            except StoreError as error:
                log.warning("site_not_scheduled", site=site_id, error=str(error))
            else:
                self._add(due, self._runtime.settings)
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_SECONDS):
                    await self._stopped.wait()

    def _add(self, plan: Sequence[Due], settings: Settings) -> None:
        """Put sites on the timetable. What was missed while nothing ran is made up for once."""
        now = self._runtime.clock()
        for due in plan:
            for kind in due.at_once:
                self.runner.ask(due.site_id, kind)
            site, schedule = settings.for_site(due.site_id), settings.scan
            if not site.hears_webhooks:
                log.info(
                    "site_without_webhooks",
                    site=due.site_id,
                    crossings_found_by="scan",
                    every=str(schedule.every),
                )
            began = due.began
            for kind, every, since in (
                (Kind.REACHED, schedule.every, began.get(Kind.REACHED)),
                (Kind.NEAR, schedule.every, began.get(Kind.NEAR)),
                (Kind.SWEEP, schedule.sweep, began.get(Kind.SWEEP) or began.get(Kind.BASELINE) or now),
            ):
                first = first_run(every, site.timezone, since, now)
                self.timetable.add(due.site_id, kind, every, site.timezone, first)
            self._runtime.engine.wake(due.site_id)
