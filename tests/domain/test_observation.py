from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.observation import (
    REMEMBERED_POINTS,
    START,
    Measure,
    Measures,
    Point,
    Run,
    Stamp,
    compress,
    insert,
)
from tests.builders import a_point

POINTS = st.builds(
    lambda balance, revision, at, sequence, tier: a_point(
        balance, revision, at=at, sequence=sequence, tier_points=tier
    ),
    balance=st.integers(0, 3),
    revision=st.integers(0, 6),
    at=st.integers(0, 1),
    sequence=st.integers(0, 2),
    tier=st.none() | st.integers(0, 2),
)


def history(*points: Point) -> tuple[Run, ...]:
    return compress(points)


def shape(runs: tuple[Run, ...]) -> list[tuple[int, list[int]]]:
    """(balance, revisions) of each run."""
    return [(run.measures.balance, [stamp.revision for stamp in run.stamps]) for run in runs]


def test_a_repeat_of_the_last_run_only_stretches_it() -> None:
    runs = insert(history(a_point(900, 1), a_point(950, 2)), a_point(950, 3))
    assert shape(runs) == [(900, [1]), (950, [2, 3])]
    assert (runs[-1].first, runs[-1].last) == (a_point(950, 2), a_point(950, 3))


def test_a_late_different_observation_splits_the_run_it_falls_into() -> None:
    runs = history(a_point(900, 1), a_point(900, 3))
    assert shape(insert(runs, a_point(1000, 2))) == [(900, [1]), (1000, [2]), (900, [3])]


def test_a_late_equal_observation_is_remembered_as_a_witness_inside_its_run() -> None:
    runs = history(a_point(900, 1), a_point(900, 3))
    assert shape(insert(runs, a_point(900, 2))) == [(900, [1, 2, 3])]


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        pytest.param(a_point(revision=9), a_point(revision=10), id="as integers: 9 before 10"),
        pytest.param(
            a_point(revision=int("9" * 20)),
            a_point(revision=int("1" + "0" * 20)),
            id="as integers, past 64 bits",
        ),
        pytest.param(a_point(revision=2, at=9), a_point(revision=3, at=1), id="the revision before the date"),
        pytest.param(a_point(at=1), a_point(at=2), id="the date where revisions are equal"),
        pytest.param(a_point(at=0), a_point(at=1), id="a missing date is the earliest"),
        pytest.param(
            a_point(at=1, sequence=9), a_point(at=2, sequence=1), id="the date, whatever the sequence"
        ),
        pytest.param(
            a_point(900, sequence=9), a_point(901, sequence=1), id="the measures where stamps are equal"
        ),
        pytest.param(
            a_point(tier_points=None), a_point(tier_points=-1), id="who is silent comes before who tells"
        ),
    ],
)
def test_history_is_ordered_by_revision_then_date_then_measures(earlier: Point, later: Point) -> None:
    assert earlier.order < later.order
    assert compress([later, earlier]) == compress([earlier, later])


def test_a_read_of_what_an_event_told_is_the_same_point_although_it_has_no_sequence() -> None:
    event, read = a_point(at=5, sequence=41), a_point(at=5, sequence=0)
    assert insert(history(event), read) == history(event)


@given(st.lists(st.integers(0, 10**25).map(str), min_size=2, max_size=6))
def test_revisions_of_any_length_compare_as_integers_and_not_as_text(revisions: list[str]) -> None:
    # Padding with zeros gives text the order of numbers: a reference that parses nothing.
    width = max(map(len, revisions))
    ordered = compress(a_point(i, int(revision)) for i, revision in enumerate(revisions))
    found = [str(stamp.revision) for run in ordered for stamp in run.stamps]
    assert found == sorted(revisions, key=lambda text: text.rjust(width, "0"))


@given(st.lists(POINTS, max_size=10), st.randoms(use_true_random=False))
def test_the_log_is_a_set_neither_order_nor_repeats_change_it(points: list[Point], random: object) -> None:
    shuffled = [*points, *points]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # Hypothesis gives a random.Random
    one_by_one: tuple[Run, ...] = ()
    for point in shuffled:
        one_by_one = insert(one_by_one, point)
    at_once = compress(points)
    assert [(run.measures, [stamp.when for stamp in run.stamps]) for run in one_by_one] == [
        (run.measures, [stamp.when for stamp in run.stamps]) for run in at_once
    ]


@given(st.lists(POINTS, max_size=10))
def test_neighbouring_runs_differ_and_every_stamp_is_in_its_place(points: list[Point]) -> None:
    runs = compress(points)
    flat = [Point(stamp, run.measures).order for run in runs for stamp in run.stamps]
    assert flat == sorted(set(flat))
    assert all(left.measures != right.measures for left, right in pairwise(runs))


def test_a_long_run_keeps_its_first_and_its_newest_stamps() -> None:
    runs = compress(a_point(900, revision) for revision in range(1, 101))
    # 100 stamps become the first and the newest 31.
    assert [stamp.revision for stamp in runs[0].stamps] == [1, *range(70, 101)]
    assert len(runs[0].stamps) == REMEMBERED_POINTS
    assert insert(runs, a_point(900, 50)) == runs


def test_measures_tell_each_number_by_its_name_and_may_be_silent_about_tiers() -> None:
    measures = Measures(balance=1, earned=2)
    assert [measures.of(measure) for measure in Measure] == [1, 2, None]
    assert Point(Stamp(0, 0, 0), Measures(0, 0, 0)) == START
