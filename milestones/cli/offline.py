"""A command in the daemon's place: it holds the lock, does one thing, and leaves the rest to the next daemon."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from milestones.app import runtime
from milestones.app.build import open_runtime
from milestones.app.rules import ConfiguredRules
from milestones.app.runtime import Runtime
from milestones.cli.client import NotRunningError
from milestones.cli.options import settings_at
from milestones.cli.readonly import require_current
from milestones.commands import registry
from milestones.commands.host import Runtime as RuntimeParts
from milestones.commands.models.command import A, Command, P, Report
from milestones.config import Settings
from milestones.config.settings import SiteSettings
from milestones.errors import UsageError
from milestones.outbox.flights import Flights
from milestones.pipeline.context import Outcome
from milestones.scans.run import Kind, ScanWork, run
from milestones.store.database import meta, schema
from milestones.store.database.daemon_lock import hold_lock
from milestones.store.database.store import Store
from milestones.store.tables import Scan
from milestones.sync.work import SyncWork


@dataclass(frozen=True, slots=True)
class StoreAlone:
    """The parts of a program that need no Wix. Nobody is woken: nobody sleeps."""

    store: Store
    rules: ConfiguredRules
    clock: Callable[[], datetime] = runtime.now
    flights: Flights = field(default_factory=Flights)
    works: bool = False

    def tell(self, outcome: Outcome) -> None:
        """Leave what became due to the next daemon."""


@dataclass(frozen=True, slots=True)
class Alone:
    """``commands.host.Host`` without a daemon."""

    runtime: RuntimeParts
    settings: Settings
    whole: Runtime | None = None
    stopping: bool = False

    def scan_work(self, site_id: str) -> ScanWork:
        """What a scan of a site needs."""
        assert self.whole is not None, "a command that asks Wix is carried out with all that runs"
        return self.whole.scan_work(site_id)

    def sync_work(self, site_id: str, program: str) -> SyncWork:
        """What keeping a site in step with another program needs."""
        assert self.whole is not None, "a command that asks Wix is carried out with all that runs"
        return self.whole.sync_work(site_id, program)

    async def scan(self, site_id: str, kind: Kind) -> Scan:
        """Run a scan here. Raises MilestonesError."""
        return await run(self.scan_work(site_id), kind)

    def mistyped_callbacks(self) -> int:
        """Nobody hears webhooks here."""
        return 0

    async def reload(self) -> str:
        """There is nobody who could."""
        raise NotRunningError("No daemon is running; `milestones run` reads the configuration as it starts.")


@asynccontextmanager
async def at_store(settings: Settings) -> AsyncIterator[Alone]:
    """Open a host for commands that concern the database alone."""
    store = await Store.open(settings.daemon.database.get_secret_value())
    try:
        yield Alone(StoreAlone(store, ConfiguredRules(settings, await meta.get_secret(store))), settings)
    finally:
        await store.close()


@asynccontextmanager
async def at_wix(settings: Settings) -> AsyncIterator[Alone]:
    """Open a host for commands that ask Wix; on the sandbox, the simulated Wix runs as long as the command."""
    async with open_runtime(settings) as whole:
        yield Alone(whole, settings, whole)


async def carry_out(settings: Settings, command: Command[A, P], report: Report[P], *, asks_wix: bool) -> A:
    """Carry out a command here, with the daemon's lock. Raises MilestonesError.

    asks_wix: it needs the whole program and not the database alone.
    """
    with hold_lock(settings.daemon.database.get_secret_value()), _log_of_a_command():
        if asks_wix:
            # The daemon has its secrets; whoever works in its place needs them, and is told of all that are missing.
            settings = settings_at(settings.path)
            await _refuse_unknown_site(settings, getattr(command, "site", None))
        else:
            await require_current(settings)
        async with (at_wix if asks_wix else at_store)(settings) as host:
            return await registry.carry_out(host, command, report)


async def _refuse_unknown_site(settings: Settings, named: str | None) -> None:
    """No database is made for a site that there is none of. One that is there knows more than the configuration."""
    if (
        named is None
        or await schema.get_version_state(settings.daemon.database.get_secret_value()) != "empty"
    ):
        return
    sites = settings.list_sites()
    known = {name.casefold() for site in sites for name in (site.name, *_ids(site)) if name}
    if named.strip().casefold() not in known:
        names = ", ".join(site.name or next(_ids(site), "") for site in sites)
        raise UsageError(f"There is no site {named!r}; the configuration names {names or 'none'}.")


def _ids(site: SiteSettings) -> Iterator[str]:
    yield from (one for one in (site.instance_id, site.site_id) if one is not None)


@contextmanager
def _log_of_a_command() -> Iterator[None]:
    """Stdout is for the answer, and a command's own result says what went well: only trouble is logged."""
    former = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        yield
    finally:
        structlog.configure(**former)
