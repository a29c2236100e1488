"""To one customer one reminder at a time, however many accounts, milestones, scans and drains there are."""

from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from milestones.domain.policy import QuietHours
from milestones.domain.verdict import Verdict
from milestones.outbox.gates import Policy
from milestones.pipeline import observe
from milestones.pipeline.context import Chosen
from milestones.store import scans
from milestones.store.database.store import Store
from milestones.store.outbox import ledger, reminders
from tests.builders import NOW, SITE, a_customer, a_ladder, a_milestone, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live

DAY = timedelta(days=1)
FAR = Chosen("a", "far", 1, 1, 950)  # 60 missing
NEARER = Chosen("a", "ladder", 1000, 1, 950)  # 50 missing
OTHERS = Chosen("b", "ladder", 1000, 1, 990)  # 10 missing


class Town:
    """Accounts ``a`` and ``b``, and milestones of which both are near two."""

    def __init__(self, store: Store) -> None:
        self.bench = Bench(store)
        self.rules = FixedRules((a_milestone(1010, key="far"), a_ladder(1000)))

    async def know(self, first: dict[str, Any], second: dict[str, Any], revision: int = 1) -> None:
        await go_live(self.bench.store, self.rules)
        seen = [
            an_observation(950, revision, account_id="a", customer=a_customer(**first)),
            an_observation(990, revision, account_id="b", customer=a_customer(**second)),
        ]
        await observe.observe(self.bench.store, self.rules, SITE, seen, self.bench.now)

    async def scan(self, *chosen: Chosen, finished: bool = True) -> None:
        async with self.bench.store.write() as tx:
            scan = await scans.start(tx, SITE, "near", NOW)
        await observe.remind(self.bench.store, self.rules, scan, chosen, self.bench.now)
        if finished:
            async with self.bench.store.write() as tx:
                await scans.finish(tx, scan, 1000, self.bench.now)

    async def mails(self) -> list[tuple[str, str, str, str | None]]:
        rows = [row for row in await self.bench.rows() if row.kind == "email"]
        return [(row.account_id, row.milestone, row.state, row.verdict) for row in rows]


@pytest.fixture
def town(store: Store) -> Town:
    return Town(store)


SOMEBODY_ELSE = {"contact_id": "other", "email": "other@example.com"}
SAME_ADDRESS = {"contact_id": "other", "email": "ADA@example.com"}
SAME_CONTACT = {"email": "new@example.com"}


@pytest.mark.parametrize("same", [SAME_ADDRESS, SAME_CONTACT])
@pytest.mark.parametrize("apart", [True, False])
async def test_accounts_of_one_customer_are_reminded_once(
    town: Town, same: dict[str, Any], apart: bool
) -> None:
    await town.know({}, same)
    if apart:
        await town.scan(NEARER)
        await town.scan(OTHERS)
    else:
        await town.scan(NEARER, OTHERS)
    assert len(await town.mails()) == 1


async def test_accounts_of_two_customers_are_reminded_both(town: Town) -> None:
    await town.know({}, SOMEBODY_ELSE)
    await town.scan(NEARER, OTHERS)
    await town.bench.drain()
    assert [state for _, _, state, _ in await town.mails()] == ["done", "done"]


@pytest.mark.parametrize("finished", [True, False])
async def test_who_is_found_twice_or_by_two_scans_is_reminded_once(town: Town, finished: bool) -> None:
    await town.know({}, SOMEBODY_ELSE)
    await town.scan(NEARER, finished=finished)
    await town.scan(FAR, finished=finished)
    assert [milestone for _, milestone, _, _ in await town.mails()] == ["ladder"]


async def test_a_reminder_that_waits_for_the_morning_is_under_way(town: Town) -> None:
    town.bench.policy = Policy(QuietHours(time(9), time(8)), ZoneInfo("UTC"))
    town.bench.restart()
    await town.know({}, SOMEBODY_ELSE)
    await town.scan(NEARER)
    await town.bench.drain()
    town.bench.now += DAY * 0.9
    await town.scan(FAR)
    assert await town.mails() == [("a", "ladder", "available", Verdict.QUIET_HOURS)]


async def test_the_other_one_follows_a_day_after(town: Town) -> None:
    await town.know({}, SOMEBODY_ELSE)
    await town.scan(NEARER)
    await town.bench.drain()
    town.bench.now += DAY
    await town.scan(FAR)
    await town.bench.drain()
    assert [state for _, _, state, _ in await town.mails()] == ["done", "done"]


async def test_reminders_of_accounts_that_turn_out_to_be_one_customers_leave_a_day_apart(town: Town) -> None:
    await town.know({}, SOMEBODY_ELSE)
    await town.scan(NEARER, OTHERS)
    await town.know({}, SAME_ADDRESS, revision=2)
    await town.bench.drain()
    assert await town.mails() == [
        ("a", "ladder", "available", Verdict.ONE_AT_A_TIME),
        ("b", "ladder", "done", Verdict.DONE),
    ]
    # It waits until the other has left for a day, whoever looks meanwhile.
    for _ in range(3):
        town.bench.now = await town.bench.drain() or town.bench.now
    assert town.bench.now == NOW + DAY
    await town.bench.drain()
    assert [state for _, _, state, _ in await town.mails()] == ["done", "done"]


async def test_what_an_account_inherited_counts_once(town: Town) -> None:
    """A merge copies the reminders of one account to the other: the policy must not count them twice."""
    await town.know({}, SAME_ADDRESS)
    await town.scan(NEARER)
    async with town.bench.store.write() as tx:
        [row] = (await ledger.get_reminders(tx, SITE, ["a"]))["a"]
        copy = row.model_copy(update={"account_id": "b", "scan_id": None})
        await ledger.add_reminders(tx, [copy])
        found = await reminders.get_by_person(tx, SITE, ["a", "b"])
    assert [list(found[account].others) for account in ("a", "b")] == [[], []]
