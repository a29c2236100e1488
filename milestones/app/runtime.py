"""The composition root: settings in, a program that is ready to run out. Nothing else builds adapters."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeVar

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from prometheus_client import CollectorRegistry

from milestones.app.assembly import Assembly, Wix
from milestones.config.public_key import load_public_key
from milestones.config.settings import Settings, SiteSettings
from milestones.domain.event import Heard
from milestones.engine.local import LocalEngine
from milestones.errors import ConfigurationError, MilestonesError
from milestones.ingest.door import Door
from milestones.ingest.inbox import Inbox
from milestones.kinds.email.folder import FolderTransport
from milestones.kinds.email.rendering import Catalogue
from milestones.maintenance.heartbeat import check_continuity
from milestones.observability.metrics import Metrics
from milestones.outbox.drain import drain
from milestones.outbox.flights import Flights
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, SiteRules
from milestones.scans.run import Progress, ScanWork
from milestones.scans.selection import Selector
from milestones.store import sites
from milestones.store.database import meta, schema
from milestones.store.database.store import Store, Transaction
from milestones.store.outbox import rests
from milestones.store.people import people
from wixsandbox.errors import SandboxError
from wixsandbox.server import RunningSandbox
from wixsandbox.server import serve as serve_sandbox


def now() -> datetime:
    """The time, UTC. The one place where it is read; everything else is told."""
    return datetime.now(UTC)


@dataclass(slots=True)
class ConfiguredRules:
    """``pipeline.Rules`` from the configuration in force. A reload sets ``settings``."""

    settings: Settings
    secret: bytes = field(repr=False)

    def site(self, site_id: str) -> SiteRules:
        """The rules of a site, also of one that the configuration does not name."""
        site = self.settings.for_site(site_id)
        return SiteRules(
            milestones=site.milestones,
            breaker=site.policy.breaker,
            configuration=self.settings.hash,
            shadow=self.settings.daemon.mode == "shadow",
            name=site.name or None,
            timezone=site.timezone,
        )

    def new_site(self, site_id: str) -> str:
        """A site that is named in the configuration is active; any other is what ``wix.new_sites`` says."""
        return "active" if self.settings.for_site(site_id).name else self.settings.wix.new_sites


HERE: Mapping[str, None] = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}
"""What is on this machine is reached without the proxies of the environment, which cannot reach it."""

T = TypeVar("T")

Plan = Callable[[Transaction, Settings], Awaitable[T]]


class Program:
    """Everything that runs, put together. ``opened`` makes one."""

    def __init__(
        self, settings: Settings, *, store: Store, secret: bytes, http: httpx.AsyncClient, wix: Wix
    ) -> None:
        self.settings = settings
        self.store = store
        self.wix = wix
        self.clock: Callable[[], datetime] = now
        self.metrics = Metrics(CollectorRegistry())
        self.rules = ConfiguredRules(settings, secret)
        self.engine = LocalEngine(self.drain, self.clock)
        self.flights = Flights()
        self.assembly = Assembly(
            lambda: self.settings,
            store=store,
            secret=secret,
            http=http,
            wix=wix,
            metrics=self.metrics,
            clock=self.clock,
            stopping=lambda: self.engine.stopping,
            flights=self.flights,
        )
        self.inbox = Inbox(self.record, self.metrics)
        self.door = Door(
            public_key=lambda: self.wix.public_key,
            clock=self.clock,
            take=self.inbox.take,
            keep=self.keep,
            metrics=self.metrics,
        )
        self.site_found: Callable[[str], None] = lambda _site_id: None
        self.erased = asyncio.Event()

    # What the parts of the program call

    async def record(self, batch: Sequence[Heard]) -> None:
        """The inbox's writer: the pipeline, and then whoever has work."""
        outcome = await observe.hear(self.store, self.rules, batch, self.clock())
        self.tell(outcome)

    def tell(self, outcome: Outcome) -> None:
        """After a commit: count it, wake the drains, start on new sites."""
        for counter, counts in (
            (self.metrics.grants, outcome.granted),
            (self.metrics.reminders, outcome.reminded),
            (self.metrics.observations, outcome.observed),
        ):
            for label, count in counts.items():
                counter.labels(label).inc(count)
        for site_id in outcome.wake:
            self.engine.wake(site_id)
        for site_id in outcome.new_sites:
            self.site_found(site_id)
        if outcome.erased:
            self.erased.set()

    async def keep(self, site_id: str | None, event_type: str | None, reason: str, body: bytes) -> None:
        """Make a body durable that was genuine and could not be understood."""
        async with self.store.write() as tx:
            await people.reject(tx, site_id, event_type, reason, body, self.clock())

    async def forget_mail(self, site_id: str, message_id: str) -> None:
        """Delete the file of a mail. Where a server takes the mails now, there may be files of before."""
        await FolderTransport(self.settings.for_site(site_id).mail.folder).delete(message_id)

    # Continuity

    async def check_continuity(self) -> str | None:
        """Leave a sign of life. Returns why everything is held, if it is. Raises StoreError."""
        daemon = self.settings.daemon
        return await check_continuity(
            self.store, self.clock(), resume_gap=daemon.resume_gap, same_machine=daemon.same_machine
        )

    # Draining

    async def drain(self, site_id: str) -> datetime | None:
        """The engine's unit of work."""
        return await drain(lambda: self.assembly.parts(site_id).work, self.engine.bell(site_id))

    # Sites

    def site_ids(self, settings: Settings) -> list[str]:
        """The sites that a configuration names, by the id under which Wix knows them."""
        return [self._site_id(site) for site in settings.named_sites()]

    def _site_id(self, site: SiteSettings) -> str:
        if site.instance_id is None and site.site_id is None and self.wix.sandbox is not None:
            return self.wix.sandbox.credentials.instance_id
        found = site.site_id if site.api_key is not None else site.instance_id
        assert found is not None, "the configuration names one of the two"
        return found

    async def take_on_sites(self) -> None:
        """Make the configured sites active and bring their definitions up to date."""
        async with self.store.write() as tx:
            await self._take_on(tx, self.settings)

    async def _take_on(self, tx: Transaction, settings: Settings) -> None:
        moment, configured = self.clock(), ConfiguredRules(settings, self.rules.secret)
        for site_id in self.site_ids(settings):
            rules = configured.site(site_id)
            await sites.take_on(tx, site_id, rules.name, moment)
            await sites.define(tx, site_id, rules.milestones, moment)

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
            tell=self.tell,
            skipped=lambda kind: self.metrics.accounts_left_out.labels(kind).inc(),
            stopping=stopping,
        )
        return work if progress is None else replace(work, progress=progress)

    async def reload(self, settings: Settings, plan: Plan[T]) -> T:
        """Swap the configuration in one step, with the sites and definitions that follow from it.

        plan: reads what else follows from the settings, in the transaction that takes them on; its answer is returned.
        Everything that can fail is built first, so that nothing of a refused configuration is in force, not for a
        moment. Raises ConfigurationError for what cannot be built, or not be changed while it runs, and StoreError.
        """
        if fixed := _changed_at_start(self.settings, settings):
            raise ConfigurationError(
                [
                    f"{key}: was changed, and is read at the start only. Restart the daemon, or change it back."
                    for key in fixed
                ]
            )
        public_key = self.wix.public_key if self.wix.sandbox is not None else _public_key(settings)
        catalogue = Catalogue(settings.daemon.templates)
        parts = self.assembly.assembled(settings, catalogue, self.site_ids(settings))
        async with self.store.write() as tx:
            await self._take_on(tx, settings)
            await rests.forget(tx, self.clock())
            planned = await plan(tx, settings)
        # From the commit to here nobody else had a turn, so no transaction decides by old rules on new definitions.
        self.settings = self.rules.settings = settings
        self.wix.public_key = public_key
        self.assembly.renew(catalogue, parts)
        return planned


