"""A reminder that lay for a while promises nothing that was given meanwhile."""

from datetime import timedelta

import pytest

from milestones.domain.milestone import Milestone
from milestones.domain.observation import Measure
from milestones.domain.verdict import Verdict
from milestones.pipeline import observe
from milestones.pipeline.context import Chosen
from milestones.store import scans
from milestones.store.database.store import Store
from tests.builders import NOW, SITE, a_coupon, a_customer, a_ladder, a_milestone, a_repeating, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live

ONCE = a_milestone(1000, key="once", rewards=(a_coupon(),))
EVERY = a_repeating(1000, 400, rewards=(a_coupon(),))
LADDER = a_ladder(500, rewards=(a_coupon(),))


class Shop:
    """One account and its balances, one after the other."""

    def __init__(self, store: Store, milestone: Milestone) -> None:
        self.bench = Bench(store)
        self.rules = FixedRules((milestone,))
        self.key = milestone.key
        self.revision = 0

    async def see(self, *balances: int) -> None:
        for balance in balances:
            self.revision += 1
            seen = an_observation(balance, self.revision, customer=a_customer())
            await observe.observe(self.bench.store, self.rules, SITE, [seen], self.bench.now)

    async def remind(self, approach: int, value: int) -> None:
        chosen = Chosen(an_observation().account_id, self.key, approach, 1, value)
        async with self.bench.store.write() as tx:
            scan = await scans.start(tx, SITE, "near", NOW)
        await observe.remind(self.bench.store, self.rules, scan, [chosen], self.bench.now)
        async with self.bench.store.write() as tx:
            await scans.finish(tx, scan, 1000, self.bench.now)

    async def mail(self) -> tuple[str, str | None]:
        """State and verdict of the reminder's mail, when all that was due is done."""
        await self.bench.drain()
        row = await self.bench.row("email")
        return row.state, row.verdict


@pytest.mark.parametrize(
    ("milestone", "approach", "value", "then"),
    [
        (ONCE, 1, 950, (1010, 940)),
        (EVERY, 1, 950, (1010, 940)),
        (EVERY, 1, 950, (1010, 300, 940)),
        (LADDER, 1000, 950, (1010, 940)),
        (LADDER, 1000, 950, (1600, 940)),
    ],
)
async def test_what_was_given_since_it_was_recorded_is_not_announced(
    store: Store, milestone: Milestone, approach: int, value: int, then: tuple[int, ...]
) -> None:
    shop = Shop(store, milestone)
    await go_live(store, shop.rules)
    await shop.see(value)
    await shop.remind(approach, value)
    await shop.see(*then)
    assert await shop.mail() == ("cancelled", Verdict.ALREADY_GIVEN)


@pytest.mark.parametrize(("milestone", "approach"), [(ONCE, 1), (EVERY, 1), (LADDER, 1000)])
async def test_what_was_given_while_the_scan_was_under_way_is_not_announced(
    store: Store, milestone: Milestone, approach: int
) -> None:
    shop = Shop(store, milestone)
    await go_live(store, shop.rules)
    await shop.see(950, 1010, 940)
    await shop.remind(approach, 950)
    assert await shop.mail() == ("cancelled", Verdict.ALREADY_GIVEN)


@pytest.mark.parametrize(("milestone", "approach"), [(EVERY, 2), (LADDER, 1500)])
async def test_what_comes_next_is_announced(store: Store, milestone: Milestone, approach: int) -> None:
    shop = Shop(store, milestone)
    await go_live(store, shop.rules)
    near = 1450 if milestone is LADDER else 950
    await shop.see(10, 1010, 300, near)
    shop.bench.now += timedelta(minutes=1)
    await shop.remind(approach, near)
    assert await shop.mail() == ("done", Verdict.DONE)


@pytest.mark.parametrize(
    ("milestone", "now_in_force", "approach"),
    [
        (ONCE, (), 1),
        (ONCE, (a_milestone(1010, key="once"),), 1),
        (ONCE, (a_milestone(1000, key="once", measure=Measure.EARNED),), 1),
        (LADDER, (a_ladder(400),), 1000),
    ],
)
async def test_what_is_not_to_be_had_any_more_is_not_announced(
    store: Store, milestone: Milestone, now_in_force: tuple[Milestone, ...], approach: int
) -> None:
    shop = Shop(store, milestone)
    await go_live(store, shop.rules)
    await shop.see(950)
    await shop.remind(approach, 950)
    await go_live(store, FixedRules(now_in_force))
    assert await shop.mail() == ("cancelled", Verdict.MILESTONE_ENDED)


@pytest.mark.parametrize(
    ("milestone", "now_in_force", "approach"),
    [
        (ONCE, a_milestone(1000, key="once", title="Another title"), 1),
        (EVERY, a_repeating(1000, 300), 1),
        (LADDER, a_ladder(250), 1000),
    ],
)
async def test_what_is_to_be_had_all_the_same_is_announced(
    store: Store, milestone: Milestone, now_in_force: Milestone, approach: int
) -> None:
    shop = Shop(store, milestone)
    await go_live(store, shop.rules)
    await shop.see(950)
    await shop.remind(approach, 950)
    await go_live(store, FixedRules((now_in_force,)))
    assert await shop.mail() == ("done", Verdict.DONE)
