import pytest

from milestones.domain.milestone import MOST_RUNGS, Repeat
from milestones.domain.observation import Measure
from tests.builders import a_ladder, a_milestone, a_near_window, a_repeating


@pytest.mark.parametrize(
    ("low", "high", "rungs"),
    [
        (999, 1000, [1000]),  # reached is at or above
        (1000, 1999, []),  # strictly above the rung that was left
        (1000, 2000, [2000]),
        (500, 3200, [1000, 2000, 3000]),
        (3200, 500, []),  # falling gives nothing
        (0, 999, []),
        (-1500, 1000, [1000]),  # rungs 0 and -1000 do not exist
        (-1500, -500, []),
    ],
)
def test_rungs_lie_above_the_lower_and_at_or_below_the_higher_value(
    low: int, high: int, rungs: list[int]
) -> None:
    assert list(a_ladder(1000).rungs(low, high)) == rungs


def test_a_ladder_ends_so_that_the_largest_balance_of_wix_stays_small() -> None:
    ladder = a_ladder(1)
    rungs = ladder.rungs(0, 999_999_999)
    assert (len(rungs), rungs[-1]) == (MOST_RUNGS, 10_000)
    assert list(ladder.rungs(10_000, 999_999_999)) == []
    # 100,000 x 10,000 rungs is past every balance that Wix knows: such a ladder never ends.
    assert len(a_ladder(100_000).rungs(0, 999_999_999)) == 9_999


@pytest.mark.parametrize(
    ("value", "target"),
    [(0, 1000), (999, 1000), (1000, 2000), (1999, 2000), (2000, 3000), (-5, 1000), (-1000, 1000)],
)
def test_the_target_of_a_ladder_is_its_next_rung(value: int, target: int) -> None:
    assert a_ladder(1000).target(value) == target


@pytest.mark.parametrize("value", [0, 999, 1000, 5000])
def test_the_target_of_anything_else_is_its_threshold(value: int) -> None:
    assert a_milestone(1000).target(value) == 1000
    assert a_repeating(1000).target(value) == 1000


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        (899, None),  # 101 missing, the window is 100
        (900, 100),
        (999, 1),
        (1000, None),
        (1200, None),
    ],
)
def test_the_near_window_is_the_last_points_below_the_threshold(value: int, missing: int | None) -> None:
    assert a_milestone(1000, near=a_near_window(within=100)).missing(value) == missing


@pytest.mark.parametrize(("value", "missing"), [(899, None), (900, 100), (999, 1), (1000, None), (1950, 50)])
def test_the_window_of_a_ladder_lies_below_each_rung(value: int, missing: int | None) -> None:
    assert a_ladder(1000, near=a_near_window(within=100)).missing(value) == missing


def test_nobody_is_near_without_a_window() -> None:
    assert a_milestone(1000, near=None).missing(999) is None


def test_nobody_is_near_past_the_end_of_a_ladder() -> None:
    ladder = a_ladder(10, near=a_near_window(within=5))
    # 10 x 10,000 = 100,000 is the last rung.
    assert ladder.missing(99_999) == 1
    assert ladder.missing(100_009) is None
    assert [ladder.ends_before(target) for target in (100_000, 100_010)] == [False, True]
    assert not a_milestone(1).ends_before(10**9)


def test_only_what_decides_a_crossing_makes_a_new_version() -> None:
    milestone = a_milestone(1000)
    assert a_milestone(1000, title="Another", near=None, key="other").rule == milestone.rule
    changed = (
        a_milestone(900),
        a_milestone(1000, measure=Measure.EARNED),
        a_milestone(1000, repeat=Repeat.LADDER),
        a_repeating(1000, rearm_below=300),
        a_repeating(1000, rearm_below=200),
    )
    assert len({milestone.rule, *(other.rule for other in changed)}) == 6
