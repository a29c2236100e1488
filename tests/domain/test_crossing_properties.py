"""Crossings are a fact about a set of observations. Each property compares the product's functions, fed one batch
at a time as the pipeline does it, with references that are written in another way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise, permutations, product
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from milestones.domain.crossing import Given, ThresholdIndex, find_owed, history, is_armed
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure, Measures, Point, Run, Stamp, compress, insert
from tests.builders import a_ladder, a_milestone, a_repeating, points_of

MILESTONES = [
    *(a_milestone(5, key=f"once {measure}", measure=measure) for measure in Measure),
    *(a_ladder(3, key=f"ladder {measure}", measure=measure) for measure in Measure),
    *(a_repeating(6, 3, key=f"every {measure}", measure=measure) for measure in Measure),
    *(a_repeating(4, 4, key=f"at once {measure}", measure=measure) for measure in Measure),
]
VALUES = st.integers(-1, 10)


@st.composite
def observed(draw: st.DrawFn, *, min_size: int = 0) -> list[Point]:
    """Observations of one account in the order of their arrival, many twice.

    Balance and earned points are what they are at one stamp; tier points may move while it stands still, and
    some sources are silent about them.
    """
    stamps = draw(st.lists(st.builds(Stamp, st.integers(1, 6), st.integers(0, 1)), min_size=1, unique=True))
    states = {stamp.when: (draw(VALUES), draw(VALUES)) for stamp in stamps}
    point = st.builds(
        lambda stamp, tier, sequence: Point(
            stamp._replace(sequence=sequence), Measures(*states[stamp.when], tier)
        ),
        st.sampled_from(stamps),
        st.none() | VALUES,
        st.integers(0, 2),
    )
    return draw(st.lists(point, min_size=min_size, max_size=9))


@dataclass
class Account:
    """What the pipeline keeps of one account, and how it decides: insert a batch, ask what is owed, give it."""

    base: tuple[int, ...] | None = None
    created_after_start: bool = False
    runs: tuple[Run, ...] = ()
    grants: dict[str, list[Given]] = field(default_factory=dict)

    def hear(self, batch: Sequence[Point]) -> None:
        for point in batch:
            self.runs = insert(self.runs, point)
        points = history(self.runs, base=self.base, created_after_start=self.created_after_start)
        for milestone in MILESTONES:
            self.give(milestone, points)

    def give(self, milestone: Milestone, points: Sequence[Point]) -> None:
        kept = self.grants.setdefault(milestone.key, [])
        kept += [
            Given(crossing.occurrence, crossing.revision, crossing.at, crossing.value)
            for crossing in find_owed(milestone, points, kept)
        ]

    def granted(self) -> dict[str, list[Given]]:
        return {key: grants for key, grants in self.grants.items() if grants}

    def summary(self) -> dict[str, list[int]]:
        """The occurrences that were given, by milestone: for EVERY 1 to the number of grants."""
        return {key: sorted(grant.occurrence for grant in grants) for key, grants in self.grants.items()}


def expected(
    milestone: Milestone, points: Sequence[Point], *, created: bool, base: tuple[int, ...] | None
) -> list[int]:
    """The reference: pairs of observations for ONCE and LADDER, a pattern over letters for EVERY."""
    told = [point for point in points if point.measures.of(milestone.measure) is not None]
    # Stable sorts from the least to the most important key, where the product sorts by one tuple.
    told.sort(key=lambda point: point.measures.of(milestone.measure) or 0)
    told.sort(key=lambda point: (point.stamp.revision, point.stamp.at))
    values = [
        value
        for point in told
        if created or base is None or (point.stamp.revision, point.stamp.at) >= base
        if (value := point.measures.of(milestone.measure)) is not None
    ]
    if created:
        values.insert(0, 0)
    if milestone.repeat is Repeat.EVERY:
        return list(range(1, _cycles_spent(milestone, values) + 1))
    step = milestone.threshold
    thresholds = range(step, 11, step) if milestone.repeat is Repeat.LADDER else [step]
    reached = [
        threshold
        for threshold in thresholds
        if any(before < threshold <= after for i, before in enumerate(values) for after in values[i + 1 :])
    ]
    return reached if milestone.repeat is Repeat.LADDER else [1] * len(reached)


def _cycles_spent(milestone: Milestone, values: Sequence[int]) -> int:
    assert milestone.rearm_below is not None
    letters = "".join(
        "R" if value < milestone.rearm_below else "b" if value < milestone.threshold else "T"
        for value in values
    )
    # A start below the threshold is as good as a fall under rearm_below.
    return len(re.findall("R[Rb]*T", re.sub("^b", "R", letters)))


def batches(points: Sequence[Point], random: Random) -> list[list[Point]]:
    """The points shuffled, some of them twice, in batches of any size."""
    shuffled = [*points, *(point for point in points if random.random() < 0.3)]
    random.shuffle(shuffled)
    found: list[list[Point]] = [[]]
    for point in shuffled:
        if random.random() < 0.5:
            found.append([])
        found[-1].append(point)
    return found


@given(observed(), st.randoms(use_true_random=False))
def test_any_order_repetition_and_batching_gives_the_same_grants(points: list[Point], random: Random) -> None:
    account = Account(created_after_start=True)
    for batch in batches(points, random):
        account.hear(batch)
    for milestone in MILESTONES:
        wanted = expected(milestone, points, created=True, base=None)
        assert account.summary()[milestone.key] == wanted, milestone.key


@given(observed(min_size=1), st.randoms(use_true_random=False))
def test_so_does_any_order_after_the_point_that_was_decided_first(
    points: list[Point], random: Random
) -> None:
    points = [point for point in points if point.measures.tier_points is not None]
    for first in points[:1]:
        account = Account(base=first.stamp.when)
        account.hear([first])
        for batch in batches(points, random):
            account.hear(batch)
        for milestone in MILESTONES:
            wanted = expected(milestone, points, created=False, base=first.stamp.when)
            assert account.summary()[milestone.key] == wanted, milestone.key


@given(observed(), st.randoms(use_true_random=False))
def test_once_and_ladders_need_no_base_for_it(points: list[Point], random: Random) -> None:
    account = Account()
    for batch in batches(points, random):
        account.hear(batch)
    for milestone in MILESTONES:
        if milestone.repeat is not Repeat.EVERY:
            wanted = expected(milestone, points, created=False, base=None)
            assert account.summary()[milestone.key] == wanted, milestone.key


@given(observed(min_size=1), st.randoms(use_true_random=False))
def test_hearing_everything_again_changes_nothing(points: list[Point], random: Random) -> None:
    account = Account(created_after_start=True)
    for batch in batches(points, random):
        account.hear(batch)
    runs, summary = account.runs, account.summary()
    for batch in batches(points, random):
        account.hear(batch)
    assert (account.runs, account.summary()) == (runs, summary)


@given(observed(min_size=1))
def test_a_baseline_alone_gives_nothing(points: list[Point]) -> None:
    for point in points:
        account = Account(base=point.stamp.when)
        account.hear([point, point])
        assert not any(account.summary().values())


@given(observed())
@example(points_of(4, 7, 2, 9))
def test_neighbours_in_order_never_miss_what_the_whole_history_owes(points: list[Point]) -> None:
    """The pipeline asks ``owed`` only of milestones that the index named for the newest step."""
    index = ThresholdIndex.of(MILESTONES)
    in_order = sorted(points, key=lambda point: point.order)
    account, reference = Account(), Account()
    for i, point in enumerate(in_order):
        reference.hear([point])
        account.runs = insert(account.runs, point)
        found = history(account.runs, base=None, created_after_start=False)
        for milestone in index.find_crossed(in_order[i - 1], point) if i else ():
            account.give(milestone, found)
    assert account.granted() == reference.granted()


@given(st.lists(VALUES, max_size=8))
def test_where_every_point_tells_the_measure_the_index_is_exact(balances: list[int]) -> None:
    in_order = points_of(*balances)
    exact = [m for m in MILESTONES if m.measure is Measure.BALANCE and m.repeat is not Repeat.EVERY]
    for before, after in pairwise(in_order):
        named = {milestone.key for milestone in ThresholdIndex.of(exact).find_crossed(before, after)}
        assert named == {m.key for m in exact if find_owed(m, [before, after], ())}


def test_a_late_observation_may_split_a_cycle_and_never_merges_two() -> None:
    """All histories of up to five observations, with every one of them as the last to come."""
    milestone = a_repeating(6, 3)
    for length in range(1, 6):
        for balances in product((0, 4, 8), repeat=length):
            points = points_of(*balances)
            for late in points[1:]:
                before = [point for point in points if point is not late]
                kept = [
                    Given(c.occurrence, c.revision, c.at, c.value) for c in find_owed(milestone, before, ())
                ]
                more = find_owed(milestone, points, kept)
                # Not merged: every old grant still has a cycle of its own, and the new ones fill the rest.
                assert len(kept) + len(more) == _cycles_spent(milestone, balances)


@pytest.mark.parametrize("balances", list(product((0, 4, 8), repeat=4)))
def test_after_the_first_decision_all_orders_give_the_same_number_of_grants(
    balances: tuple[int, ...],
) -> None:
    milestone = a_repeating(6, 3)
    first, *rest = points_of(*balances)
    for order in permutations(rest):
        account = Account(base=first.stamp.when)
        for point in (first, *order):
            account.runs = insert(account.runs, point)
            account.give(milestone, history(account.runs, base=Stamp(1).when, created_after_start=False))
        assert len(account.grants[milestone.key]) == _cycles_spent(milestone, balances)


@given(observed(), st.booleans())
def test_armed_means_that_reaching_the_threshold_next_is_owed(points: list[Point], created: bool) -> None:
    found = history(compress(points), base=None, created_after_start=created)
    reached = Point(Stamp(99), Measures(99, 99, 99))
    for milestone in MILESTONES:
        if milestone.repeat is Repeat.EVERY and found:
            one_more = len(find_owed(milestone, [*found, reached], ())) - len(find_owed(milestone, found, ()))
            assert is_armed(milestone, found) is (one_more == 1)


@given(
    st.lists(st.sampled_from((0, 4, 8)), min_size=1, max_size=4),
    st.lists(st.integers(1, 60), min_size=1, max_size=4),
)
def test_thinning_a_long_run_costs_once_and_ladders_nothing(balances: list[int], lengths: list[int]) -> None:
    long_runs = [balance for balance, length in zip(balances, lengths, strict=False) for _ in range(length)]
    points = points_of(*long_runs)
    thinned = history(compress(points), base=None, created_after_start=True)
    for milestone in MILESTONES:
        if milestone.repeat is not Repeat.EVERY:
            wanted = expected(milestone, points, created=True, base=None)
            assert sorted(crossing.occurrence for crossing in find_owed(milestone, thinned, ())) == wanted
