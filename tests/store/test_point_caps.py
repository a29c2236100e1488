"""Points that are given at most so often: what was given must be known for as long as it counts."""

from datetime import timedelta

from sqlalchemy import select, update

from milestones.domain.actions import State
from milestones.kinds.points.channel import point_rewards
from milestones.pipeline import observe
from milestones.store import retention
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import ACCOUNT, NOW, SITE, a_repeating, an_observation, some_points
from tests.store.rules import FixedRules, go_live

DAY = timedelta(days=1)
AGAIN = a_repeating(rewards=(some_points(cap=(1, 365 * DAY)),))
RULES = FixedRules((AGAIN,))
_ACTIONS = table_of(Action)


async def given_after(store: Store, days: int) -> None:
    """An account reaches the milestone now, and has its points some days later."""
    await go_live(store, RULES)
    await observe.observe(store, RULES, SITE, [an_observation(10, 1), an_observation(1000, 2)], NOW)
    async with store.write() as tx:
        await tx.execute(update(_ACTIONS).values(state=State.DONE, settled_at=NOW + days * DAY))


async def test_points_count_from_when_they_were_given_and_not_from_when_they_were_owed(store: Store) -> None:
    await given_after(store, 20)
    async with store.read() as tx:
        found = [await point_rewards(tx, SITE, ACCOUNT, AGAIN.key, NOW + days * DAY) for days in (10, 21)]
    assert found == [1, 0]


async def test_points_are_not_forgotten_while_their_cap_counts_them(store: Store) -> None:
    await given_after(store, 0)
    left = []
    for days in (1, 364, 366):
        async with store.write() as tx:
            await retention.forget_actions(tx, NOW + days * DAY)
            left.append(len((await tx.execute(select(_ACTIONS.c.id))).all()))
    assert left == [1, 1, 0]
