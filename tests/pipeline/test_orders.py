"""An order is recorded once for each site, source and key, with what it owes, and counted where it asks by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from milestones.domain.actions import State
from milestones.domain.order import LONGEST_KEY, OrderSource, Person
from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.errors import KeyTakenError, UsageError
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.orders import Placed, place, place_all
from milestones.store import retention, sites
from milestones.store.database import integrity
from milestones.store.database.statements import table_of
from milestones.store.outbox import operator, orders
from milestones.store.tables import Order
from milestones.store.views.lookup import Which
from tests.builders import NOW, SITE
from tests.outbox.bench import Bench
from tests.pipeline.askings import asked, placed, two_customers
from tests.store.rules import FixedRules


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with two_customers(database_url) as found:
        yield found


async def test_an_order_owes_its_action_and_is_done(bench: Bench) -> None:
    assert (await placed(bench)).created
    assert await bench.states() == {"adjust": "available"}
    await bench.drain()
    assert await bench.states() == {"adjust": "done"}
    [task] = bench.channels["adjust"].performed
    assert (task.account_id, task.milestone, task.payload["amount"]) == ("account", "", 5)


async def test_the_same_key_again_is_the_same_order(bench: Bench) -> None:
    first = await placed(bench)
    await bench.drain()
    again = await placed(bench)
    assert (again.created, again.order.id) == (False, first.order.id)
    assert len(await bench.rows()) == 1


async def test_one_key_that_is_used_twice_at_once_is_one_order(bench: Bench) -> None:
    both = await asyncio.gather(*(placed(bench) for _ in range(5)))
    assert sorted(one.created for one in both) == [False] * 4 + [True]
    assert len(await bench.rows()) == 1


@pytest.mark.parametrize("other", [{"by": 6}, {"account": "other"}])
async def test_something_else_under_a_used_key_is_refused_and_nothing_is_recorded(
    bench: Bench, other: dict[str, int | str]
) -> None:
    await placed(bench)
    with pytest.raises(KeyTakenError, match="was used on 2026-11-20 09:15 UTC for something else"):
        await placed(bench, **other)  # type: ignore[arg-type]
    assert len(await bench.rows()) == 1


async def test_different_things_under_one_key_at_once_are_one_order_and_refusals(bench: Bench) -> None:
    told = await asyncio.gather(
        *(
            placed(bench, by=by, account=account)
            for by, account in ((1, "account"), (2, "account"), (3, "other"))
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(one, KeyTakenError) for one in told) == 2
    assert len(await bench.rows()) == 1


async def test_a_key_is_of_its_source(bench: Bench) -> None:
    for source in OrderSource:
        assert (await placed(bench, source=source)).created
    assert len(await bench.rows()) == len(OrderSource)


@pytest.mark.parametrize("source", OrderSource)
async def test_the_breaker_counts_what_asks_by_itself(bench: Bench, source: OrderSource) -> None:
    rules = FixedRules((), breaker=Breaker(0.1, 2))
    for number in range(4):
        await placed(bench, f"key-{number}", source=source, rules=rules)
    states = [row.state for row in await bench.rows()]
    held = 2 if source.is_counted else 0
    assert states == [State.AVAILABLE] * (4 - held) + [State.HELD] * held
    assert source.is_counted is (source is not OrderSource.CLI)


async def test_in_shadow_mode_it_is_recorded_and_not_done(bench: Bench) -> None:
    found = await placed(bench, rules=FixedRules((), shadow=True))
    assert (found.order.verdict, await bench.states()) == (Verdict.SHADOW, {"adjust": "cancelled"})


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "\0", "\ud800", "x" * (LONGEST_KEY + 1)])
async def test_a_key_that_is_none_is_refused(bench: Bench, key: str) -> None:
    with pytest.raises(UsageError, match="A key has 1 to 200"):
        await placed(bench, key)


async def test_any_key_of_ascii_is_a_key(bench: Bench) -> None:
    for key in ("/", "#0", "%2F", "~" * LONGEST_KEY, "'; DROP TABLE orders"[:10].replace(" ", "_")):
        assert (await placed(bench, key)).created
    assert len({row.key for row in await bench.rows()}) == 5


async def test_an_order_is_sound_and_is_forgotten_with_its_actions(bench: Bench) -> None:
    await placed(bench)
    await bench.drain()
    async with bench.store.write() as tx:
        assert not any((await integrity.list_contradictions(tx)).values())
        assert await retention.forget_orders(tx, bench.now.replace(year=2030)) == 0
        assert await retention.forget_actions(tx, bench.now.replace(year=2030)) == 1
        assert await retention.forget_orders(tx, bench.now) == 0
        assert await retention.forget_orders(tx, bench.now.replace(year=2030)) == 1
        assert await orders.list_orders(tx, SITE, "account") == []


async def test_an_action_whose_order_is_gone_is_told(bench: Bench) -> None:
    await placed(bench)
    async with bench.store.write() as tx:
        await tx.execute(table_of(Order).delete())
        told = await integrity.list_contradictions(tx)
    assert "belong to no grant, reminder or order" in " ".join(told["actions"])


async def test_an_order_goes_on_while_a_milestone_is_paused_and_waits_while_the_site_is(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await sites.change(tx, SITE, paused=True)
    await placed(bench)
    await bench.drain()
    assert await bench.states() == {"adjust": "available"}
    async with bench.store.write() as tx:
        await sites.change(tx, SITE, paused=False)
    await bench.drain()
    assert await bench.states() == {"adjust": "done"}


async def test_points_that_are_ordered_are_earned_with_a_key_of_the_order_s(bench: Bench) -> None:
    for key in ("one", "two", "one"):
        await place(bench.store, FixedRules(()), asked(key, request=EarnPoints(50, "A review")), NOW)
    await bench.drain()
    first, second = bench.channels["points"].performed
    assert (first.payload["amount"], first.payload["description"]) == (50, "A review")
    assert first.payload["idempotency_key"] != second.payload["idempotency_key"]


@pytest.mark.parametrize(
    ("amount", "description", "fault"),
    [
        (0, "x", "1 to 9,999,999"),
        (-1, "x", "1 to 9,999,999"),
        (10_000_000, "x", "1 to 9,999,999"),
        (10**400, "x", "1 to 9,999,999"),
        (1, "", "is empty"),
        (1, "x" * 101, "has 101 characters"),
        (1, "a\0b", "cannot be shown"),
    ],
)
def test_points_that_wix_would_refuse_are_a_sentence_before(
    amount: int, description: str, fault: str
) -> None:
    assert fault in (EarnPoints(amount, description).fault() or "")
    assert EarnPoints(9_999_999, "x" * 100).fault() is EarnPoints(1, "x").fault() is None


async def test_of_many_at_once_each_has_its_own_result(bench: Bench) -> None:
    results = await place_all(
        bench.store,
        FixedRules(()),
        [
            asked("a"),
            asked("b", by=0),
            asked("c", person=Person(account_id="nobody")),
            asked("a"),
            asked("a", by=6),
            asked("d", request=EarnPoints(5, "A review")),
            asked("e f"),
        ],
        NOW,
    )
    told = [one if isinstance(one, UsageError) else (one.order.key, one.created) for one in results]
    assert [type(one) for one in told] == [
        tuple,
        UsageError,
        UsageError,
        tuple,
        KeyTakenError,
        tuple,
        UsageError,
    ]
    assert [one for one in told if isinstance(one, tuple)] == [("a", True), ("a", False), ("d", True)]
    assert all(one.order.id is not None for one in results if isinstance(one, Placed))
    assert await bench.states() == {"adjust": "available", "points": "available"}


async def test_the_breaker_counts_within_one_call_too(bench: Bench) -> None:
    rules = FixedRules((), breaker=Breaker(0.1, 2))
    askings = [asked(str(number), source=OrderSource.IMPORT) for number in range(4)]
    await place_all(bench.store, rules, askings, NOW)
    assert [row.state for row in await bench.rows()] == [State.AVAILABLE] * 2 + [State.HELD] * 2


async def test_what_the_breaker_holds_of_a_source_is_released_by_it(bench: Bench) -> None:
    rules = FixedRules((), breaker=Breaker(0.0, 0))
    for source in (OrderSource.IMPORT, OrderSource.SYNC):
        await placed(bench, source=source, rules=rules)
    async with bench.store.write() as tx:
        moved = await operator.release(tx, Which(source=OrderSource.IMPORT, verdict=Verdict.BREAKER), NOW)
    assert len(moved.ids) == 1
    assert sorted(row.state for row in await bench.rows()) == [State.AVAILABLE, State.HELD]
