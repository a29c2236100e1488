from itertools import pairwise

import pytest

from milestones.domain.crossing import Crossing, Given, ThresholdIndex, find_owed, history, is_armed
from milestones.domain.milestone import Milestone
from milestones.domain.observation import START, Measure, Point, Stamp, compress
from tests.builders import a_ladder, a_milestone, a_point, a_repeating, points_of

ONCE = a_milestone(1000)
LADDER = a_ladder(1000)
EVERY = a_repeating(1000, rearm_below=200)
TIERS = a_repeating(1000, rearm_below=200, measure=Measure.TIER_POINTS)


def occurrences(milestone: Milestone, points: list[Point], *given: Given) -> list[tuple[int, int]]:
    """(occurrence, revision) of what is owed."""
    return [(crossing.occurrence, crossing.revision) for crossing in find_owed(milestone, points, given)]


@pytest.mark.parametrize(
    ("balances", "owes"),
    [
        ((), []),
        ((1200,), []),  # a baseline alone gives nothing, however high
        ((900,), []),
        ((999, 1000), [(1, 2)]),  # reached is at or above
        ((1000, 1001), []),  # never seen below
        ((900, 950, 999), []),
        ((900, 1200, 900, 1200), [(1, 2)]),  # once is once
        ((1200, 900, 1100), [(1, 3)]),  # seen below since
        ((0, 5000), [(1, 2)]),
    ],
)
def test_once_is_owed_at_the_first_step_from_below_to_at_or_above(
    balances: tuple[int, ...], owes: list[tuple[int, int]]
) -> None:
    assert occurrences(ONCE, points_of(*balances)) == owes


@pytest.mark.parametrize(
    ("balances", "owes"),
    [
        ((999, 1000), [(1000, 2)]),
        ((500, 3200), [(1000, 2), (2000, 2), (3000, 2)]),
        ((1500, 2500, 1500, 2500), [(2000, 2)]),  # each rung once
        ((1500, 900, 2100), [(1000, 3), (2000, 3)]),  # the rung below the baseline counts once seen below
        ((2500,), []),
        ((-300, 1000), [(1000, 2)]),  # there is no rung 0
    ],
)
def test_every_rung_of_a_ladder_is_owed_once(balances: tuple[int, ...], owes: list[tuple[int, int]]) -> None:
    assert occurrences(LADDER, points_of(*balances)) == owes


@pytest.mark.parametrize(
    ("balances", "owes"),
    [
        ((999, 1000), [(1, 2)]),  # armed at a start under the threshold
        ((1200, 900, 1100), []),  # started above, and 900 is not under 200
        ((1200, 199, 1100), [(1, 3)]),  # armed by its first fall under 200
        ((900, 1100, 200, 1100), [(1, 2)]),  # 200 is not under 200
        ((900, 1100, 199, 1100), [(1, 2), (2, 4)]),
        ((900, 1100, 50, 60, 1100, 1200, 10, 999), [(1, 2), (2, 5)]),
        ((0, 1000, 0, 1000, 0, 1000), [(1, 2), (2, 4), (3, 6)]),
    ],
)
def test_every_is_owed_for_each_cycle_that_was_spent(
    balances: tuple[int, ...], owes: list[tuple[int, int]]
) -> None:
    assert occurrences(EVERY, points_of(*balances)) == owes


def test_what_was_given_is_not_owed_again() -> None:
    points = points_of(500, 1200, 100, 3200)
    assert occurrences(ONCE, points, Given(1, 2)) == []
    # Given by an older version of the definition, at a revision that this history no longer holds.
    assert occurrences(ONCE, points, Given(1, 0)) == []
    assert occurrences(LADDER, points, Given(1000, 2), Given(3000, 0)) == [(2000, 4)]
    assert occurrences(EVERY, points, Given(1, 2)) == [(2, 4)]


def test_a_crossing_tells_the_stamp_and_the_value_at_which_it_happened() -> None:
    points = [a_point(900, 7, at=1), a_point(1010, 7, at=2)]
    assert find_owed(ONCE, points, ()) == [Crossing(ONCE, 1, revision=7, value=1010, at=2)]


def test_a_late_observation_that_splits_a_cycle_owes_one_more_with_the_next_ordinal() -> None:
    # 900 and 1100 were granted as one cycle; late, 1200 and 100 turn out to lie between them.
    points = points_of(900, 1200, 100, 1100)
    assert occurrences(EVERY, points, Given(1, 4, value=1100)) == [(2, 2)]


def test_ordinals_of_every_go_on_where_an_older_history_ended() -> None:
    assert occurrences(EVERY, points_of(900, 1100), Given(7, 0)) == [(8, 2)]


def test_a_grant_of_an_older_version_at_the_very_start_of_this_one_spends_no_cycle() -> None:
    # The threshold was 500, given at 600; now it is 1,000 and this history begins at that same point.
    points = points_of(600, 1000)
    assert occurrences(EVERY, points, Given(1, 1, value=600)) == [(2, 2)]


def tier_points(*told: tuple[int, int, int | None]) -> list[Point]:
    """Points of (revision, date, tier points)."""
    return [a_point(0, revision, at=at, tier_points=value) for revision, at, value in told]


