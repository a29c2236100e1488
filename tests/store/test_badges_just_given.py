"""Badges that Wix's queries may not show yet: who was given one must be known until they do."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from milestones.domain.actions import State
from milestones.kinds.badge.site import find_badges_given_since
from milestones.pipeline import observe
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import ACCOUNT, NOW, SITE, a_badge, a_milestone, an_observation
from tests.store.rules import FixedRules, go_live

RULES = FixedRules((a_milestone(rewards=(a_badge(),)),))
MINUTE = timedelta(minutes=1)
_ACTIONS = table_of(Action)


@pytest.mark.parametrize(
    ("became", "known"),
    [
        ({"state": State.AVAILABLE}, False),
        ({"state": State.RUNNING, "acted_at": NOW}, True),
        ({"state": State.DONE, "settled_at": NOW}, True),
        ({"state": State.DONE, "settled_at": NOW - 2 * MINUTE}, False),
        ({"state": State.AVAILABLE, "lost_at": NOW}, True),
        ({"state": State.HELD, "lost_at": NOW}, True),
        ({"state": State.UNKNOWN, "lost_at": NOW}, True),
        ({"state": State.AVAILABLE, "lost_at": NOW - 2 * MINUTE}, False),
        ({"state": State.CANCELLED, "settled_at": NOW}, False),
    ],
)
async def test_a_badge_may_not_show_yet_if_it_was_given_or_begun_just_now(
    store: Store, became: dict[str, Any], *, known: bool
) -> None:
    await go_live(store, RULES)
    await observe.observe(store, RULES, SITE, [an_observation(10, 1), an_observation(1000, 2)], NOW)
    async with store.write() as tx:
        await tx.execute(update(_ACTIONS).values(**became))
    async with store.read() as tx:
        found = await find_badges_given_since(tx, SITE, {ACCOUNT}, NOW - MINUTE)
        others = await find_badges_given_since(tx, SITE, {"somebody-else"}, NOW - MINUTE)
        itself = await find_badges_given_since(tx, SITE, {ACCOUNT}, NOW - MINUTE, apart_from=range(10))
    assert found == ({(ACCOUNT, "Star customer")} if known else set())
    assert (others, itself) == (set(), set())
