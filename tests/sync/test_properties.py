"""Two programs through the real store, outbox and connector: whatever is lost, repeated, late or killed, both end equal, and
every change is counted once, in a bounded number of calls.
"""

import asyncio
import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import of_examples
from tests.sync.rig import Rig, a_path, a_rig

pytestmark = pytest.mark.examples

ADA = "account-ada"
START = 1_000
"""So many points that none of the changes takes more than there are."""

Step = tuple[str, int]

STEPS = st.one_of(
    st.tuples(st.just("here"), st.integers(-20, 20).filter(bool)),
    st.tuples(st.just("there"), st.integers(-20, 20).filter(bool)),
    st.tuples(st.just("event"), st.integers(0, 10)),
    st.tuples(st.sampled_from(["turn", "drain", "wait"]), st.just(0)),
    st.tuples(st.sampled_from(["lose here", "lose there"]), st.integers(0, 1)),
    st.tuples(st.just("die"), st.integers(0, 1)),
)


class DeathError(Exception):
    """The process is gone."""


async def take(rig: Rig, step: Step) -> int:
    """One thing that happens; returns by how much somebody else than us has changed the balance."""
    what, number = step
    if what == "here":
        rig.wix.change(ADA, number)
        return number
    if what == "there":
        rig.world.books(rig.preset).move("1", number, "a change of theirs")
        return number
    if what == "event" and rig.wix.events:
        await rig.hear(*rig.wix.events[number % len(rig.wix.events)])
    elif what == "turn":
        await rig.turn()
    elif what == "drain":
        await rig.drain()
    elif what == "wait":
        rig.later(minutes=2)
    elif what == "lose here":
        rig.wix.lost.append(["before", "after"][number])
    elif what == "lose there":
        # Of what comes next to be asked, the write is the second.
        rig.world.faults[:] = ["", ["before", "after"][number]]
    elif what == "die":
        await _die(rig, ["milestones.sync.agree.place_orders", "milestones.sync.settle._close"][number])
    return 0


async def _die(rig: Rig, where: str) -> None:
    with mock.patch(where, side_effect=DeathError), contextlib.suppress(DeathError):
        await rig.turn()


async def play(folder: Path, preset: str, steps: Sequence[Step]) -> None:
    async with a_rig(a_path(folder), preset) as rig:
        await rig.link(ours=START, theirs=START)
        expected = START
        for step in steps:
            expected += await take(rig, step)
        rig.wix.lost.clear()
        rig.world.faults.clear()
        await rig.finish(5)
        assert (rig.here(ADA).balance, rig.there("1").balance) == (expected, expected)
        calls, booked = rig.connector.calls, rig.wix.calls
        await rig.finish(1)
        # A list and no look: what is in step is left alone.
        assert rig.connector.calls - calls <= 2 * 2
        assert rig.wix.calls == booked
        number = (await rig.find_link()).number
        assert booked <= 2 * number + len(steps), "in a bounded number of calls"


@pytest.mark.parametrize("preset", ["smile", pytest.param("square", marks=pytest.mark.rare)])
@settings(max_examples=of_examples(0.2), deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_both_end_equal_and_every_change_is_counted_once(preset: str, steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder), preset, steps))
