"""A gift for the past is given once, to those it is for, and only when a person asks."""

import pytest

from milestones.commands.backfill import backfill
from milestones.commands.models.backfill import Backfill, SiteBackfill
from milestones.domain.milestone import Milestone
from milestones.domain.policy import Breaker
from milestones.errors import UsageError
from milestones.pipeline import observe
from milestones.store.tables import Action, Grant
from tests.builders import a_coupon, a_ladder, a_milestone, a_repeating, an_observation
from tests.commands.test_verify import Host
from tests.scans.conftest import Ground, ground

__all__ = ["ground"]


async def prepared(ground: Ground, milestone: Milestone) -> None:
    """Accounts at 10, 400, 1,000 and 2,100 points, none of which was seen to cross."""
    ground.rules.milestones = (milestone,)
    seen = [
        an_observation(balance, 1, account_id=f"at-{balance:04}", told_at=ground.now)
        for balance in (10, 400, 1000, 2100)
    ]
    await observe.observe(ground.store, ground.rules, ground.site_id, seen, ground.now)


async def given(ground: Ground, key: str, *, counts_only: bool = False) -> SiteBackfill:
    command = Backfill(milestone=key, counts_only=counts_only)
    answer = await backfill(Host(ground), command, lambda _report: None)  # type: ignore[arg-type]
    return answer.sites[0]


@pytest.mark.parametrize(
    ("milestone", "grants"),
    [
        (a_milestone(1000, key="once", rewards=(a_coupon(),)), [("at-1000", 1), ("at-2100", 1)]),
        (a_ladder(1000, key="ladder"), [("at-1000", 1000), ("at-2100", 1000), ("at-2100", 2000)]),
        (a_repeating(1000, key="again"), [("at-1000", 1), ("at-2100", 1)]),
    ],
)
async def test_those_above_are_given_what_they_would_have_crossed_once(
    ground: Ground, milestone: Milestone, grants: list[tuple[str, int]]
) -> None:
    await prepared(ground, milestone)
    planned = await given(ground, milestone.key, counts_only=True)
    assert (planned.accounts, planned.grants, await ground.rows(Grant)) == (2, len(grants), [])
    for _ in range(2):
        await given(ground, milestone.key)
    rows = await ground.rows(Grant)
    assert sorted((row["account_id"], row["occurrence"]) for row in rows) == grants
    assert {row["verdict"] for row in rows} == {"backfilled"}
    assert len(await ground.rows(Action)) == len(grants) * len(milestone.rewards)


async def test_who_was_given_it_does_not_cross_it_again(ground: Ground) -> None:
    await prepared(ground, a_milestone(1000, key="once"))
    await given(ground, "once")
    for revision, balance in ((2, 10), (3, 1200)):
        seen = an_observation(balance, revision, account_id="at-1000", told_at=ground.now)
        await observe.observe(ground.store, ground.rules, ground.site_id, [seen], ground.now)
    assert len(await ground.rows(Grant)) == 2


async def test_it_passes_the_breaker_like_everything_else(ground: Ground) -> None:
    ground.rules.breaker = Breaker(0.001, 1)
    await prepared(ground, a_milestone(1000, key="once", rewards=(a_coupon(),)))
    assert (await given(ground, "once")).held == 1
    assert sorted(row["state"] for row in await ground.rows(Action)) == ["available", "held"]


async def test_a_key_that_nobody_has_is_a_sentence(ground: Ground) -> None:
    with pytest.raises(UsageError, match="No site has a milestone 'nothing'"):
        await given(ground, "nothing")
