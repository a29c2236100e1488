from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.account import AccountState, Version, history_for
from milestones.domain.crossing import Given, find_owed, history
from milestones.domain.milestone import Milestone
from milestones.domain.observation import Measure, Measures, Point, Run, Stamp, compress
from milestones.domain.pruning import first_needed, without
from tests.builders import GO_LIVE, a_ladder, a_milestone, a_point, a_repeating, points_of

AGAIN = a_repeating(1000, rearm_below=400)


def runs_of(*balances: int) -> tuple[Run, ...]:
    """One run a balance, at 1, 2, 3 ... microseconds."""
    return compress(a_point(balance, i, at=i) for i, balance in enumerate(balances, 1))


@pytest.mark.parametrize(
    ("balances", "milestones", "young", "place"),
    [
        ((10, 20, 30, 40), (a_milestone(),), 0, 0),  # nothing is old
        ((10, 20, 30, 40), (a_milestone(),), 3, 2),  # three are old: the newest of them stays
        ((10, 20, 30, 40), (a_milestone(),), 4, 3),  # all are old: the last stays
        ((10, 20, 30, 40), (), 2, 1),
        ((10, 1200, 500, 600, 700), (AGAIN,), 4, 1),  # 500 and 600 do not tell that it is spent
        ((10, 1200, 390, 600, 700), (AGAIN,), 4, 2),  # 390 tells that it is armed
        ((500, 600, 700, 800), (AGAIN,), 3, 0),  # nothing plain: all stays
        # 1,200 is plain to one, but 600 before it is what the other can begin with, and that is not plain to the
        # first; 390 is plain to both.
        ((10, 390, 600, 1200, 700), (AGAIN, a_repeating(5000, rearm_below=700)), 4, 1),
        ((10, 20, 30, 40), (a_milestone(measure=Measure.TIER_POINTS),), 3, 2),  # told nowhere, so not needed
    ],
)
def test_what_is_needed_stays(
    balances: tuple[int, ...], milestones: tuple[Milestone, ...], young: int, place: int
) -> None:
    assert first_needed(runs_of(*balances), milestones, young) == place


@given(st.lists(st.sampled_from([0, 390, 400, 600, 1000, 1200]), min_size=1), st.data())
def test_what_is_young_is_never_forgotten_and_one_that_is_old_stays(
    balances: list[int], data: st.DataObject
) -> None:
    runs = runs_of(*balances)
    young = data.draw(st.integers(0, len(runs)))
    assert first_needed(runs, (AGAIN, a_milestone()), young) <= max(young - 1, 0)


def test_what_an_old_silence_leaves_open_is_kept() -> None:
    tiers = a_milestone(measure=Measure.TIER_POINTS)
    points = [a_point(0, i, at=i, tier_points=value) for i, value in enumerate((900, None, None), 1)]
    assert first_needed(compress(points), [tiers], young=2) == 0


def test_what_was_true_before_the_first_decision_is_not_looked_at_because_the_rest_was_forgotten() -> None:
    version = Version(AGAIN, 1, GO_LIVE)
    decided_first, late = a_point(700, 5), points_of(10, 1100)
    state = AccountState(
        "account", Run(a_point(800).measures, (Stamp(6),)), 3, a_point(800).measures, Stamp(5), 1
    )
    runs = compress([*late, decided_first, a_point(800, 6)])
    before = history_for(state, runs, version)
    left = without(state, [version], late[1])
    assert history_for(left, runs[1:], version) == before == [decided_first, a_point(800, 6)]
    # An account that is younger than the definition is looked at from the beginning, and now from what is kept.
    young = without(replace(state, created_at=GO_LIVE + timedelta(days=1)), [version], late[1])
    assert history_for(young, runs[1:], version) == [late[1], decided_first, a_point(800, 6)]


DEFINITIONS = [
    *(
        a_milestone(5, key=f"once {measure}", measure=measure)
        for measure in (Measure.BALANCE, Measure.TIER_POINTS)
    ),
    *(
        a_ladder(3, key=f"ladder {measure}", measure=measure)
        for measure in (Measure.BALANCE, Measure.TIER_POINTS)
    ),
    a_repeating(6, 3, key="every"),
    a_repeating(8, 5, key="another"),
    a_repeating(6, 3, key="tiers", measure=Measure.TIER_POINTS),
]
VALUES = st.integers(0, 9)
STATES = st.lists(st.builds(Measures, VALUES, st.just(0), st.none() | VALUES), min_size=1, max_size=10)


@given(STATES, st.booleans(), st.data())
def test_what_was_forgotten_changes_no_later_answer(
    states: list[Measures], created: bool, data: st.DataObject
) -> None:
    """What is heard after forgetting, late or not, owes the same as if nothing had been forgotten."""
    points = [Point(Stamp(10 * i, at=i), measures) for i, measures in enumerate(states, 1)]
    runs = compress(points)
    young = data.draw(st.integers(0, len(runs)))
    place = first_needed(runs, DEFINITIONS, young)
    base = runs[place].first
    # No event is later than what was old, which lies days behind.
    first = (runs[young - 1].stamps[-1].revision if young else 0) + 1
    heard = data.draw(
        st.lists(st.tuples(st.integers(first, first + 60), STATES.map(lambda found: found[0])), max_size=4)
    )
    more = [Point(Stamp(revision, at=revision // 10), measures) for revision, measures in heard]
    told = [
        m for m in DEFINITIONS if any(run.measures.of(m.measure) is not None for run in runs[: place + 1])
    ]
    for milestone in told:
        known = history(runs, base=None, created_after_start=created)
        given_before = [
            Given(one.occurrence, one.revision, one.at, one.value) for one in find_owed(milestone, known, ())
        ]
        whole = history(compress([*points, *more]), base=None, created_after_start=created)
        kept = [Point(stamp, run.measures) for run in runs[place:] for stamp in run.stamps]
        short = history(
            compress([*kept, *more]),
            base=base.order if place else None,
            created_after_start=created and not place,
        )
        assert find_owed(milestone, short, given_before) == find_owed(milestone, whole, given_before), (
            milestone.key
        )
