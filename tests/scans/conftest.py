"""A site on the sandbox, over HTTP without a socket, with a store of its own."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import SQLModel

from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.site import SiteConsent
from milestones.kinds.email.variables import Program
from milestones.outbox.flights import Flights
from milestones.pipeline.context import Outcome
from milestones.scans.run import ScanWork
from milestones.scans.selection import Selector
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Site
from milestones.wix.auth import AppCredentials
from milestones.wix.pacing import SlidingWindowPacer
from milestones.wix.transport import WixClient
from tests.builders import SECRET, a_coupon, a_milestone, a_near_window
from tests.store.rules import FixedRules, opened
from wixsandbox.events import new_key
from wixsandbox.records import primary_email
from wixsandbox.server import application
from wixsandbox.settings import SandboxSettings, Switches
from wixsandbox.simulator import Sandbox

NEAR = a_milestone(1000, rewards=(a_coupon(),), near=a_near_window())
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@dataclass
class Ground:
    """What a test of scans stands on. now: by this machine's clock. wix_now: by Wix's."""

    sandbox: Sandbox
    client: WixClient
    store: Store
    rules: FixedRules
    now: datetime = NOW
    wix_now: datetime = NOW
    told: list[Outcome] = field(default_factory=list)
    flights: Flights = field(default_factory=Flights)
    works: bool = False
    stopping: Callable[[], bool] = lambda: False
    active: bool = True

    @property
    def site_id(self) -> str:
        return self.sandbox.credentials().instance_id

    def clock(self) -> datetime:
        return self.now

    def tell(self, outcome: Outcome) -> None:
        self.told.append(outcome)

    async def program(self) -> Program:
        return Program("Star Club", "Stars", active=self.active)

    def work(self, **overrides: Any) -> ScanWork:
        consent = SiteConsent(self.client, self.store, SECRET)
        selector = Selector(
            site_id=self.site_id,
            store=self.store,
            milestones=self.rules.milestones,
            at_most=None,
            gatekeeper=Gatekeeper(self.site_id, consent.statuses, consent.find_suppressed_forms),
            program=self.program,
        )
        facts: dict[str, Any] = {
            "site_id": self.site_id,
            "store": self.store,
            "rules": self.rules,
            "client": self.client,
            "selector": selector,
            "lag": timedelta(minutes=10),
            "clock": lambda: self.now,
            "tell": self.told.append,
            "stopping": self.stopping,
        }
        return ScanWork(**{**facts, **overrides})

    async def rows(self, table: type[SQLModel]) -> Sequence[Any]:
        """All rows of a table."""
        async with self.store.read() as tx:
            return (await tx.execute(select(table_of(table)))).mappings().all()

    async def site(self) -> Site:
        async with self.store.read() as tx:
            found = await sites.find_site(tx, self.site_id)
        assert found is not None
        return found

    def near_and_subscribed(self) -> set[str]:
        """The independent answer, from the sandbox's own books: who is to be reminded of 1,000 points."""
        world = self.sandbox.world
        consents = {one.email.casefold(): one for one in world.subscriptions}
        found = set()
        for account in world.accounts:
            contact = world.contacts.get(account.contact_id)
            address = primary_email(contact) if contact is not None else None
            consent = consents.get(address.casefold()) if address else None
            if consent is None or consent.deliverability not in {"NOT_SET", "VALID"}:
                continue
            if 900 <= account.balance < 1000 and consent.status == "SUBSCRIBED":
                found.add(account.id)
        return found


@pytest.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    """A shop of 400 customers, taken on and not read yet."""
    switches = Switches(query_lag_seconds=0, rate_limit_per_minute=0, recalculation_seconds=0)
    found: Ground | None = None

    def wix_clock() -> datetime:
        return NOW if found is None else found.wix_now

    sandbox = Sandbox(SandboxSettings(seed=7, switches=switches), wix_clock, new_key())
    sandbox.begin(400)
    transport = httpx.ASGITransport(application(sandbox))
    rules = FixedRules((NEAR,))
    async with (
        httpx.AsyncClient(transport=transport) as http,
        opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store,
    ):
        own = sandbox.credentials()
        client = WixClient(
            http,
            "http://wix.test",
            AppCredentials(own.app_id, own.app_secret, own.instance_id),
            SlidingWindowPacer(100_000),
            wix_clock,
            read_backoff=0.01,
        )
        async with store.write() as tx:
            await sites.take_on(tx, own.instance_id, "main", NOW)
            await sites.define(tx, own.instance_id, rules.milestones, NOW)
        found = Ground(sandbox, client, store, rules)
        yield found