AT_START = {
    "daemon": ("listen", "database", "socket", "password_file", "log", "log_level"),
    "wix": ("sandbox", "api_url", "app_id", "app_secret", "requests_per_minute", "internal_root"),
    "scan": ("misfire_grace",),
}


def _changed_at_start(old: Settings, new: Settings) -> list[str]:
    changed = [
        f"{table}.{key}"
        for table, keys in AT_START.items()
        for key in keys
        if getattr(getattr(old, table), key) != getattr(getattr(new, table), key)
    ]
    return [*changed, "sandbox"] if new.wix.sandbox and new.sandbox != old.sandbox else changed


@asynccontextmanager
async def opened(
    settings: Settings, guarded: Callable[[Store], AbstractAsyncContextManager[object]] = nullcontext
) -> AsyncIterator[Program]:
    """The program with its database, its connections and, where configured, the sandbox. Raises MilestonesError.

    guarded: what must hold before anything is written, and as long as it is.
    """
    async with AsyncExitStack() as stack:
        database = settings.daemon.database.get_secret_value()
        await schema.prepare(database)
        store = await Store.open(database)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(guarded(store))
        http = await stack.enter_async_context(
            httpx.AsyncClient(follow_redirects=False, limits=httpx.Limits(max_connections=200), mounts=HERE)
        )
        wix = await _reached(settings, stack)
        program = Program(settings, store=store, secret=await meta.secret(store), http=http, wix=wix)
        stack.push_async_callback(program.assembly.aclose)
        await program.check_continuity()
        await program.take_on_sites()
        async with store.write() as tx:
            await rests.forget(tx, program.clock())
        yield program


async def _reached(settings: Settings, stack: AsyncExitStack) -> Wix:
    wix = settings.wix
    if not wix.sandbox:
        return Wix(
            base_url=wix.api_url,
            app_id=wix.app_id,
            app_secret=wix.app_secret.get_secret_value() if wix.app_secret is not None else None,
            public_key=_public_key(settings),
        )
    running = await stack.enter_async_context(_simulated(settings))
    told = running.credentials
    return Wix(running.base_url, told.app_id, told.app_secret, load_public_key(told.public_key), running)


@asynccontextmanager
async def _simulated(settings: Settings) -> AsyncIterator[RunningSandbox]:
    """The sandbox in this process; its sentences are this program's."""
    try:
        async with serve_sandbox(settings.sandbox) as running:
            yield running
    except SandboxError as error:
        raise MilestonesError(str(error)) from error


def _public_key(settings: Settings) -> RSAPublicKey | None:
    pem = settings.wix.public_key
    return load_public_key(pem.get_secret_value()) if pem is not None else None
