"""What of an account's history may be forgotten without changing any later answer."""

from collections.abc import Iterable, Sequence

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Run


def first_needed(runs: Sequence[Run], milestones: Iterable[Milestone], cutoff: int) -> int:
    """The place of the first run that must stay; everything before it may go.

    cutoff: microseconds since the epoch; a run whose newest stamp is older is old.

    The newest old run stays, since what comes after it is judged against it. For EVERY the history must begin where
    it is plain whether the milestone is armed: at a run under ``rearm_below`` or at or above the threshold.
    """
    young = next((i for i, run in enumerate(runs) if run.stamps[-1].at >= cutoff), len(runs))
    place = max(young - 1, 0)
    for milestone in milestones:
        if milestone.repeat is Repeat.EVERY:
            place = min(place, _plain(runs, milestone, place))
    return place


def _plain(runs: Sequence[Run], milestone: Milestone, place: int) -> int:
    rearm_below = milestone.rearm_below
    assert rearm_below is not None, "an EVERY has one"
    for i in range(place, -1, -1):
        value = runs[i].measures.of(milestone.measure)
        if value is not None and (value < rearm_below or value >= milestone.threshold):
            return i
    return 0
