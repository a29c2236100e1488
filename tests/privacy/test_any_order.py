"""Whoever is gone stays gone, and whoever was merged is given nothing twice, in whatever order Wix tells of it."""

import asyncio
import itertools
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from milestones.domain.event import ContactDeleted, ContactMerged, Event, SubscriptionChanged, Unneeded
from tests.builders import NOW
from tests.examples import of_examples
from tests.privacy.town import ACCOUNTS, PERSONAL, SUE, TOM, Town, seen
from tests.store.rules import opened

assert SUE.contact_id
assert TOM.contact_id
assert SUE.email
assert TOM.email

HISTORY: list[Event] = [
    seen(SUE, 100, 1),
    seen(SUE, 1010, 2),
    seen(TOM, 200, 1),
    seen(TOM, 300, 2),
    SubscriptionChanged(SUE.email, "SUBSCRIBED", None, NOW),
    SubscriptionChanged(TOM.email, "SUBSCRIBED", None, NOW),
    Unneeded(),
]
MERGE: list[Event] = [
    ContactDeleted(SUE.contact_id, merged=True),
    ContactMerged(TOM.contact_id, (SUE.contact_id,)),
    # The points of both, which alone would cross the threshold and three rungs anew.
    seen(TOM, 1310, 3),
]
DELETIONS: dict[str, list[Event]] = {
    "merged": [*HISTORY, *MERGE],
    "merged and deleted": [*HISTORY, *MERGE, ContactDeleted(TOM.contact_id)],
    "deleted": [*HISTORY, ContactDeleted(SUE.contact_id)],
    "anonymized": [*HISTORY, ContactDeleted(SUE.contact_id, anonymized=True), ContactDeleted(SUE.contact_id)],
}
_fresh_site = itertools.count()


@st.composite
def tellings(draw: st.DrawFn) -> tuple[str, list[list[Event]]]:
    """What happened, told in any order, some of it twice, in batches of any size."""
    what = draw(st.sampled_from(sorted(DELETIONS)))
    events = draw(st.permutations(DELETIONS[what]))
    repeated = [*events, *draw(st.lists(st.sampled_from(events), max_size=4))]
    cuts = sorted(draw(st.lists(st.integers(0, len(repeated)), max_size=6)))
    batches = [repeated[a:b] for a, b in itertools.pairwise([0, *cuts, len(repeated)])]
    return what, [batch for batch in batches if batch]


async def told(town: Town, batches: list[list[Event]]) -> dict[str, Any]:
    await town.begin()
    for batch in batches:
        await town.hear(*batch)
    return await town.state()


def test_any_order_repetition_and_batching_ends_alike(database_url: str) -> None:
    with asyncio.Runner() as runner:
        opening = opened(database_url)
        store = runner.run(opening.__aenter__())
        expected = {
            what: runner.run(told(Town(store, f"expected {what}"), [[event] for event in events]))
            for what, events in DELETIONS.items()
        }
        for what, state in expected.items():
            _is_right(what, state)

        @settings(max_examples=of_examples(0.3), suppress_health_check=[HealthCheck.too_slow])
        @example(("merged", [[event] for event in reversed(DELETIONS["merged"])]))
        @example(("merged", [DELETIONS["merged"]]))
        @given(tellings())
        def check(telling: tuple[str, list[list[Event]]]) -> None:
            what, batches = telling
            town = Town(store, f"site-{next(_fresh_site)}")
            assert runner.run(told(town, batches)) == expected[what]
            rows = runner.run(town.everything())
            gone = PERSONAL[SUE] + (PERSONAL[TOM] if what == "merged and deleted" else [])
            assert [text for text in gone if text in rows] == []

        try:
            check()
        finally:
            runner.run(opening.__aexit__(None, None, None))


@pytest.mark.parametrize("what", sorted(DELETIONS))
async def test_told_all_at_once_by_several_writers_it_ends_alike(database_url: str, what: str) -> None:
    async with opened(database_url) as store:
        expected = await told(Town(store, "expected"), [[event] for event in DELETIONS[what]])
        for round_ in range(6):
            town = Town(store, f"site-{round_}")
            await town.begin()
            events = DELETIONS[what] * 2
            random.Random(round_).shuffle(events)
            await asyncio.gather(*(town.hear(event) for event in events))
            assert await town.state() == expected


def _is_right(what: str, state: dict[str, Any]) -> None:
    """The state that the orders are compared with, checked by the words of the contract."""
    sue, tom = ACCOUNTS[SUE], ACCOUNTS[TOM]
    assert state["accounts"][sue] == ([None] * 4, True)
    whose_tom = [TOM.contact_id, TOM.member_id, TOM.email, TOM.name]
    if what in {"deleted", "anonymized"}:
        assert state["gone"] == ["deleted"]
        assert state["accounts"][tom] == (whose_tom, False)
        assert state["grants"] == {(sue, "once", 1), (sue, "ladder", 500), (sue, "ladder", 1000)}
        assert state["owed"] == {}
        return
    given = {("once", 1), ("ladder", 500), ("ladder", 1000)}
    assert state["grants"] == {(account, *one) for account in (sue, tom) for one in given}
    if what == "merged and deleted":
        assert state["owed"] == {}
        return
    assert state["accounts"][tom] == (whose_tom, False)
    assert state["owed"] == {
        (tom, "once", "1", "coupon"): 1,
        (tom, "once", "1", "email"): 1,
        (tom, "ladder", "500", "badge"): 1,
        (tom, "ladder", "1000", "badge"): 1,
    }
