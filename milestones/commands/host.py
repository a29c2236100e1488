"""What a command needs of whoever carries it out: the daemon, or a command line that works alone."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from milestones.config import Settings
from milestones.outbox.flights import Flights
from milestones.pipeline.context import Outcome, Rules
from milestones.scans.run import Kind, ScanWork
from milestones.store.database.store import Store
from milestones.store.tables import Scan
from milestones.sync.work import SyncWork


class Runtime(Protocol):
    """The parts of what runs that commands use."""

    @property
    def store(self) -> Store:
        """Open for writing."""

    @property
    def rules(self) -> Rules:
        """The configuration in force."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time now, UTC."""

    def tell(self, outcome: Outcome) -> None:
        """Wakes whoever has work. Called after a commit."""

    @property
    def works(self) -> bool:
        """Whether what is recorded is done here, and not by the next daemon."""

    @property
    def flights(self) -> Flights:
        """What is under way here."""


class Host(Protocol):
    """Where a command is carried out."""

    @property
    def runtime(self) -> Runtime:
        """What it works with."""

    @property
    def settings(self) -> Settings:
        """The configuration in force."""

    @property
    def stopping(self) -> bool:
        """Whether it is about to end, so that nobody is to be kept waiting."""

    def scan_work(self, site_id: str, /) -> ScanWork:
        """What a scan of a site needs."""

    def sync_work(self, site_id: str, program: str, /) -> SyncWork:
        """What keeping a site in step with another program needs."""

    async def scan(self, site_id: str, kind: Kind, /) -> Scan:
        """Run a scan, after those of the same site that were asked for before. Raises MilestonesError."""

    def mistyped_callbacks(self) -> int:
        """Genuine webhooks that came to a mistyped address since this began."""

    async def reload(self) -> str:
        """Put the configuration into force as it is now; returns its hash. Raises ConfigurationError."""
