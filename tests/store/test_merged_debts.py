"""What two accounts are owed for one milestone when their contacts become one: one of them is given, and no less."""

import pytest
from sqlalchemy import delete, update

from milestones.domain.actions import State
from milestones.domain.event import ContactMerged
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.tables import Action
from tests.builders import NOW
from tests.privacy.town import ACCOUNTS, SUE, TOM, Town, seen

_ACTIONS = table_of(Action)


@pytest.fixture
async def town(store: Store) -> Town:
    """Both have reached the milestones, Sue before Tom, and nothing was done yet."""
    found = Town(store)
    await found.begin()
    for who in (SUE, TOM):
        await found.hear(seen(who, 100, 1), seen(who, 1010, 2))
    return found


async def merge(town: Town) -> set[str]:
    """The states of what Tom is owed of his own, after Sue's contact went into his."""
    own = [row["id"] for row in await town.actions() if row["account_id"] == ACCOUNTS[TOM]]
    assert SUE.contact_id is not None
    assert TOM.contact_id is not None
    await town.hear(ContactMerged(TOM.contact_id, (SUE.contact_id,)))
    return {row["state"] for row in await town.actions() if row["id"] in own}


async def test_what_was_given_so_long_ago_that_its_actions_are_forgotten_is_not_given_again(
    town: Town,
) -> None:
    async with town.store.write() as tx:
        await tx.execute(delete(_ACTIONS).where(_ACTIONS.c.account_id == ACCOUNTS[SUE]))
    assert await merge(town) == {"cancelled"}


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (State.CANCELLED, Verdict.SHADOW),
        (State.CANCELLED, Verdict.CANCELLED_BY_PERSON),
        (State.DISCARDED, Verdict.REFUSED),
    ],
)
async def test_what_came_to_nothing_does_not_stand_in_the_way_of_what_is_still_owed(
    town: Town, state: State, verdict: Verdict
) -> None:
    async with town.store.write() as tx:
        hers = _ACTIONS.c.account_id == ACCOUNTS[SUE]
        await tx.execute(update(_ACTIONS).where(hers).values(state=state, verdict=verdict, settled_at=NOW))
    assert await merge(town) <= {"available", "waiting"}
