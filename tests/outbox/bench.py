"""One site with its outbox, for tests that drain it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from milestones.domain.actions import Kind
from milestones.domain.milestone import Milestone
from milestones.kinds.channel import Stop
from milestones.outbox.drain import SiteWork, drain
from milestones.outbox.gates import Policy
from milestones.pipeline import observe
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import NOW, SITE, a_badge, a_coupon, a_customer, a_milestone, an_email, an_observation
from tests.outbox.fakes import FakeChannel
from tests.store.rules import FixedRules, go_live

ALL_DONE = {"coupon": "done", "badge": "done", "email": "done"}
REWARDED = a_milestone(rewards=(a_coupon(), a_badge(), an_email()))


@dataclass
class Bench:
    """One site with its outbox, and hands on the clock and the dice."""

    store: Store
    now: datetime = NOW
    channels: dict[Kind, FakeChannel] = field(default_factory=lambda: {kind: FakeChannel() for kind in Kind})
    policy: Policy = field(default_factory=lambda: Policy(None, ZoneInfo("UTC")))
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
        for balance, revision in ((10, 1), (1000, 2)):
            seen = [
                an_observation(balance, revision, account_id=account, customer=a_customer())
                for account in accounts or ("account",)
            ]
            await observe.observe(self.store, rules, SITE, seen, self.now)

    async def drain(self) -> datetime | None:
        return await drain(self.work)

    async def rows(self) -> list[Action]:
        async with self.store.read() as tx:
            rows = (await tx.execute(select(table_of(Action)).order_by(Action.id))).mappings().all()  # type: ignore[arg-type]
        return [Action(**row) for row in rows]

    async def states(self) -> dict[str, str]:
        """State by kind, for one account."""
        return {row.kind: row.state for row in await self.rows()}

    async def row(self, kind: Kind) -> Action:
        """The one action of a kind."""
        [row] = [row for row in await self.rows() if row.kind == kind]
        return row

    async def stop(self, kind: Kind, stop: Stop | None) -> None:
        """What the channel of this kind says to its one action when its gate is asked."""
        number = (await self.row(kind)).id or 0
        self.channels[kind].stops = {} if stop is None else {number: stop}

    async def set(self, kind: Kind, **values: Any) -> None:
        async with self.store.write() as tx:
            await tx.execute(update(table_of(Action)).where(table_of(Action).c.kind == kind).values(**values))
