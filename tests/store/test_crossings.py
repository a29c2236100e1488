"""The same grants whatever the order: through the real store, on both databases."""

import asyncio
import itertools
from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Observation, Source
from milestones.pipeline import observe
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action, Grant
from tests.builders import (
    GO_LIVE,
    NOW,
    SITE,
    a_badge,
    a_coupon,
    a_milestone,
    a_point,
    an_email,
    an_observation,
)
from tests.examples import of_examples
from tests.store.rules import FixedRules, go_live, opened

LADDER = a_milestone(300, key="ladder", repeat=Repeat.LADDER)
EVERY = a_milestone(1000, key="every", repeat=Repeat.EVERY, rearm_below=400)
ONCE = a_milestone(1000, key="once")
RULES = FixedRules((ONCE, LADDER, EVERY))

BALANCES = st.sampled_from([0, 250, 299, 300, 399, 400, 650, 999, 1000, 1001, 1300])
_fresh_site = itertools.count()


async def grants_of(store: Store, site_id: str) -> dict[str, list[int]]:
    """Occurrences by milestone, sorted."""
    grants = table_of(Grant)
    async with store.read() as tx:
        rows = (
            await tx.execute(
                select(grants.c.milestone, grants.c.occurrence).where(grants.c.site_id == site_id)
            )
        ).all()
    found: dict[str, list[int]] = {}
    for milestone, occurrence in sorted(rows):
        found.setdefault(milestone, []).append(occurrence)
    return found


def expected(balances: Sequence[int], *, starts_at_zero: bool) -> dict[str, list[int]]:
    """Written from the words of the design, not from the code: a walk along the history in its true order."""
    walk = ([0] if starts_at_zero else []) + list(balances)
    found: dict[str, list[int]] = {}
    once = any(low < 1000 <= high for low, high in itertools.combinations(walk, 2))
    if once:
        found["once"] = [1]
    rungs = [r for r in range(300, 1500, 300) if any(a < r <= b for a, b in itertools.combinations(walk, 2))]
    if rungs:
        found["ladder"] = rungs
    armed, spent = walk[0] < 1000, 0
    for balance in walk[1:]:
        if armed and balance >= 1000:
            armed, spent = False, spent + 1
        elif balance < 400:
            armed = True
    if spent:
        found["every"] = list(range(1, spent + 1))
    return found


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[int], bool, list[list[int]]]:
    """Balances in their true order, whether the account is younger than go-live, and batches of arriving indexes."""
    balances = draw(st.lists(BALANCES, min_size=1, max_size=8))
    young = draw(st.booleans())
    arriving = draw(st.permutations(range(len(balances))))
    repeated = [*arriving, *draw(st.lists(st.sampled_from(range(len(balances))), max_size=6))]
    if not young:
        # The baseline is what an older account is first known by; nothing before it counts for EVERY.
        repeated = [0, *repeated]
    cuts = sorted(draw(st.lists(st.integers(0, len(repeated)), max_size=3)))
    batches = [repeated[a:b] for a, b in itertools.pairwise([0, *cuts, len(repeated)])]
    return balances, young, [batch for batch in batches if batch]


def _observation(balances: Sequence[int], index: int, *, young: bool) -> Observation:
    created_at = GO_LIVE + timedelta(days=1) if young else GO_LIVE - timedelta(days=400)
    return an_observation(point=a_point(balances[index], index + 1), created_at=created_at)


def test_any_order_repetition_and_batching_gives_the_same_grants(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opening = opened(database_url)
        store = runner.run(opening.__aenter__())

        @settings(max_examples=of_examples(0.4), suppress_health_check=[HealthCheck.too_slow])
        @given(histories())
        def check(history: tuple[list[int], bool, list[list[int]]]) -> None:
            balances, young, batches = history
            site_id = f"site-{next(_fresh_site)}"

            async def replay() -> dict[str, list[int]]:
                await go_live(store, RULES, site_id)
                for batch in (*batches, *batches):
                    seen = [_observation(balances, index, young=young) for index in batch]
                    await observe.observe(store, RULES, site_id, seen, NOW)
                return await grants_of(store, site_id)

            assert runner.run(replay()) == expected(balances, starts_at_zero=young)

        try:
            check()
        finally:
            runner.run(opening.__aexit__(None, None, None))


async def test_a_baseline_alone_gives_nothing(store: Store) -> None:
    await go_live(store, RULES)
    seen = [
        an_observation(balance, account_id=f"account-{balance}", source=Source.BASELINE)
        for balance in (5, 999, 1000, 5000)
    ]
    outcome = await observe.observe(store, RULES, SITE, seen, NOW)
    assert (outcome.grants, outcome.repeats) == (0, 0)


@pytest.mark.parametrize("milestone", [ONCE, EVERY, LADDER])
async def test_what_was_true_before_go_live_counts_for_nothing(store: Store, milestone: Milestone) -> None:
    rules = FixedRules((milestone,))
    await go_live(store, rules)
    before = an_observation(10, 1, told_at=GO_LIVE - timedelta(seconds=1))
    assert (await observe.observe(store, rules, SITE, [before], NOW)).before_go_live == 1
    outcome = await observe.observe(store, rules, SITE, [an_observation(1500, 2)], NOW)
    assert outcome.grants == 0


async def test_two_writers_on_one_account_lose_nothing_and_give_once(store: Store) -> None:
    await go_live(store, RULES)
    seen = [
        an_observation(balance, revision)
        for revision, balance in enumerate([10, 1000, 300, 1100, 20, 1200], 1)
    ]
    await observe.observe(store, RULES, SITE, seen[:1], NOW)
    await asyncio.gather(*(observe.observe(store, RULES, SITE, [item], NOW) for item in seen[1:] * 3))
    assert await grants_of(store, SITE) == {"once": [1], "every": [1, 2, 3], "ladder": [300, 600, 900, 1200]}


async def test_actions_are_recorded_with_their_grant_and_only_once(store: Store) -> None:
    rules = FixedRules((a_milestone(1000, rewards=(a_coupon(), a_badge(), an_email())),))
    await go_live(store, rules)
    for _ in range(3):
        await observe.observe(store, rules, SITE, [an_observation(10, 1), an_observation(1000, 2)], NOW)
    async with store.read() as tx:
        actions = (await tx.execute(select(table_of(Action)))).all()
    assert len(actions) == 3
