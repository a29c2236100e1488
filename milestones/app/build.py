"""The composition: settings in, a runtime out. Only here are connections made and parts put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import datetime

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from prometheus_client import CollectorRegistry

from milestones.app import intake, runtime
from milestones.app.assembly import Assembly, Wix
from milestones.app.http import create_client
from milestones.app.rules import ConfiguredRules, take_on_sites
from milestones.app.runtime import Runtime
from milestones.config.public_key import load_public_key
from milestones.config.settings import Settings
from milestones.domain.observation import Source
from milestones.engine.local import LocalEngine
from milestones.errors import MilestonesError
from milestones.observability.metrics import Metrics
from milestones.outbox.drain import drain
from milestones.outbox.flights import Flights
from milestones.pipeline.observe import observe
from milestones.scans.pages import observation
from milestones.store.database import meta, schema
from milestones.store.database.store import Store
from milestones.store.outbox import rests
from milestones.wix.account import Account
from wixsandbox.errors import SandboxError
from wixsandbox.server import RunningSandbox
from wixsandbox.server import serve as serve_sandbox

Clock = Callable[[], datetime]


@asynccontextmanager
async def open_runtime(
    settings: Settings,
    guard: Callable[[Store], AbstractAsyncContextManager[object]] = nullcontext,
    clock: Clock = runtime.now,
) -> AsyncIterator[Runtime]:
    """Open what runs, with its database, its connections and, where configured, the sandbox. Raises MilestonesError.

    guard: what must hold before anything is written, and as long as it is.
    """
    async with AsyncExitStack() as stack:
        database = settings.daemon.database.get_secret_value()
        await schema.prepare(database)
        store = await Store.open(database)
        stack.push_async_callback(store.close)
        await stack.enter_async_context(guard(store))
        http = await stack.enter_async_context(create_client(limits=httpx.Limits(max_connections=200)))
        wix = await _reach_wix(settings, stack)
        rules = ConfiguredRules(settings, await meta.get_secret(store))
        built = build(rules, store=store, http=http, wix=wix, clock=clock)
        stack.push_async_callback(built.assembly.aclose)
        await built.check_continuity()
        async with store.write() as tx:
            await take_on_sites(tx, rules, wix, clock())
        async with store.write() as tx:
            await rests.forget(tx, clock())
        yield built


def build(
    rules: ConfiguredRules, *, store: Store, http: httpx.AsyncClient, wix: Wix, clock: Clock
) -> Runtime:
    """Put the parts together. Nothing connects and nothing runs yet."""
    metrics, flights = Metrics(CollectorRegistry()), Flights()

    async def drain_site(site_id: str) -> datetime | None:
        return await drain(lambda: assembly.parts(site_id).work, engine.bell(site_id))

    async def observe_account(site_id: str, account: Account) -> None:
        now = clock()
        seen = [observation(account, Source.ACTION, now)]
        after_commit(await observe(store, rules, site_id, seen, now))

    engine = LocalEngine(drain_site, clock)
    after_commit = intake.AfterCommit(metrics, engine.wake)
    assembly = Assembly(
        lambda: rules.settings,
        store=store,
        secret=rules.secret,
        http=http,
        wix=wix,
        metrics=metrics,
        observe=observe_account,
        clock=clock,
        stopping=lambda: engine.stopping,
        flights=flights,
    )
    door, inbox = intake.connect(
        store,
        rules,
        public_key=lambda: wix.public_key,
        after_commit=after_commit,
        metrics=metrics,
        clock=clock,
    )
    earn, claims = intake.connect_outside(
        store, rules, wix=wix, after_commit=after_commit, metrics=metrics, clock=clock
    )
    return Runtime(
        store=store,
        wix=wix,
        clock=clock,
        metrics=metrics,
        rules=rules,
        flights=flights,
        assembly=assembly,
        engine=engine,
        after_commit=after_commit,
        door=door,
        earn=earn,
        claims=claims,
        inbox=inbox,
    )


async def _reach_wix(settings: Settings, stack: AsyncExitStack) -> Wix:
    wix = settings.wix
    if not wix.sandbox:
        return Wix(
            base_url=wix.api_url,
            app_id=wix.app_id,
            app_secret=wix.app_secret.get_secret_value() if wix.app_secret is not None else None,
            public_key=read_public_key(settings),
        )
    running = await stack.enter_async_context(_simulate(settings))
    app = running.credentials
    return Wix(running.base_url, app.app_id, app.app_secret, load_public_key(app.public_key), running)


@asynccontextmanager
async def _simulate(settings: Settings) -> AsyncIterator[RunningSandbox]:
    """The sandbox in this process; its sentences are this program's."""
    try:
        async with serve_sandbox(settings.sandbox) as running:
            yield running
    except SandboxError as error:
        raise MilestonesError(str(error)) from error


def read_public_key(settings: Settings) -> RSAPublicKey | None:
    """The app's public key, as it is configured. Raises ConfigurationError."""
    pem = settings.wix.public_key
    return load_public_key(pem.get_secret_value()) if pem is not None else None
