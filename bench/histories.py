"""Seeded histories of accounts through the real pipeline and store, against a reference of its own.

A history is a walk of balances over the thresholds. It is told shuffled, with repetitions, in up to four batches that
hold a thousand other accounts, and then all over again; what was granted must be what the walk says. Some steps of some
walks are an import's: they reach nothing, whenever it is told what became of them. The reference is a plain walk in the
true order, written from the words of the design.
"""

import asyncio
import random
import tempfile
import time
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from sqlalchemy import func, insert, select, update

from milestones.domain.actions import State
from milestones.domain.milestone import Repeat
from milestones.domain.observation import Observation
from milestones.maintenance.mutes import close_all
from milestones.pipeline import observe
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Action, Grant, MutedStep
from tests.builders import GO_LIVE, NOW, SITE, a_coupon, a_milestone, a_point, an_observation
from tests.store.rules import FixedRules, go_live, opened

ONCE = a_milestone(1000, key="once", rewards=(a_coupon(),))
LADDER = a_milestone(300, key="ladder", repeat=Repeat.LADDER)
EVERY = a_milestone(1000, key="every", repeat=Repeat.EVERY, rearm_below=400)
RULES = FixedRules((ONCE, LADDER, EVERY))
BALANCES = (0, 250, 299, 300, 399, 400, 650, 999, 1000, 1001, 1300)
ROUNDS = 4
IMPORTED = 0.1
"""How many of the steps are an import's."""
AT_ONCE = 1000
"""Accounts that share transactions."""
PER_DATABASE = 20_000
"""Histories after which a new database is begun, so that its size does not decide about the speed."""


@dataclass
class Histories:
    """How many were tried, of how many observations, and what was wrong with them."""

    tried: int = 0
    told: int = 0
    grants: int = 0
    seconds: float = 0.0
    lost: int = 0
    doubled: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class History:
    """One account. ``rounds``: indexes of ``balances`` in the order in which they are told. ``imported``: those that an
    import has brought, with the round after which that is known.
    """

    account: str
    balances: tuple[int, ...]
    young: bool
    rounds: tuple[tuple[int, ...], ...]
    imported: Mapping[int, int]

    @classmethod
    def of(cls, seed: str) -> "History":
        """The history of a seed."""
        dice = random.Random(seed)
        balances = tuple(dice.choices(BALANCES, k=dice.randint(1, 8)))
        order = list(range(len(balances)))
        dice.shuffle(order)
        order += dice.choices(order, k=dice.randint(0, 6))
        young = dice.random() < 0.5
        if not young:
            # The baseline is what an older account is first known by.
            order.insert(0, 0)
        cuts = sorted(dice.randint(0, len(order)) for _ in range(ROUNDS - 1))
        rounds = tuple(tuple(order[a:b]) for a, b in pairwise([0, *cuts, len(order)]))
        # Nothing is imported for an account before it is known.
        known = next(number for number, told in enumerate(rounds) if told)
        imported = {
            index: dice.randrange(known, ROUNDS)
            for index in range(1, len(balances))
            if balances[index] != balances[index - 1] and dice.random() < IMPORTED
        }
        return cls(seed, balances, young, rounds, imported)

    def observations(self, number: int) -> list[Observation]:
        """What is told in this round."""
        created = GO_LIVE + timedelta(days=1) if self.young else GO_LIVE - timedelta(days=400)
        return [
            an_observation(
                account_id=self.account, point=a_point(self.balances[i], i + 1), created_at=created
            )
            for i in self.rounds[number]
        ]

    def owed(self) -> Counter[tuple[str, str]]:
        """What the walk says, by (account, milestone)."""
        walk = (0, *self.balances) if self.young else self.balances
        ours = {index + self.young for index in self.imported}
        own = [step for place, step in enumerate(pairwise(walk), start=1) if place not in ours]
        rungs = {
            rung
            for low, high in own
            for rung in range(LADDER.threshold, high + 1, LADDER.threshold)
            if low < rung
        }
        counts = {
            ONCE.key: int(any(low < 1000 <= high for low, high in own)),
            LADDER.key: len(rungs),
            EVERY.key: _cycles(walk, ours),
        }
        return Counter({(self.account, key): number for key, number in counts.items() if number})


def _cycles(walk: Sequence[int], ours: Container[int]) -> int:
    armed, spent = walk[0] < 1000, 0
    for place, balance in enumerate(walk[1:], start=1):
        if armed and balance >= 1000:
            armed, spent = False, spent + (place not in ours)
        elif balance < 400:
            armed = True
    return spent


