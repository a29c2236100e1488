"""Whom a scan chooses, by the definitions in force."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from milestones.domain.milestone import Milestone
from milestones.domain.verdict import Verdict
from milestones.pipeline import observe
from milestones.pipeline.facts import StoredFacts
from milestones.pipeline.selection import find_near, gather, select_reminders
from milestones.store import sites
from milestones.store.database.store import Store
from tests.builders import ACCOUNT, NOW, SECRET, SITE, a_repeating, an_observation
from tests.store.rules import FixedRules, go_live, opened

AGAIN = a_repeating(500, 200)


async def verdict_of(store: Store, milestone: Milestone, balance: int, revision: int) -> Verdict:
    async with store.read() as tx:
        facts = StoredFacts(tx, SITE, SECRET)
        near = await find_near(facts, [milestone], [an_observation(balance, revision)])
        background = await gather(
            tx, facts, SITE, (milestone,), near, at_most=None, program_active=True, now=NOW
        )
    (answer,) = select_reminders((milestone,), near, background, {})
    return dict(answer.verdicts)[milestone.key]


async def test_what_a_former_definition_gave_does_not_disarm_the_one_that_came_since(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        await go_live(store, FixedRules((AGAIN,)))
        for revision, balance in enumerate((100, 600, 450), start=1):
            seen = an_observation(balance, revision)
            await observe.observe(store, FixedRules((AGAIN,)), SITE, [seen], NOW)
        assert await verdict_of(store, AGAIN, 450, 3) is Verdict.NOT_ARMED
        changed = replace(AGAIN, threshold=520)
        async with store.write() as tx:
            await sites.define(tx, SITE, (changed,), NOW + timedelta(hours=1))
        # It looks from 450 on, and 520 is a crossing that gives.
        assert await verdict_of(store, changed, 450, 3) is Verdict.NEAR
        crossing = an_observation(530, 4)
        outcome = await observe.observe(store, FixedRules((changed,)), SITE, [crossing], NOW)
        assert outcome.granted == {AGAIN.key: 1}
        assert crossing.account_id == ACCOUNT
