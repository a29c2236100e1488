"""What is imported reaches nothing and hides nothing: through the real store, on both databases, in any order."""

import asyncio
import itertools
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, update

from milestones.domain.actions import State
from milestones.domain.observation import Point
from milestones.pipeline import observe
from milestones.store import mutes
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import ACCOUNT, NOW, an_observation
from tests.domain.test_mute_properties import MILESTONES, Life, expected, lives, schedule
from tests.examples import of_examples
from tests.store.rules import FixedRules, go_live, opened
from tests.store.test_crossings import grants_of

RULES = FixedRules(tuple(MILESTONES))
_ACTIONS = table_of(Action)
_fresh_site = itertools.count()


class Site:
    """One account on a site of its own, and what this program does to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.id = store, f"muted-{next(_fresh_site)}"

    async def hear(self, point: Point) -> None:
        await observe.observe(self.store, RULES, self.id, [an_observation(point=point)], NOW)

    async def begin(self, before: Point, leads_to: int) -> None:
        """An adjustment is about to act at this revision."""
        key = f"{self.id}#{before.stamp.revision + 1}"
        mute = {"at": before.stamp.at, **before.measures._asdict(), "leads_to": leads_to}
        intent = {"account_id": ACCOUNT, "revision": before.stamp.revision, "mute": mute}
        action = Action(
            key=key,
            owner=key,
            site_id=self.id,
            account_id=ACCOUNT,
            milestone="",
            kind="adjust",
            state=State.RUNNING,
            available_at=NOW,
            payload={},
            waits_for=[],
            recorded_at=NOW,
        )
        async with self.store.write() as tx:
            await tx.execute(insert(_ACTIONS), [action.model_dump(exclude={"id"})])
            await mutes.open_mute(tx, self.id, key, intent, NOW)

    async def end(self, revision: int, *, happened: bool) -> None:
        """It is told what became of the step to this revision."""
        key = f"{self.id}#{revision}"
        async with self.store.write() as tx:
            if happened:
                await tx.execute(update(_ACTIONS).where(_ACTIONS.c.key == key).values(state=State.DONE))
            else:
                await tx.execute(delete(_ACTIONS).where(_ACTIONS.c.key == key))

    async def live(self, life: Life, random: Random) -> dict[str, int]:
        """All of a life, with what is kept undecided decided now and then. Returns what was given."""
        await go_live(self.store, RULES, self.id)
        for step in schedule(life, random, seen=set(range(len(life.points) + 1))):
            match step.kind:
                case "hear":
                    await self.hear(life.points[step.revision - 1])
                case "begin":
                    await self.begin(life.points[step.revision - 2], step.leads_to)
                case "end":
                    await self.end(step.revision, happened=step.revision in life.ours)
            if random.random() < 0.5:
                await observe.close_mutes(self.store, RULES, self.id, NOW)
        await observe.close_mutes(self.store, RULES, self.id, NOW)
        return {milestone: len(found) for milestone, found in (await grants_of(self.store, self.id)).items()}


def test_in_any_order_the_customer_s_own_crossings_are_given_and_no_others(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opening = opened(database_url)
        store = runner.run(opening.__aenter__())

        @settings(max_examples=of_examples(0.2), suppress_health_check=[HealthCheck.too_slow])
        @given(lives(), st.integers(0, 1_000_000))
        def check(life: Life, seed: int) -> None:
            assert runner.run(Site(store).live(life, Random(seed))) == expected(life)

        try:
            check()
        finally:
            runner.run(opening.__aexit__(None, None, None))
