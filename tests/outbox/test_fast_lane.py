"""What a person waits for is done beside the rest of its kind, with the calls that are kept for people."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, column, func, select, text

from milestones.domain.order import OrderSource, Person
from milestones.kinds.channel import Task
from milestones.kinds.points.payload import EarnPoints
from milestones.outbox.work import PATIENCE
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, place_all
from milestones.store.database.statements import table_of
from milestones.store.outbox import schedule
from milestones.store.outbox.schedule import Lane
from milestones.store.tables import Action
from milestones.wix.pacing import person_waits
from tests.builders import NOW, SITE, a_customer, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live, opened


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with opened(database_url) as store:
        found = Bench(store)
        await go_live(store, FixedRules(()))
        for account in ("many", "one"):
            seen = an_observation(10, 1, account_id=account, customer=a_customer())
            await observe.observe(store, FixedRules(()), SITE, [seen], NOW)
        yield found


async def ordered(bench: Bench, source: OrderSource, account: str, times: int = 1) -> None:
    askings = [
        Asking(SITE, source, f"{account}-{number}", Person(account_id=account), EarnPoints(1, "A review"))
        for number in range(times)
    ]
    await place_all(bench.store, FixedRules(()), askings, bench.now)
    bench.woken.set()


async def test_a_person_s_order_does_not_queue_behind_a_file_s(bench: Bench) -> None:
    channel = bench.channels["points"]
    channel.ends = {"many": asyncio.Event()}
    await ordered(bench, OrderSource.IMPORT, "many", 120)
    async with bench.draining():
        await channel.until(lambda: channel.under_way == channel.concurrency)
        for source in (OrderSource.API, OrderSource.CLI):
            await ordered(bench, source, "one")
        await bench.until(
            lambda rows: [row.state for row in rows if row.account_id == "one"] == ["done", "done"]
        )
        assert channel.under_way == channel.concurrency
        channel.ends["many"].set()
    assert {row.state for row in await bench.rows()} == {"done"}


async def test_only_while_somebody_may_wait_the_calls_are_those_kept_for_people(bench: Bench) -> None:
    noted: list[tuple[str, bool]] = []

    def note(task: Task) -> None:
        noted.append((task.account_id, person_waits()))

    async def asked() -> None:
        gated.append(person_waits())

    gated: list[bool] = []
    bench.channels["points"].before, bench.channels["points"].meanwhile = note, asked
    await ordered(bench, OrderSource.IMPORT, "many")
    await bench.drain()
    await ordered(bench, OrderSource.API, "one")
    await bench.drain()
    await ordered(bench, OrderSource.CLI, "one")
    bench.now += PATIENCE + timedelta(seconds=1)
    await bench.drain()
    assert noted == [("many", False), ("one", True), ("one", False)]
    assert gated == [False, True, False]


async def test_each_lane_is_due_for_itself(bench: Bench) -> None:
    fast, slow = Lane("points", fast=True), Lane("points", fast=False)
    due: dict[Lane, datetime] = {}
    for source, account, lane in ((OrderSource.API, "one", fast), (OrderSource.SYNC, "many", slow)):
        async with bench.store.read() as tx:
            assert await schedule.get_first_due(tx, SITE) == due
        await ordered(bench, source, account)
        due[lane] = bench.now
        bench.now += timedelta(seconds=1)
        async with bench.store.read() as tx:
            assert await schedule.get_first_due(tx, SITE) == due
    await bench.drain()
    async with bench.store.read() as tx:
        assert await schedule.get_first_due(tx, SITE) == {}


async def test_what_is_fast_is_looked_up_and_not_searched(bench: Bench) -> None:
    async with bench.store.read() as tx:
        of_site: Select[Any] = select(func.min(column("available_at"))).select_from(table_of(Action))
        statement = of_site.where(column("site_id") == "site", schedule.IS_FAST)
        told = statement.compile(dialect=tx.dialect, compile_kwargs={"literal_binds": True})
        explain = (
            "EXPLAIN QUERY PLAN" if tx.dialect.name == "sqlite" else "SET LOCAL enable_seqscan = off; EXPLAIN"
        )
        plan = ""
        for part in f"{explain} {told}".split(";"):
            done = await tx.execute(text(part))
            plan += str(done.all()) if done.returns_rows else ""
        assert "ix_actions_fast" in plan, plan
