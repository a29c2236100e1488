"""A command in the daemon's place: it holds the lock, does one thing, and leaves the rest to the next daemon."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from milestones.app import runtime
from milestones.app.build import open_runtime
from milestones.app.rules import ConfiguredRules
from milestones.app.runtime import Runtime
from milestones.cli.client import NotRunningError
from milestones.commands.host import Runtime as RuntimeParts
from milestones.config import Settings
from milestones.outbox.flights import Flights
from milestones.pipeline.context import Outcome
from milestones.scans.run import Kind, ScanWork, run
from milestones.store.database import meta
from milestones.store.database.store import Store
from milestones.store.tables import Scan


@dataclass(frozen=True, slots=True)
class StoreAlone:
    """The parts of a program that need no Wix. Nobody is woken: nobody sleeps."""

    store: Store
    rules: ConfiguredRules
    clock: Callable[[], datetime] = runtime.now
    flights: Flights = field(default_factory=Flights)

    def tell(self, outcome: Outcome) -> None:
        """What became due is done by the next daemon."""


@dataclass(frozen=True, slots=True)
class Alone:
    """``commands.host.Host`` without a daemon."""

    runtime: RuntimeParts
    settings: Settings
    whole: Runtime | None = None

    def scan_work(self, site_id: str) -> ScanWork:
        """What a scan of a site needs."""
        assert self.whole is not None, "a command that asks Wix is carried out with all that runs"
        return self.whole.scan_work(site_id)

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
    """A host for commands that concern the database alone."""
    store = await Store.open(settings.daemon.database.get_secret_value())
    try:
        yield Alone(StoreAlone(store, ConfiguredRules(settings, await meta.get_secret(store))), settings)
    finally:
        await store.close()


@asynccontextmanager
async def at_wix(settings: Settings) -> AsyncIterator[Alone]:
    """A host for commands that ask Wix; on the sandbox, the simulated Wix runs as long as the command."""
    async with open_runtime(settings) as whole:
        yield Alone(whole, settings, whole)
