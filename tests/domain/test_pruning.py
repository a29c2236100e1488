import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.milestone import Milestone
from milestones.domain.observation import Run, Stamp, compressed
from milestones.domain.pruning import first_needed
from tests.builders import a_milestone, a_point, a_repeating

AGAIN = a_repeating(1000, rearm_below=400)


def runs_of(*balances: int) -> tuple[Run, ...]:
    """One run a balance, at 1, 2, 3 ... microseconds."""
    return compressed(a_point(balance, i, at=i) for i, balance in enumerate(balances, 1))


@pytest.mark.parametrize(
    ("balances", "milestones", "cutoff", "place"),
    [
        ((10, 20, 30, 40), (a_milestone(),), 0, 0),  # nothing is old
        ((10, 20, 30, 40), (a_milestone(),), 4, 2),  # 1, 2, 3 are old: the newest of them stays
        ((10, 20, 30, 40), (a_milestone(),), 99, 3),  # all are old: the last stays
        ((10, 20, 30, 40), (), 3, 1),
        ((10, 1200, 500, 600, 700), (AGAIN,), 5, 1),  # 500 and 600 do not tell that it is spent
        ((10, 1200, 390, 600, 700), (AGAIN,), 5, 2),  # 390 tells that it is armed
        ((500, 600, 700, 800), (AGAIN,), 4, 0),  # nothing plain: all stays
    ],
)
def test_what_is_needed_stays(
    balances: tuple[int, ...], milestones: tuple[Milestone, ...], cutoff: int, place: int
) -> None:
    assert first_needed(runs_of(*balances), milestones, cutoff) == place


@given(st.lists(st.sampled_from([0, 390, 400, 600, 1000, 1200]), min_size=1), st.integers(0, 20))
def test_what_is_young_is_never_forgotten(balances: list[int], cutoff: int) -> None:
    runs = runs_of(*balances)
    kept = runs[first_needed(runs, (AGAIN, a_milestone()), cutoff) :]
    assert kept
    assert [run for run in runs if run.stamps[-1] >= Stamp(0, cutoff) and run.stamps[-1].at >= cutoff] == [
        run for run in kept if run.stamps[-1].at >= cutoff
    ]
