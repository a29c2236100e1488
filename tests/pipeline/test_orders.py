"""An order is recorded once for each site, source and key, with what it owes, and counted where it asks by itself."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from milestones.domain.actions import State
from milestones.domain.order import LONGEST_KEY, OrderSource
from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.errors import KeyTakenError, UsageError
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, Placed, place
from milestones.store import retention, sites
from milestones.store.database import integrity
from milestones.store.database.statements import table_of
from milestones.store.outbox import orders
from milestones.store.people import erasure
from milestones.store.tables import Order, SiteState
from tests.builders import NOW, SITE, a_customer, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live, opened


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with opened(database_url) as store:
        found = Bench(store)
        rules = FixedRules(())
        await go_live(store, rules)
        for account in ("account", "other"):
            seen = an_observation(10, 1, account_id=account, customer=a_customer())
            await observe.observe(store, rules, SITE, [seen], NOW)
        yield found


async def placed(
    bench: Bench,
    key: str = "key-1",
    *,
    by: int = 5,
    account: str = "account",
    source: OrderSource = OrderSource.CLI,
    rules: FixedRules | None = None,
) -> Placed:
    request = AdjustPoints(account, by, None, "A late bill")
    return await place(bench.store, rules or FixedRules(()), Asking(SITE, source, key, request), bench.now)


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


async def test_nothing_is_ordered_for_who_is_unknown_or_gone_or_of_a_site_that_is_not_active(
    bench: Bench,
) -> None:
    with pytest.raises(UsageError, match="No account nobody is known"):
        await placed(bench, account="nobody")
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    with pytest.raises(UsageError, match="was deleted or erased"):
        await placed(bench)
    async with bench.store.write() as tx:
        await sites.change(tx, SITE, state=SiteState.OBSERVED)
    with pytest.raises(UsageError, match="is not active here"):
        await placed(bench, account="other")
    assert await bench.rows() == []


async def test_the_reason_goes_with_the_person_and_that_points_were_moved_stays(bench: Bench) -> None:
    await placed(bench)
    await bench.drain()
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    row = await bench.row("adjust")
    assert (row.payload["reason"], row.payload["amount"], row.state) == ("", 5, "done")


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
