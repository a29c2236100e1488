"""Whatever Wix does with a badge that is given twice, nobody is given one twice: deaths, losses and queries that lag."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from milestones.outbox import drain
from tests.crash.giving import LAG, DiedError, Giving, giving
from wixsandbox.faults import Fault

TWICE = ("already_exists", "existing", "kept")

STEPS = tuple(
    f"drain.{step}:2"
    for step in (
        "before_claim",
        "gated",
        "before_acting",
        "acting",
        "effect_done",
        "before_settle",
        "settled",
    )
)
"""Where the process dies; the second batch of a crossing's drain is the badge's."""

SAME_BADGE = """
[[milestones]]
key = "stars-500"
title = "500 stars"
threshold = 500

[[milestones.rewards]]
badge = {{ title = "Star customer", create = true }}
"""


@contextmanager
def dying_at(step: str) -> Iterator[None]:
    """The process dies there, once."""
    place, _, number = step.partition(":")
    left = int(number)

    def reach(name: str) -> None:
        nonlocal left
        left -= name == place
        if name == place and left == 0:
            raise DiedError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(drain, "reach", reach)
        try:
            yield
        except DiedError:
            return


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning"
)  # a death leaves its connections to whoever cleans up
@pytest.mark.parametrize(
    ("twice", "lag"),
    [
        ("kept", LAG),
        *(pytest.param(twice, LAG, marks=pytest.mark.rare) for twice in TWICE if twice != "kept"),
        pytest.param("kept", 0, marks=pytest.mark.rare),
    ],
)
async def test_one_answer_in_ten_is_lost_and_the_process_dies_at_every_step(
    tmp_path: Path, twice: str, lag: float
) -> None:
    async with giving(
        tmp_path, badge_assigned_twice=twice, query_lag_seconds=lag, earn_key_seconds=5
    ) as shop:
        shop.fault("POST", "^/(stores|badges|loyalty-)", Fault(effect="drop_after", times=0, probability=0.1))
        for step in STEPS:
            async with shop.started():
                with dying_at(step):
                    await shop.crossing()
                    await shop.finish()
        async with shop.started():
            await shop.finish()
            await shop.assert_everything_once()
    gc.collect()


@pytest.mark.parametrize("twice", TWICE)
async def test_one_badge_for_two_milestones_that_are_reached_at_once_is_given_once(
    tmp_path: Path, twice: str
) -> None:
    async with giving(tmp_path, badge_assigned_twice=twice) as shop, shop.started(more=SAME_BADGE):
        shop.fault("POST", "^/badges/v4/assignments$", Fault(effect="drop_after", times=1))
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()


@pytest.mark.parametrize("twice", TWICE)
async def test_a_badge_that_the_shop_gave_by_hand_is_not_given_again(tmp_path: Path, twice: str) -> None:
    async with giving(tmp_path, badge_assigned_twice=twice) as shop, shop.started():
        await shop.crossing()
        await shop.finish()
        by_hand = shop.next_stranger()
        await _given_by_hand(shop, str(by_hand.member_id))
        account = await shop.crossing()
        assert account.id == by_hand.id
        await shop.finish()
        await shop.assert_everything_once()


async def _given_by_hand(shop: Giving, member_id: str) -> None:
    """The shop gives the badge in Wix, long enough ago for queries to show it."""
    world = shop.books
    [badge] = [one["id"] for one in world.badges if one["title"] == "Star customer"]
    given = {"id": "by-hand", "badgeId": badge, "memberId": member_id, "createdDate": world.stamp}
    world.assignments.put({**given, "updatedDate": world.stamp})
