"""The daemon: everything that runs at once, the signals, and the order of stopping.

What may still come in is closed first, then what is under way is finished, then the outbox ends the effects that it
has begun; each step waits for the one before. Twenty seconds in all.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx
import structlog

from milestones import control
from milestones.app.runtime import Program, opened
from milestones.commands import pause
from milestones.commands.registry import registry
from milestones.config.settings import Settings
from milestones.domain import keys
from milestones.errors import ConfigurationError, MilestonesError, StoreError
from milestones.maintenance.erasures import keep_finishing
from milestones.maintenance.gauges import keep_measuring
from milestones.maintenance.heartbeat import Heart, keep_beating
from milestones.maintenance.retention import keep_forgetting
from milestones.maintenance.unsubscriptions import keep_telling
from milestones.observability import hangups
from milestones.scans.run import Kind, Progress, ScanWork
from milestones.scans.runner import ScanRunner
from milestones.scans.schedule import Timetable, first_run
from milestones.store import scans, sites
from milestones.store.database import heartbeat
from milestones.store.database.daemon_lock import held, only_daemon
from milestones.store.database.store import Transaction
from milestones.store.people import people
from milestones.store.tables import Scan, Site
from milestones.views.notices import mail_limits
from milestones.views.timeline import Happenings
from milestones.web import password, server
from milestones.web.access import ONLY_HERE, Access
from milestones.web.app import create_app
from milestones.web.services import WebServices

log = structlog.get_logger()

STOP_SECONDS = 20

AGAIN_SECONDS = 10
"""After how many a site is put on the timetable for which the database could not be asked."""

_CLOSED_AFTER, _RECORDED_AFTER = 8, 10
"""Of these, after how many nothing comes in any more, and what came is recorded. The rest is for effects under way."""

Load = Callable[[], Settings]
"""Reads the configuration anew, for a reload. Raises ConfigurationError."""


async def run(
    settings: Settings, load: Load, announce: Callable[[str], None], progress: Progress | None = None
) -> None:
    """Serve until SIGTERM or SIGINT. ``announce`` gets one line when it does, and ``progress`` is told how far a
    scan is. Raises MilestonesError.
    """
    with held(settings.daemon.database.get_secret_value()):
        sockets = server.bind(settings.daemon.host, settings.daemon.port)
        try:
            async with opened(settings, only_daemon) as program:
                await Daemon(program, load, progress).serve(sockets, announce)
        except* MilestonesError as several:
            # The first to fail ended the others; it is the one that a person can do something about.
            raise next(_leaves(several)) from None


def _leaves(group: BaseExceptionGroup[MilestonesError]) -> Iterator[MilestonesError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


@dataclass(frozen=True, slots=True)
class Due:
    """What a timetable must know of a site: when its scans last began, and which are to be run at once."""

    site_id: str
    began: Mapping[Kind, datetime]
    at_once: Sequence[Kind]


class Daemon:
    """A running program. Tests drive ``serve`` and set ``stop``."""

    def __init__(self, program: Program, load: Load, progress: Progress | None = None) -> None:
        self.program = program
        self._progress = progress
        self.stop = asyncio.Event()
        self._load = load
        self._runner = ScanRunner(
            self.scan_work, lambda kind, outcome: program.metrics.scans.labels(kind, outcome).inc()
        )
        self._timetable = Timetable(self._runner.ask, program.settings.scan.misfire_grace)
        self._reloading = asyncio.Lock()
        self._untold = asyncio.Event()
        self._happenings = Happenings(program.store, lambda: program.settings, program.clock)
        self._access = _access(program.settings)
        program.site_found = self._schedule_soon
        self._background: set[asyncio.Task[None]] = set()

    async def serve(self, sockets: list[Any], announce: Callable[[str], None]) -> None:
        """Run until ``stop`` is set, then end in order."""
        program = self.program
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as group, self._signals():
            web = group.create_task(server.serve(self._app(), sockets, closing, finish_within=5))
            inbox = group.create_task(program.inbox.run())
            engine = group.create_task(program.engine.run())
            runner = group.create_task(self._runner.run())
            others = [
                group.create_task(self._controlled()),
                *(group.create_task(service) for service in self._services()),
            ]
            address = server.web_address(sockets)
            await self._begin(address)
            announce(await self._line(address))
            settings = program.settings
            log.info("serving", at=address, mode=settings.daemon.mode, configuration=settings.hash)
            await self.stop.wait()
            log.info("stopping", seconds_at_most=STOP_SECONDS)
            self._timetable.stop()
            self._runner.stop()
            self._untold.set()
            program.erased.set()
            closing.set()
            began = asyncio.get_running_loop().time()
            await _ended([web, runner, *others], began + _CLOSED_AFTER)
            program.inbox.close()
            await _ended([inbox], began + _RECORDED_AFTER)
            program.engine.stop()
            await _ended([engine], began + STOP_SECONDS)
        # Any backup is older than this, however soon it is put back.
        with contextlib.suppress(MilestonesError):
            await program.check_continuity()
        log.info("stopped")

    def _services(self) -> list[Coroutine[Any, Any, None]]:
        """What runs by the clock until ``stop``."""
        program, store, clock, stop = self.program, self.program.store, self.program.clock, self.stop
        heart = Heart(
            store=store,
            clock=clock,
            check=program.check_continuity,
            reschedule=self._reschedule,
            reconcile=partial(pause.reconcile, self),
        )
        return [
            keep_telling(store, program.assembly.client, clock, self._untold, stop),
            keep_finishing(store, program.forget_mail, clock, program.erased, stop),
            keep_measuring(store, program.metrics, lambda: self.settings.daemon.mode == "live", clock, stop),
            keep_beating(heart, stop),
            keep_forgetting(store, program.rules, lambda: self.settings.retention, clock, stop),
        ]

    async def _line(self, address: str) -> str:
        settings = self.program.settings
        modes = []
        if settings.daemon.mode == "shadow":
            modes.append("SHADOW MODE: decides and records everything, sends nothing")
        modes += [f"m{limit[1:]}" for limit in mail_limits(settings)]
        if self.program.wix.sandbox is not None:
            modes.append(f"on the simulated Wix at {self.program.wix.base_url}")
        async with self.program.store.read() as tx:
            if reason := await heartbeat.held(tx):
                modes.append(f"HELD, nothing is sent until `milestones resume`: {reason}")
        told = f" ({'; '.join(modes)})" if modes else ""
        return f"milestones {version('milestones')} serves at {address}{told}"

    # Starting

    async def _begin(self, address: str) -> None:
        program = self.program
        if program.wix.sandbox is not None:
            async with httpx.AsyncClient(base_url=program.wix.base_url, trust_env=False) as client:
                hook = {"url": f"{address}/webhooks/wix"}
                (await client.put("/_sandbox/webhook", json=hook)).raise_for_status()
        self._timetable.start()
        await self._reschedule()

    def _schedule_soon(self, site_id: str) -> None:
        async def scheduled() -> None:
            while not self.stop.is_set():
                try:
                    async with self.program.store.read() as tx:
                        site = await sites.named(tx, site_id)
                        active = site is not None and site.state == "active"
                        found = [await self._due(tx, site)] if site is not None and active else []
                except StoreError as error:
                    log.warning("site_not_scheduled", site=site_id, error=str(error))
                else:
                    self._apply(found, self.program.settings)
                    return
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(AGAIN_SECONDS):
                        await self.stop.wait()

        task = asyncio.get_running_loop().create_task(scheduled())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _plan(self, tx: Transaction, _settings: Settings) -> list[Due]:
        """What of every active site a timetable must know."""
        return [await self._due(tx, site) for site in await sites.active(tx)]

    async def _due(self, tx: Transaction, site: Site) -> Due:
        last = {kind: await scans.last_finished(tx, site.id, kind) for kind in Kind}
        began = {kind: scan.started_at for kind, scan in last.items() if scan is not None}
        missing = [] if site.baseline_done_at is not None else [Kind.BASELINE]
        return Due(site.id, began, [*missing, *(Kind(kind) for kind in await scans.unfinished(tx, site.id))])

    def _apply(self, plan: list[Due], settings: Settings) -> None:
        """Put sites on the timetable. What was missed while nothing ran is made up for once."""
        now = self.program.clock()
        for due in plan:
            for kind in due.at_once:
                self._runner.ask(due.site_id, kind)
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
                self._timetable.add(due.site_id, kind, every, site.timezone, first)
            self.program.engine.wake(due.site_id)

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.program.settings

    def scan_work(self, site_id: str) -> ScanWork:
        """What a scan of a site needs."""
        return self.program.scan_work(
            site_id, stopping=lambda: self._runner.stopping, progress=self._progress
        )

    async def scan(self, site_id: str, kind: Kind) -> Scan:
        """Run a scan as soon as the site is free, and wait for its end. Raises MilestonesError."""
        return await self._runner.do(site_id, kind)

    # Running

    @contextlib.asynccontextmanager
    async def _signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_signal_handler(signal.SIGINT, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        if hangups.came():
            # While it started. The file may have been read before it was written.
            self._hung_up()
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _hung_up(self) -> None:
        async def reloaded() -> None:
            with contextlib.suppress(MilestonesError):
                await self.reload()

        task = asyncio.get_running_loop().create_task(reloaded())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def reload(self) -> str:
        """Read the configuration anew and swap it in whole, or keep the old one. Returns the hash in force.

        Raises ConfigurationError with every fault, and StoreError where it cannot be stored; the old configuration is
        then still in force.
        """
        # One after the other: what was read later must be what stays in force.
        async with self._reloading:
            return await self._reloaded()

    async def _reloaded(self) -> str:
        try:
            # Beside the loop, where webhooks wait: every template is tried.
            settings = await asyncio.to_thread(self._load)
            access = _access(settings)
            plan = await self.program.reload(settings, self._plan)
        except MilestonesError as error:
            faults = error.faults if isinstance(error, ConfigurationError) else [str(error)]
            log.error("configuration_refused", faults=faults, in_force=self.program.settings.hash)
            raise
        self._access = access
        self._timetable.clear()
        self._apply(plan, settings)
        log.info("configuration_reloaded", configuration=settings.hash)
        return settings.hash

    async def _reschedule(self) -> None:
        settings = self.program.settings
        async with self.program.store.read() as tx:
            plan = await self._plan(tx, settings)
        self._timetable.clear()
        self._apply(plan, settings)

    async def _controlled(self) -> None:
        await control.serve(self.program.settings.daemon.socket, registry(self), self.stop)

    # The web

    def _app(self) -> Any:
        program = self.program
        return create_app(
            WebServices(
                receive=program.door.receive,
                recognise=lambda token: keys.opened_token(program.rules.secret, token) is not None,
                unsubscribe=self._unsubscribe,
                readiness=self._happenings.readiness,
                overview=self._happenings.overview,
                recent=self._happenings.recent,
                mail=self._happenings.mail,
                metrics=program.metrics,
                access=lambda: self._access,
                clock=program.clock,
                zone=lambda: program.settings.daemon.timezone,
            )
        )

    async def _unsubscribe(self, token: str) -> bool:
        key = keys.opened_token(self.program.rules.secret, token)
        if key is None:
            return False
        async with self.program.store.write() as tx:
            await people.suppress(tx, [key], "unsubscribed", self.program.clock())
        self._untold.set()
        return True


async def _ended(tasks: list[asyncio.Task[None]], deadline: float) -> None:
    """Wait for tasks until a time of the loop's clock; what is late is cut short."""
    _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    for task in late:
        log.warning("stopped_in_the_middle", task=task.get_coro().__qualname__)  # type: ignore[union-attr]
        task.cancel()


def _access(settings: Settings) -> Access:
    """Who may see the operator's pages. Raises ConfigurationError for a password file that cannot be used."""
    daemon = settings.daemon
    # Read once now, so that it is told with a sentence before anybody visits.
    closed = password.read(daemon.password_file) is None
    access = Access(daemon.host, daemon.public_url, lambda: password.read(daemon.password_file))
    if closed and access.beyond_this_machine:
        log.warning("pages_closed", reason=ONLY_HERE)
    return access
