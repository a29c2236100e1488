"""A shop with a configuration on disk, a store, and channels that do what a test says: everything but Wix."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from sqlalchemy import update

from milestones import config
from milestones.app.rules import ConfiguredRules
from milestones.config import Settings
from milestones.domain.observation import Customer
from milestones.errors import MilestonesError
from milestones.kinds.registry import NAMES
from milestones.outbox.drain import drain
from milestones.outbox.flights import Flights
from milestones.outbox.gates import Policy
from milestones.outbox.work import SiteWork
from milestones.pipeline import observe
from milestones.pipeline.context import Chosen, Outcome
from milestones.scans.run import Kind as ScanKind
from milestones.scans.run import ScanWork
from milestones.shipped import templates_dir
from milestones.store import scans, sites
from milestones.store.database import meta
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action, Scan
from milestones.store.views import lookup
from milestones.store.views.lookup import Which
from milestones.sync.work import SyncWork
from tests.builders import ACCOUNT, CONTACT, GO_LIVE, MEMBER, NOW, SITE, an_observation
from tests.databases import make_tables
from tests.outbox.fakes import FakeChannel

CONFIG = """
[daemon]
mode = "live"
timezone = "UTC"
database = "{database}"

[wix]
sandbox = true

[[sites]]
name = "The Corner Shop"

[mail]
transport = "folder"
folder = "var/mail"
sender = "The Corner Shop <hello@example.com>"

[policy]
at_most = "2 per 7d"
breaker = {{ share = 0.5, floor = 1000 }}

[[milestones]]
key = "stars-1000"
title = "1,000 stars"
measure = "balance"
threshold = 1000

[milestones.near]
within = 100
template = "almost-there"
remind_every = "30d"
max_reminders = 2

[[milestones.rewards]]
coupon = {{ name = "10% off for 1,000 stars", percent_off = 10, scope = "stores", valid_for = "30d" }}

[[milestones.rewards]]
badge = {{ title = "Star customer", create = true }}

[[milestones.rewards]]
email = "milestone-reached"

[[milestones]]
key = "again-500"
title = "500 stars saved"
measure = "balance"
threshold = 500
repeat = "every"
rearm_below = 200

[[milestones.rewards]]
coupon = {{ name = "Free shipping", free_shipping = true }}
"""

ADA = Customer(CONTACT, MEMBER, "ada@example.com", "Ada")


@dataclass
class Shop:
    """A host for orders (``operations.host.Host``) that a test can look into."""

    settings: Settings
    store: Store
    secret: bytes
    now: datetime = NOW
    channels: dict[str, FakeChannel] = field(default_factory=lambda: {kind: FakeChannel() for kind in NAMES})
    outcomes: list[Outcome] = field(default_factory=list)
    reloads: int = 0
    mistyped: int = 0
    flights: Flights = field(default_factory=Flights)
    works: bool = False
    stopping: bool = False
    refused: dict[str, MilestonesError] = field(default_factory=dict)
    """Sites of which Wix does not tell."""

    @property
    def runtime(self) -> "Shop":
        return self

    @property
    def rules(self) -> ConfiguredRules:
        return ConfiguredRules(self.settings, self.secret)

    def clock(self) -> datetime:
        return self.now

    def tell(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def scan_work(self, site_id: str, /) -> ScanWork:
        raise NotImplementedError(site_id)

    def sync_work(self, site_id: str, program: str, /) -> SyncWork:
        raise NotImplementedError(site_id, program)

    async def scan(self, site_id: str, kind: ScanKind, /) -> Scan:
        if site_id in self.refused:
            raise self.refused[site_id]
        async with self.store.write() as tx:
            scan = await scans.start(tx, site_id, kind.value, self.now)
            scan.counts = {"read": 3}
            await scans.save_page(tx, scan)
            await scans.finish(tx, scan, 1000, self.now)
        return scan

    def mistyped_callbacks(self) -> int:
        return self.mistyped

    async def reload(self) -> str:
        self.reloads += 1
        return self.settings.hash

    # What happens to it

    async def take_on(self, site_id: str = SITE, name: str = "The Corner Shop") -> None:
        async with self.store.write() as tx:
            await sites.take_on(tx, site_id, name, GO_LIVE)
            await sites.define(tx, site_id, self.rules.site(site_id).milestones, GO_LIVE)

    async def observe(
        self,
        *balances: int,
        account: str = ACCOUNT,
        site: str = SITE,
        customer: Customer = ADA,
        revision: int = 1,
        **overrides: Any,
    ) -> None:
        """These balances, one after the other, as events tell them."""
        for number, balance in enumerate(balances, start=revision):
            seen = an_observation(balance, number, account_id=account, customer=customer, **overrides)
            await observe.observe(self.store, self.rules, site, [seen], self.now)

    async def remind(self, account: str = ACCOUNT, *, value: int = 960, number: int = 1) -> Scan:
        """A scan found the account near 1,000 stars and is complete."""
        async with self.store.write() as tx:
            scan = await scans.start(tx, SITE, "near", self.now)
        chosen = Chosen(account, "stars-1000", approach=1, number=number, value=value)
        await observe.remind(self.store, self.rules, scan, [chosen], self.now)
        async with self.store.write() as tx:
            scan.counts = {"read": 1, "near": 1}
            await scans.save_page(tx, scan)
            await scans.finish(tx, scan, 1000, self.now)
        return scan

    async def drain(self) -> None:
        work = SiteWork(
            site_id=SITE,
            store=self.store,
            channels=self.channels,
            policy=Policy(None, self.settings.daemon.timezone),
            clock=lambda: self.now,
            random=lambda: 0.5,
            flights=self.flights,
        )
        await drain(lambda: work)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    # What it looks like

    async def actions(self, **which: Any) -> list[Action]:
        """Oldest first."""
        async with self.store.read() as tx:
            return (await lookup.list_actions(tx, Which(**which)))[::-1]

    async def action(self, kind: str, **which: Any) -> Action:
        """The only one of its kind."""
        (found,) = await self.actions(kind=kind, **which)
        return found

    async def states(self, **which: Any) -> dict[str, str]:
        """State by kind."""
        return {action.kind: action.state for action in await self.actions(**which)}

    async def set(self, kind: str, **values: Any) -> None:
        async with self.store.write() as tx:
            actions = table_of(Action)
            await tx.execute(update(actions).where(actions.c.kind == kind).values(**values))


def write_config(folder: Path, database: str = "sqlite:///var/milestones.db") -> Path:
    """A folder with a configuration and the shipped templates."""
    folder.mkdir(parents=True, exist_ok=True)
    copytree(templates_dir(), folder / "templates", dirs_exist_ok=True)
    path = folder / "config.toml"
    path.write_text(CONFIG.format(database=database))
    return path


@asynccontextmanager
async def opened_shop(path: Path) -> AsyncIterator[Shop]:
    """The shop of a configuration, taken on and without customers."""
    settings = config.load(path, {})
    url = settings.daemon.database.get_secret_value()
    make_tables(url)
    store = await Store.open(url)
    try:
        shop = Shop(settings, store, await meta.get_secret(store))
        await shop.take_on()
        yield shop
    finally:
        await store.close()


@pytest.fixture
async def shop(tmp_path: Path, database_url: str) -> AsyncIterator[Shop]:
    """A shop on SQLite, and again on PostgreSQL."""
    async with opened_shop(write_config(tmp_path / "shop", database_url)) as found:
        yield found


@pytest.fixture
async def small_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite alone, for what no database has a part in."""
    async with opened_shop(write_config(tmp_path / "shop")) as found:
        yield found
