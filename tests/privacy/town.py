"""Two customers who may turn out to be one, and what is stored of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import SQLModel

from milestones.domain.event import AccountSeen, Event, Heard
from milestones.domain.milestone import Repeat
from milestones.domain.observation import Customer
from milestones.kinds.registry import NAMES
from milestones.maintenance import erasures
from milestones.outbox.drain import drain
from milestones.outbox.gates import Policy
from milestones.outbox.work import SiteWork
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome
from milestones.store.database import meta
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Account, Action, ContactChange, Grant, Reminder
from tests.builders import (
    GO_LIVE,
    NOW,
    SECRET,
    SITE,
    a_badge,
    a_coupon,
    a_customer,
    a_milestone,
    a_point,
    an_email,
    an_observation,
)
from tests.outbox.fakes import FakeChannel
from tests.store.rules import FixedRules, go_live

ONCE = a_milestone(1000, key="once", rewards=(a_coupon(), an_email()))
LADDER = a_milestone(500, key="ladder", repeat=Repeat.LADDER, rewards=(a_badge(),))
RULES = FixedRules((ONCE, LADDER))

SUE = a_customer(
    contact_id="5ce50000-0000-4000-8000-000000000001",
    member_id=None,
    email="sue.quill@example.com",
    name="Sue Quill-Ørsted",
)
TOM = a_customer(
    contact_id="70300000-0000-4000-8000-000000000001",
    member_id="70300000-0000-4000-8000-00000000000e",
    email="tom.vane@example.com",
    name="Tom Vane",
)
ACCOUNTS = {
    SUE: "5ce50000-0000-4000-8000-00000000000a",
    TOM: "70300000-0000-4000-8000-00000000000a",
}
PERSONAL = {
    who: [text for text in (who.email, who.name, who.contact_id, who.member_id) if text] for who in (SUE, TOM)
}


def seen(who: Customer, balance: int, revision: int) -> AccountSeen:
    """Wix tells of an account, younger than go-live, so that all of its history counts."""
    young = GO_LIVE + timedelta(days=1)
    point = a_point(balance, revision)
    return AccountSeen(an_observation(account_id=ACCOUNTS[who], point=point, created_at=young, customer=who))


@dataclass
class Town:
    """A store, and hands on what it hears."""

    store: Store
    site_id: str = SITE
    now: datetime = NOW
    rules: FixedRules = field(default_factory=lambda: RULES)
    forgotten: list[str] = field(default_factory=list)

    async def begin(self) -> None:
        async with self.store.write() as tx:
            await meta.set_to(tx, "secret", SECRET.hex())
        await go_live(self.store, self.rules, self.site_id)

    async def hear(self, *events: Event) -> Outcome:
        """In one transaction."""
        heard = [Heard(self.site_id, "any", event) for event in events]
        return await observe.hear(self.store, self.rules, heard, self.now)

    def channels(self) -> dict[str, FakeChannel]:
        """They succeed. A mail's result tells who it was for, as a subject may."""
        channels = {kind: FakeChannel() for kind in NAMES}
        channels["coupon"].answers = [{"code": f"CODE{number}"} for number in range(9)]
        channels["badge"].answers = [
            {"badge_id": "b", "title": "Star", "member_id": "5ce50000-0000-4000-8000-00000000000e"}
            for _ in range(9)
        ]
        channels["email"].answers = [
            {"template": "t", "message_id": f"<{number}@shop>", "subject": f"Well done, {SUE.name}"}
            for number in range(9)
        ]
        return channels

    async def drain(self, channels: dict[str, FakeChannel]) -> None:
        """Do what is due."""
        work = SiteWork(
            site_id=self.site_id,
            store=self.store,
            channels=channels,
            policy=Policy(None, ZoneInfo("UTC")),
            clock=lambda: self.now,
            random=lambda: 0.5,
        )
        await drain(lambda: work)

    async def tidy(self) -> bool:
        """What the daemon does every minute."""

        async def forget_mail(_site_id: str, message_id: str) -> None:
            self.forgotten.append(message_id)

        return await erasures.finish(self.store, forget_mail, self.now)

    async def rows(self, model: type[SQLModel]) -> Sequence[Any]:
        table = table_of(model)
        statement = select(table).where(table.c.site_id == self.site_id).order_by(*table.primary_key.columns)
        async with self.store.read() as tx:
            return (await tx.execute(statement)).mappings().all()

    async def account(self, who: Customer) -> Any:
        return next(row for row in await self.rows(Account) if row["id"] == ACCOUNTS[who])

    async def actions(self, *states: str) -> list[Any]:
        return [row for row in await self.rows(Action) if not states or row["state"] in states]

    async def everything(self) -> str:
        """All rows of this site, of all tables, as one text."""
        found = []
        async with self.store.read() as tx:
            for table in SQLModel.metadata.sorted_tables:
                if "site_id" in table.c:
                    rows = await tx.execute(select(table).where(table.c.site_id == self.site_id))
                    found += [str(dict(row)) for row in rows.mappings()]
        return "\n".join(found)

    async def state(self) -> dict[str, Any]:
        """What must not depend on the order in which things were told."""
        whose = ("contact_id", "member_id", "email", "name")
        return {
            "accounts": {
                row["id"]: ([row[name] for name in whose], row["erased_at"] is not None)
                for row in await self.rows(Account)
            },
            "gone": sorted(row["change"] for row in await self.rows(ContactChange)),
            "grants": {
                (row["account_id"], row["milestone"], row["occurrence"]) for row in await self.rows(Grant)
            },
            "reminders": {
                (row["account_id"], row["milestone"], row["number"]) for row in await self.rows(Reminder)
            },
            "owed": Counter(
                (row["account_id"], row["milestone"], row["owner"].rpartition("/")[2], row["kind"])
                for row in await self.actions()
                if row["state"] != "cancelled"
            ),
        }
