"""The door for outside events on a real store, with hands on its rules and its clock."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select

from milestones.domain.earn import EarnRule
from milestones.earn.door import EarnDoor
from milestones.earn.record import Recorder
from milestones.earn.replay import take_again
from milestones.pipeline.context import Outcome as Committed
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action, Order, Rejected
from tests.builders import NOW, SITE
from tests.earn.samples import a_rule
from tests.store.rules import FixedRules

BEARER = [(b"Authorization", b"Bearer s3cret")]
ACCOUNT = 'account_id = "account"\nid = "id"\n'


@dataclass
class Porch:
    """The door of one site, with hands on its rules and its clock."""

    store: Store
    rules: list[EarnRule] = field(default_factory=lambda: [a_rule(ACCOUNT)])
    fixed: FixedRules = field(default_factory=lambda: FixedRules(()))
    now: datetime = NOW
    told: list[Committed] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def door(self) -> EarnDoor:
        return EarnDoor(
            Recorder(self.store, self.fixed),
            rules=lambda: self.rules,
            site_id=lambda name: SITE if name == "main" else None,
            address=lambda path: f"https://m.example.com/webhooks/in/{path}",
            clock=lambda: self.now,
            tell=self.told.append,
            count=lambda _rule, outcome, number: self.counts.update({outcome: number}),
        )

    async def post(self, document: Any, path: str = "rule", **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await self.door.receive(path, [*BEARER, *more], body)

    async def event(self, number: int, account: str = "account", **more: Any) -> None:
        await self.post({"id": number, "account": account, **more})

    async def take_again(self, row: Rejected) -> bool:
        rules = {rule.name: rule for rule in self.rules}
        return await take_again(Recorder(self.store, self.fixed), rules.get, row, self.now)

    async def rows(self, table: Any) -> list[Any]:
        async with self.store.read() as tx:
            found = table_of(table)
            return [table(**row) for row in (await tx.execute(select(found))).mappings()]

    async def verdicts(self) -> Counter[str]:
        return Counter(order.verdict for order in await self.rows(Order))

    async def states(self) -> Counter[str]:
        return Counter(action.state for action in await self.rows(Action))

    async def reasons(self) -> list[str]:
        return [row.reason for row in await self.rows(Rejected)]
