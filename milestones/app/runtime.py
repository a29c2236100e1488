"""What runs: the parts of the daemon, put together. ``app.build`` makes one, ``app.reload`` swaps its configuration."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from milestones.app.assembly import Assembly, Wix
from milestones.app.intake import AfterCommit
from milestones.app.rules import ConfiguredRules, list_site_ids
from milestones.config.external import ExternalTable
from milestones.config.settings import Settings
from milestones.domain.observation import Source
from milestones.earn.claims import ClaimDoor
from milestones.earn.door import EarnDoor
from milestones.engine.local import LocalEngine
from milestones.ingest.door import Door
from milestones.ingest.inbox import Inbox
from milestones.kinds.email.folder import FolderTransport
from milestones.maintenance.heartbeat import check_continuity
from milestones.observability.metrics import Metrics
from milestones.outbox.flights import Flights
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome
from milestones.scans.pages import observation
from milestones.scans.run import Progress, ScanWork
from milestones.scans.selection import Selector
from milestones.store.database.store import Store
from milestones.sync.work import SyncWork
from milestones.wix import accounts


def now() -> datetime:
    """The time, UTC. The one place where it is read; everything else is told."""
    return datetime.now(UTC)


@dataclass(slots=True, kw_only=True)
class Runtime:
    """The parts, which know each other and not this.

    rules: hold the configuration in force. door, inbox: the way in for webhooks. engine: the drains.
    assembly: what works for each site. after_commit: tells whom a commit concerns.
    """

    store: Store
    wix: Wix
    clock: Callable[[], datetime]
    metrics: Metrics
    rules: ConfiguredRules
    flights: Flights
    assembly: Assembly
    engine: LocalEngine
    after_commit: AfterCommit
    door: Door
    earn: EarnDoor
    claims: ClaimDoor
    inbox: Inbox

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self.rules.settings

    @property
    def works(self) -> bool:
        """Whether what is recorded is done here: so it is while the engine runs."""
        return self.engine.running and not self.engine.stopping

    @property
    def site_ids(self) -> list[str]:
        """The sites that the configuration in force names, by the id under which Wix knows them."""
        return list_site_ids(self.settings, self.wix)

    def tell(self, outcome: Outcome) -> None:
        """After a commit: tell whom it concerns."""
        self.after_commit(outcome)

    async def check_continuity(self) -> str | None:
        """Leave a sign of life. Returns why everything is held, if it is. Raises StoreError."""
        daemon = self.settings.daemon
        return await check_continuity(
            self.store, self.clock(), resume_gap=daemon.resume_gap, same_machine=daemon.same_machine
        )

    async def forget_mail(self, site_id: str, message_id: str) -> None:
        """Delete the file of a mail. Where a server takes the mails now, there may be files of before."""
        await FolderTransport(self.settings.for_site(site_id).mail.folder).delete(message_id)

    def selector(self, site_id: str) -> Selector:
        """What choosing whom to remind needs of a site."""
        parts = self.assembly.parts(site_id)
        return Selector(
            site_id=site_id,
            store=self.store,
            milestones=parts.settings.milestones,
            at_most=parts.settings.policy.at_most,
            gatekeeper=parts.gatekeeper,
            program=parts.program,
        )

    def sync_work(
        self, site_id: str, program: str, *, stopping: Callable[[], bool] = lambda: False
    ) -> SyncWork:
        """What keeping a site in step with another program needs. It stops too when the configuration in force has no such
        program any more, or describes it otherwise.
        """
        connector = self.assembly.parts(site_id).programs[program]
        return SyncWork(
            site_id=site_id,
            store=self.store,
            rules=self.rules,
            program=connector,
            clock=self.clock,
            refresh=partial(self._refresh, site_id),
            tell=self.after_commit,
            stopping=lambda: stopping() or not self._is_in_force(site_id, connector.external),
        )

    def _is_in_force(self, site_id: str, external: ExternalTable) -> bool:
        return site_id in self.site_ids and external in self.settings.externals_of(site_id)

    def sync_works(self, *, stopping: Callable[[], bool]) -> list[SyncWork]:
        """The same of every program that the configuration in force names."""
        return [
            self.sync_work(site_id, external.name, stopping=stopping)
            for site_id in self.site_ids
            for external in self.settings.externals_of(site_id)
        ]

    async def _refresh(self, site_id: str, account_id: str) -> None:
        """Read an account from Wix and observe it. Raises WixError and StoreError."""
        account = await accounts.get(self.assembly.client(site_id), account_id)
        seen = observation(account, Source.SYNC, self.clock())
        self.after_commit(await observe.observe(self.store, self.rules, site_id, [seen], self.clock()))

    def scan_work(
        self, site_id: str, *, stopping: Callable[[], bool] = lambda: False, progress: Progress | None = None
    ) -> ScanWork:
        """What scanning needs of a site."""
        work = ScanWork(
            site_id=site_id,
            store=self.store,
            rules=self.rules,
            client=self.assembly.client(site_id),
            selector=self.selector(site_id),
            lag=self.settings.scan.lag,
            clock=self.clock,
            tell=self.after_commit,
            skipped=lambda kind: self.metrics.accounts_left_out.labels(kind).inc(),
            stopping=stopping,
        )
        return work if progress is None else replace(work, progress=progress)
