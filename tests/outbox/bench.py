"""One site with its outbox, for tests that drain it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from milestones.domain.milestone import Milestone
from milestones.kinds.channel import Stop
from milestones.kinds.registry import NAMES
from milestones.outbox.drain import drain
from milestones.outbox.gates import Policy
from milestones.outbox.work import SiteWork
from milestones.pipeline import observe
from milestones.store.database import meta
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import NOW, SITE, a_badge, a_coupon, a_customer, a_milestone, an_email, an_observation
from tests.outbox.fakes import FakeChannel
from tests.process import until
from tests.store.rules import FixedRules, go_live

ALL_DONE = {"coupon": "done", "badge": "done", "email": "done"}
REWARDED = a_milestone(rewards=(a_coupon(), a_badge(), an_email()))


@dataclass
class Bench:
    """One site with its outbox, and hands on the clock and the dice."""

    store: Store
    now: datetime = NOW
    channels: dict[str, FakeChannel] = field(default_factory=lambda: {kind: FakeChannel() for kind in NAMES})
    policy: Policy = field(default_factory=lambda: Policy(None, ZoneInfo("UTC")))
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    work: SiteWork = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What a new process knows: nothing but the store."""
        self.work = SiteWork(
            site_id=SITE,
            store=self.store,
            channels=self.channels,
            policy=self.policy,
            clock=lambda: self.now,
            random=lambda: 0.5,
        )

    async def reach(self, *accounts: str, milestone: Milestone = REWARDED) -> None:
        """These accounts go from 10 points to 1,000."""
        rules = FixedRules((milestone,))
        await go_live(self.store, rules)
        async with self.store.write() as tx:
            await meta.set_to(tx, "secret", rules.secret.hex())
        for balance, revision in ((10, 1), (1000, 2)):
            seen = [
                an_observation(balance, revision, account_id=account, customer=a_customer())
                for account in accounts or ("account",)
            ]
            await observe.observe(self.store, rules, SITE, seen, self.now)

    async def drain(self) -> datetime | None:
        return await drain(lambda: self.work, self.woken)

    @asynccontextmanager
    async def draining(self) -> AsyncIterator[asyncio.Task[datetime | None]]:
        """A drain that is under way, and has ended at the end."""
        task = asyncio.create_task(self.drain())
        try:
            yield task
            async with asyncio.timeout(60):
                await task
        finally:
            task.cancel()

    def renew(self, **changes: Any) -> None:
        """What a reload does: other work is in force from now on."""
        self.work = replace(self.work, **{"tidy": False, **changes})

    async def until(self, true: Callable[[Sequence[Action]], bool]) -> None:
        """Wait until the rows are as they should be."""
        await until(lambda: self._are(true), "the rows are so")

    async def _are(self, true: Callable[[Sequence[Action]], bool]) -> bool:
        return true(await self.rows())

    async def rows(self) -> list[Action]:
        async with self.store.read() as tx:
            rows = (await tx.execute(select(table_of(Action)).order_by(Action.id))).mappings().all()  # type: ignore[arg-type]
        return [Action(**row) for row in rows]

    async def states(self) -> dict[str, str]:
        """State by kind, for one account."""
        return {row.kind: row.state for row in await self.rows()}

    async def row(self, kind: str) -> Action:
        """The one action of a kind."""
        [row] = [row for row in await self.rows() if row.kind == kind]
        return row

    async def stop(self, kind: str, stop: Stop | None) -> None:
        """What the channel of this kind says to its one action when its gate is asked."""
        number = (await self.row(kind)).id or 0
        self.channels[kind].stops = {} if stop is None else {number: stop}

    async def set(self, kind: str, **values: Any) -> None:
        async with self.store.write() as tx:
            await tx.execute(update(table_of(Action)).where(table_of(Action).c.kind == kind).values(**values))
