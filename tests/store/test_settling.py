"""Rewards that fell back within their return period, and what lets them go on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from milestones.domain.actions import State
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure, Observation
from milestones.domain.verdict import Verdict
from milestones.pipeline import observe
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import NOW, SITE, a_coupon, a_customer, a_milestone, a_point, an_email, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live
from tests.store.test_overtaken_reminders import Shop

FORTNIGHT = timedelta(days=14)
ONCE = a_milestone(1000, rewards=(a_coupon(),), settle_for=FORTNIGHT)
LADDER = a_milestone(1000, key="ladder", repeat=Repeat.LADDER, rewards=(a_coupon(),), settle_for=FORTNIGHT)
EVERY = a_milestone(
    1000, key="every", repeat=Repeat.EVERY, rearm_below=400, rewards=(a_coupon(),), settle_for=FORTNIGHT
)
_ACTIONS = table_of(Action)
CANCELLED = ("cancelled", Verdict.SUPERSEDED)
DONE = ("done", Verdict.DONE)


async def fell_back(store: Store, milestone: Milestone) -> FixedRules:
    """An account reached the milestone, fell to 500, and its return period is over."""
    rules = FixedRules((milestone,))
    await go_live(store, rules)
    seen = [an_observation(balance, revision) for revision, balance in enumerate((10, 1000, 500), 1)]
    await observe.observe(store, rules, SITE, seen, NOW)
    async with store.write() as tx:
        await tx.execute(update(_ACTIONS).values(state=State.WAITING, needs="threshold"))
    return rules


async def states(store: Store) -> list[tuple[str, datetime]]:
    """(state, due) of all rewards, oldest first."""
    async with store.read() as tx:
        rows = await tx.execute(select(_ACTIONS.c.state, _ACTIONS.c.available_at).order_by(_ACTIONS.c.id))
    return [(row.state, row.available_at) for row in rows]


@pytest.mark.parametrize(
    "seen",
    [
        [an_observation(1000, 2)],  # a repeat of what it fell from
        [an_observation(700, 2)],  # something late
        [an_observation(900, 4)],  # a rise that does not suffice
    ],
)
async def test_what_is_still_below_wakes_nothing(store: Store, seen: Sequence[Observation]) -> None:
    rules = await fell_back(store, ONCE)
    await observe.observe(store, rules, SITE, seen, NOW + FORTNIGHT)
    assert [state for state, _ in await states(store)] == ["waiting"]


@pytest.mark.parametrize(
    ("milestone", "balance", "rewards"), [(ONCE, 1000, 1), (LADDER, 1500, 1), (LADDER, 2100, 2)]
)
async def test_what_is_reached_again_begins_its_return_period_anew(
    store: Store, milestone: Milestone, balance: int, rewards: int
) -> None:
    rules = await fell_back(store, milestone)
    again = NOW + 2 * FORTNIGHT
    await observe.observe(store, rules, SITE, [an_observation(balance, 4)], again)
    assert await states(store) == [("available", again + FORTNIGHT)] * rewards


async def test_a_new_cycle_is_a_reward_of_its_own_and_not_two(store: Store) -> None:
    rules = await fell_back(store, EVERY)
    await observe.observe(store, rules, SITE, [an_observation(100, 4), an_observation(1000, 5)], NOW)
    assert [state for state, _ in await states(store)] == ["waiting", "available"]


async def test_an_event_that_is_silent_about_the_measure_does_not_say_that_it_is_reached(
    store: Store,
) -> None:
    bench = Bench(store)
    rules = FixedRules((replace(ONCE, measure=Measure.TIER_POINTS),))
    await go_live(store, rules)
    for revision, tier_points in enumerate((10, 1000, 500, None), 1):
        point = a_point(revision, revision, tier_points=tier_points)
        seen = an_observation(point=point, customer=a_customer())
        await observe.observe(store, rules, SITE, [seen], bench.now)
    bench.now += FORTNIGHT
    await bench.drain()
    assert [(row.state, row.verdict) for row in await bench.rows()] == [("waiting", Verdict.FELL_BACK)]


class TestCycles:
    """Of an EVERY: what falls back and is reached anew is one reward, that of the newest cycle."""

    @pytest.fixture
    async def shop(self, store: Store) -> Shop:
        shop = Shop(store, replace(EVERY, rewards=(a_coupon(), an_email())))
        await go_live(store, shop.rules)
        await shop.see(10, 1000, 300)
        return shop

    async def told(self, shop: Shop) -> list[tuple[str, str | None]]:
        """(state, verdict) of every action, oldest first, when all that is due is done."""
        await shop.bench.drain()
        return [(row.state, row.verdict) for row in await shop.bench.rows()]

    async def test_of_two_that_fell_back_only_the_newest_is_given(self, shop: Shop) -> None:
        shop.bench.now += FORTNIGHT
        await self.told(shop)
        await shop.see(1000, 900)
        shop.bench.now += FORTNIGHT
        await self.told(shop)
        await shop.see(1000)
        shop.bench.now += FORTNIGHT
        assert await self.told(shop) == [CANCELLED] * 2 + [DONE] * 2

    async def test_what_is_reached_anew_within_the_return_period_is_one_reward(self, shop: Shop) -> None:
        shop.bench.now += timedelta(days=5)
        await shop.see(1000)
        shop.bench.now += FORTNIGHT
        assert await self.told(shop) == [CANCELLED] * 2 + [DONE] * 2

    async def test_a_late_observation_that_shows_an_older_cycle_gives_nothing_more(
        self, store: Store
    ) -> None:
        shop = Shop(store, EVERY)
        await go_live(store, shop.rules)
        await shop.see(10)
        shop.revision += 1
        await shop.see(300, 1000)
        late = an_observation(1000, 2, customer=a_customer())
        await observe.observe(store, shop.rules, SITE, [late], shop.bench.now)
        shop.bench.now += FORTNIGHT
        assert await self.told(shop) == [DONE, CANCELLED]

    async def test_what_was_kept_for_its_whole_return_period_is_given_although_a_new_cycle_came_before_it_was_done(
        self, store: Store
    ) -> None:
        shop = Shop(store, EVERY)
        await go_live(store, shop.rules)
        await shop.see(10, 1000)
        shop.bench.now += FORTNIGHT + timedelta(days=1)
        await shop.see(300, 1000)
        await self.told(shop)
        shop.bench.now += FORTNIGHT
        assert await self.told(shop) == [DONE] * 2

    async def test_a_threshold_that_is_reached_anew_while_the_gate_is_asked_is_one_reward(
        self, shop: Shop
    ) -> None:
        shop.bench.now += FORTNIGHT
        shop.bench.channels["coupon"].meanwhile = lambda: shop.see(1000)
        await self.told(shop)
        shop.bench.channels["coupon"].meanwhile = None
        shop.bench.now += FORTNIGHT
        assert await self.told(shop) == [CANCELLED] * 2 + [DONE] * 2
