"""The daemon: everything that runs at once, the signals, and the order of stopping.

What may still come in is closed first, then what is under way is finished, then the outbox ends the effects that it
has begun; each step waits for the one before. Twenty seconds in all.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any

import httpx
import structlog
from starlette.types import ASGIApp

from milestones.app import web
from milestones.app.build import open_runtime
from milestones.app.reload import reload
from milestones.app.runtime import Runtime
from milestones.app.scanning import Scanning, list_due
from milestones.commands import pause
from milestones.commands.running import Running
from milestones.config.settings import Settings
from milestones.errors import ConfigurationError, MilestonesError
from milestones.maintenance.erasures import keep_finishing
from milestones.maintenance.gauges import keep_measuring
from milestones.maintenance.heartbeat import Heart, keep_beating
from milestones.maintenance.mutes import keep_closing
from milestones.maintenance.programs import Watch, keep_watching
from milestones.maintenance.retention import keep_forgetting
from milestones.maintenance.syncs import Turns, keep_in_step
from milestones.maintenance.unsubscriptions import keep_telling
from milestones.observability import hangups
from milestones.scans.run import Kind, Progress, ScanWork
from milestones.store.database import heartbeat
from milestones.store.database.daemon_lock import hold_lock, only_daemon
from milestones.store.tables import Scan
from milestones.sync.work import SyncWork
from milestones.views.notices import mail_limits
from milestones.web import local, server

log = structlog.get_logger()

STOP_SECONDS = 20

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
    with hold_lock(settings.daemon.database.get_secret_value()):
        sockets = server.bind(settings.daemon.host, settings.daemon.port)
        try:
            async with open_runtime(settings, only_daemon) as runtime:
                await Daemon(runtime, load, progress).serve(sockets, announce)
        except* MilestonesError as several:
            # The first to fail ended the others; it is the one that a person can do something about.
            raise next(_leaves(several)) from None


def _leaves(group: BaseExceptionGroup[MilestonesError]) -> Iterator[MilestonesError]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


class Daemon:
    """A running runtime. Tests drive ``serve`` and set ``stop``."""

    def __init__(self, runtime: Runtime, load: Load, progress: Progress | None = None) -> None:
        self.runtime = runtime
        self.stop = asyncio.Event()
        self._load = load
        self.scanning = Scanning(runtime, self.stop, progress)
        self._reloading = asyncio.Lock()
        self._unsubscribed = asyncio.Event()
        self._access = web.read_access(runtime.settings)
        self._running = Running(self)
        runtime.after_commit.schedule = self.scanning.schedule_soon
        self._programs = Watch(
            runtime.store, runtime.assembly.client, lambda: runtime.settings, runtime.clock
        )
        runtime.after_commit.program_changed = self._programs.hear
        self._turns = Turns(
            partial(runtime.sync_works, stopping=self.stop.is_set), lambda: self.settings.daemon.public_url
        )
        runtime.after_commit.observed = self._turns.ring
        self._background: set[asyncio.Task[None]] = set()

    async def serve(self, sockets: list[Any], announce: Callable[[str], None]) -> None:
        """Run until ``stop`` is set, then end in order."""
        runtime = self.runtime
        closing = asyncio.Event()
        async with asyncio.TaskGroup() as group, self._signals():
            visits = group.create_task(server.serve(self._app(), sockets, closing, finish_within=5))
            inbox = group.create_task(runtime.inbox.run())
            engine = group.create_task(runtime.engine.run())
            runner = group.create_task(self.scanning.runner.run())
            others = [
                group.create_task(self._serve_commands()),
                *(group.create_task(service) for service in self._services()),
            ]
            address = server.web_address(sockets)
            await self._begin(address)
            announce(await self._line(address))
            log.info("serving", at=address, mode=self.settings.daemon.mode, configuration=self.settings.hash)
            await self.stop.wait()
            log.info("stopping", seconds_at_most=STOP_SECONDS)
            self.scanning.stop()
            closing.set()
            began = asyncio.get_running_loop().time()
            await _wait_for([visits, runner, *others], began + _CLOSED_AFTER)
            runtime.inbox.close()
            await _wait_for([inbox], began + _RECORDED_AFTER)
            runtime.engine.stop()
            await _wait_for([engine], began + STOP_SECONDS)
        # Any backup is older than this, however soon it is put back.
        with contextlib.suppress(MilestonesError):
            await runtime.check_continuity()
        log.info("stopped")

    def _services(self) -> list[Coroutine[Any, Any, None]]:
        """What runs by the clock until ``stop``."""
        runtime, store, clock, stop = self.runtime, self.runtime.store, self.runtime.clock, self.stop
        heart = Heart(
            store=store,
            clock=clock,
            check=runtime.check_continuity,
            reschedule=self.scanning.reschedule,
            reconcile=partial(pause.reconcile, self),
        )
        return [
            keep_telling(store, runtime.assembly.client, clock, self._unsubscribed, stop),
            keep_finishing(store, runtime.forget_mail, clock, runtime.after_commit.erased, stop),
            keep_closing(store, runtime.rules, runtime.tell, clock, stop),
            keep_measuring(store, runtime.metrics, lambda: self.settings.daemon.mode == "live", clock, stop),
            keep_beating(heart, stop),
            keep_watching(self._programs, stop),
            keep_in_step(self._turns, stop),
            keep_forgetting(store, runtime.rules, lambda: self.settings.retention, clock, stop),
        ]

    async def _line(self, address: str) -> str:
        settings = self.runtime.settings
        modes = []
        if settings.daemon.mode == "shadow":
            modes.append("SHADOW MODE: decides and records everything, sends nothing")
        modes += [f"m{limit[1:]}" for limit in mail_limits(settings)]
        if self.runtime.wix.sandbox is not None:
            modes.append(f"on the simulated Wix at {self.runtime.wix.base_url}")
        async with self.runtime.store.read() as tx:
            if reason := await heartbeat.get_hold(tx):
                modes.append(f"HELD, nothing is sent until `milestones resume`: {reason}")
        told = f" ({'; '.join(modes)})" if modes else ""
        return f"milestones {version('milestones')} serves at {address}{told}"

    # Starting

    async def _begin(self, address: str) -> None:
        runtime = self.runtime
        if runtime.wix.sandbox is not None:
            async with httpx.AsyncClient(base_url=runtime.wix.base_url, trust_env=False) as client:
                hook = {"url": f"{address}/webhooks/wix"}
                (await client.put("/_sandbox/webhook", json=hook)).raise_for_status()
        await self.scanning.start()

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.runtime.settings

    @property
    def stopping(self) -> bool:
        """Whether it is about to end."""
        return self.stop.is_set()

    def scan_work(self, site_id: str) -> ScanWork:
        """What a scan of a site needs."""
        return self.scanning.work(site_id)

    def sync_work(self, site_id: str, program: str) -> SyncWork:
        """What keeping a site in step with another program needs."""
        return self.runtime.sync_work(site_id, program, stopping=self.stop.is_set)

    async def scan(self, site_id: str, kind: Kind) -> Scan:
        """Run a scan as soon as the site is free, and wait for its end. Raises MilestonesError."""
        return await self.scanning.runner.do(site_id, kind)

    # Running

    @contextlib.asynccontextmanager
    async def _signals(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.stop.set)
        loop.add_signal_handler(signal.SIGINT, self.stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)
        if hangups.came():
            # While it started. The file may have been read before it was written.
            self._on_hangup()
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def _on_hangup(self) -> None:
        async def reload_quietly() -> None:
            with contextlib.suppress(MilestonesError):
                await self.reload()

        task = asyncio.get_running_loop().create_task(reload_quietly())
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def reload(self) -> str:
        """Read the configuration anew and swap it in whole, or keep the old one. Returns the hash in force.

        Raises ConfigurationError with every fault, and StoreError where it cannot be stored; the old configuration is
        then still in force.
        """
        # One after the other: what was read later must be what stays in force.
        async with self._reloading:
            return await self._reload()

    async def _reload(self) -> str:
        try:
            # Beside the loop, where webhooks wait: every template is tried.
            settings = await asyncio.to_thread(self._load)
            access = web.read_access(settings)
            due = await reload(self.runtime, settings, list_due)
        except MilestonesError as error:
            faults = error.faults if isinstance(error, ConfigurationError) else [str(error)]
            log.error("configuration_refused", faults=faults, in_force=self.runtime.settings.hash)
            raise
        self._access = access
        self.scanning.replace(due, settings)
        self._turns.renew()
        log.info("configuration_reloaded", configuration=settings.hash)
        return settings.hash

    async def _serve_commands(self) -> None:
        await local.serve(self.runtime.settings.daemon.socket, self._running, self.stop)

    def _app(self) -> ASGIApp:
        return web.create(
            self.runtime,
            self._running,
            access=lambda: self._access,
            hear_program=self._turns.hear,
            unsubscribed=self._unsubscribed,
        )

    def mistyped_callbacks(self) -> int:
        """Genuine webhooks that came to a mistyped address since this began."""
        return web.count_mistyped(self.runtime.metrics)


async def _wait_for(tasks: list[asyncio.Task[None]], deadline: float) -> None:
    """Wait for tasks until a time of the loop's clock; what is late is cut short."""
    _, late = await asyncio.wait(tasks, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
    for task in late:
        log.warning("stopped_in_the_middle", task=task.get_coro().__qualname__)  # type: ignore[union-attr]
        task.cancel()