async def run(seed: str, most: int, seconds: float, folder: Path | None, found: Histories) -> None:
    """Try histories until ``most`` or the time is reached. folder: where databases go; a memory disk is fastest."""
    began = time.monotonic()
    while found.tried < most and time.monotonic() - began < seconds:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            async with opened(f"sqlite:///{place}/histories.db") as store:
                await go_live(store, RULES)
                for _ in range(0, PER_DATABASE, AT_ONCE):
                    size = min(AT_ONCE, most - found.tried)
                    if size <= 0 or time.monotonic() - began >= seconds:
                        break
                    await _batch(store, [History.of(f"{seed}:{found.tried + i}") for i in range(size)], found)
    found.seconds = time.monotonic() - began


async def _batch(store: Store, histories: list[History], found: Histories) -> None:
    rounds = [[item for one in histories for item in one.observations(number)] for number in range(ROUNDS)]
    await _begin_imports(store, histories)
    # And all of it once more: a repetition changes nothing.
    for number, told in enumerate((*rounds, [item for several in rounds for item in several])):
        found.told += len(told)
        await observe.observe(store, RULES, SITE, told, NOW)
        await _end_imports(store, histories, number)
    async with store.read() as tx:
        given, coupons = await _given(tx, [history.account for history in histories])
    expected = sum((history.owed() for history in histories), Counter[tuple[str, str]]())
    once = Counter({key: number for key, number in expected.items() if key[1] == ONCE.key})
    found.tried += len(histories)
    found.grants += expected.total()
    found.lost += (expected - given).total() + (once - coupons).total()
    found.doubled += (given - expected).total() + (coupons - once).total()
    wrong = set((expected - given) + (given - expected))
    found.examples += [f"seed {account!r}: {milestone}" for account, milestone in sorted(wrong)[:5]]


def _key(history: History, index: int) -> str:
    return f"{history.account}#{index}"


async def _begin_imports(store: Store, histories: list[History]) -> None:
    """All that is imported is about to be: nobody hears of it before."""
    actions, mutes = [], []
    for history in histories:
        for index in history.imported:
            before = history.balances[index - 1]
            key = _key(history, index)
            action = Action(
                key=key,
                owner=key,
                site_id=SITE,
                account_id=history.account,
                milestone="",
                kind="adjust",
                state=State.RUNNING,
                available_at=NOW,
                payload={},
                waits_for=[],
                recorded_at=NOW,
            )
            mute = MutedStep(
                key=key,
                site_id=SITE,
                account_id=history.account,
                revision=index,
                at=0,
                balance=before,
                earned=before,
                leads_to=history.balances[index],
                opened_at=NOW,
            )
            actions.append(action.model_dump(exclude={"id"}))
            mutes.append(mute.model_dump())
    if actions:
        async with store.write() as tx:
            await tx.execute(insert(table_of(Action)), actions)
            await tx.execute(insert(table_of(MutedStep)), mutes)


async def _end_imports(store: Store, histories: list[History], number: int) -> None:
    """It is told of some that they were done."""
    table = table_of(Action)
    done = [
        _key(history, i) for history in histories for i, when in history.imported.items() if when == number
    ]
    async with store.write() as tx:
        for keys in chunks(done):
            await tx.execute(update(table).where(table.c.key.in_(keys)).values(state=State.DONE))
    await close_all(store, RULES, lambda _outcome: None, NOW)


async def _given(
    tx: Transaction, accounts: list[str]
) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Grants and coupons of these accounts."""
    found: tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]] = Counter(), Counter()
    for counted, table in zip(found, (table_of(Grant), table_of(Action)), strict=True):
        for ids in chunks(accounts):
            statement = select(table.c.account_id, table.c.milestone, func.count()).where(
                table.c.site_id == SITE, table.c.account_id.in_(ids), table.c.milestone != ""
            )
            rows = (await tx.execute(statement.group_by(table.c.account_id, table.c.milestone))).all()
            counted.update({(account, milestone): number for account, milestone, number in rows})
    return found


def worker(seed: str, most: int, seconds: float, folder: str | None) -> Histories:
    """``run`` in a process of its own."""
    found = Histories()
    asyncio.run(run(seed, most, seconds, Path(folder) if folder else None, found))
    return found