def test_cycles_within_one_revision_are_told_apart_by_the_date() -> None:
    # Recalculated three times while the revision stood still: spent, armed, spent.
    points = tier_points((7, 1, 500), (7, 2, 1100), (7, 3, 100), (7, 4, 1200))
    first, second = find_owed(TIERS, points, ())
    assert [(crossing.at, crossing.value) for crossing in (first, second)] == [(2, 1100), (4, 1200)]
    given = Given(1, 7, at=2, value=1100)
    assert find_owed(TIERS, points[:3], [given]) == []
    assert [crossing.at for crossing in find_owed(TIERS, points, [given])] == [4]
    assert find_owed(TIERS, points, [given, Given(2, 7, at=4, value=1200)]) == []


def test_a_cycle_that_is_armed_and_spent_at_one_stamp_holds_its_grant() -> None:
    points = tier_points((7, 1, 500), (7, 1, 1100))
    assert len(find_owed(TIERS, points, ())) == 1
    assert find_owed(TIERS, points, [Given(1, 7, at=1, value=1100)]) == []


def test_silence_about_a_measure_is_no_evidence_either_way() -> None:
    points = tier_points((1, 0, 900), (2, 0, None), (3, 0, 1100), (4, 0, None), (5, 0, 1200))
    assert occurrences(TIERS, points) == [(1, 3)]
    assert find_owed(TIERS, tier_points((1, 0, None), (2, 0, 1100)), ()) == []


@pytest.mark.parametrize(
    ("balances", "armed"),
    [
        ((), False),
        ((900,), True),
        ((1200,), False),
        ((1200, 900), False),
        ((1200, 199), True),
        ((900, 1000), False),
        ((900, 1000, 199), True),
    ],
)
def test_every_is_armed_at_a_start_below_and_after_a_fall(balances: tuple[int, ...], armed: bool) -> None:
    assert is_armed(EVERY, points_of(*balances)) is armed


# history


def test_an_account_that_is_younger_than_the_definition_starts_with_nothing() -> None:
    runs = compress(points_of(1200))
    assert history(runs, base=None, created_after_start=False) == points_of(1200)
    points = history(runs, base=Stamp(1).when, created_after_start=True)
    assert points == [START, *points_of(1200)]
    assert occurrences(ONCE, points) == [(1, 1)]


def test_a_definition_looks_no_further_back_than_its_base() -> None:
    runs = compress(points_of(900, 950, 1200, 1300))
    assert history(runs, base=Stamp(3).when, created_after_start=False) == points_of(900, 950, 1200, 1300)[2:]
    assert find_owed(ONCE, history(runs, base=Stamp(3).when, created_after_start=False), ()) == []


def test_a_base_that_is_silent_about_tiers_takes_over_what_was_told_before_it() -> None:
    runs = compress(tier_points((1, 0, 900), (2, 0, None), (3, 0, 1100)))
    points = history(runs, base=Stamp(2).when, created_after_start=False)
    assert [point.measures.tier_points for point in points] == [900, 1100]
    assert occurrences(TIERS, points) == [(1, 3)]


def test_silence_at_the_stamp_of_the_base_is_cut_where_it_stands_and_not_where_its_completion_would() -> None:
    low, silent, high = tier_points((1, 0, 1500), (2, 0, None), (2, 0, 900))
    points = history(compress([low, silent, high]), base=high.order, created_after_start=False)
    assert points == [high]


# ThresholdIndex


def crossed_keys(index: ThresholdIndex, before: Point, after: Point) -> list[str]:
    return sorted(milestone.key for milestone in index.find_crossed(before, after))


@pytest.mark.parametrize(
    ("low", "high", "keys"),
    [
        (0, 99, []),
        (0, 100, ["a"]),
        (99, 250, ["a", "b", "c"]),  # b and c share a threshold of 200
        (100, 199, []),
        (200, 300, ["d", "ladder"]),  # the rung of 300
        (300, 200, []),
        (250, 250, []),
    ],
)
def test_the_index_finds_thresholds_above_the_lower_and_at_or_below_the_higher(
    low: int, high: int, keys: list[str]
) -> None:
    index = ThresholdIndex.of(
        [
            a_milestone(200, key="c"),
            a_milestone(100, key="a"),
            a_repeating(200, rearm_below=50, key="b"),
            a_milestone(300, key="d"),
            a_ladder(300),
            a_milestone(150, key="other measure", measure=Measure.TIER_POINTS),
            a_ladder(150, key="other ladder", measure=Measure.TIER_POINTS),
        ]
    )
    assert crossed_keys(index, a_point(low, 1), a_point(high, 2)) == keys


def test_after_silence_every_threshold_below_the_told_value_may_have_been_crossed() -> None:
    index = ThresholdIndex.of([a_milestone(1000, key="tiers", measure=Measure.TIER_POINTS), ONCE])
    before, silent, after = tier_points((1, 0, 900), (2, 0, None), (3, 0, 1100))
    assert crossed_keys(index, before, silent) == []
    assert crossed_keys(index, silent, after) == ["tiers"]
    assert crossed_keys(index, silent, before) == []


def test_the_index_of_nothing_finds_nothing() -> None:
    assert ThresholdIndex.of([]).find_crossed(a_point(0, 1), a_point(9999, 2)) == []


def test_the_index_answers_by_bisection_however_many_milestones_are_not_crossed() -> None:
    index = ThresholdIndex.of(a_milestone(threshold) for threshold in range(10, 10_000, 10))
    found = [
        m.threshold for step in pairwise(points_of(101, 109, 119, 121)) for m in index.find_crossed(*step)
    ]
    assert found == [110, 120]
