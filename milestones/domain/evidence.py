"""Does the history bear a grant out? The question of ``verify``, answered from the points alone."""

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise

from milestones.domain.crossing import Given
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Point, Stamp


class Evidence(StrEnum):
    """What the log says of a grant."""

    FOUND = "found"
    """The account was below, and then at the threshold where the grant says so."""
    FORGOTTEN = "forgotten"
    """The log no longer reaches back that far."""
    NO_SUCH_STATE = "no_such_state"
    """Nothing was observed at the revision of the grant with the value that it names."""
    NOT_REACHED = "not_reached"
    """The observed value is below the threshold that was in force."""
    NEVER_BELOW = "never_below"
    """The account was never observed below the threshold before."""


def evidence(
    milestone: Milestone,
    grant: Given,
    points: Sequence[Point],
    *,
    from_zero: bool,
    kept_since: Stamp | None = None,
) -> Evidence:
    """What the log says of a grant.

    milestone: as it was defined when the grant was given. points: all that is kept, in true order.
    from_zero: the account is younger than that definition, so that it began with 0.
    kept_since: what was seen before it was forgotten, though something older may have come late; None where nothing was.
    """
    target = grant.occurrence if milestone.repeat is Repeat.LADDER else milestone.threshold
    when = (grant.revision, grant.at)
    values = [(point.stamp.when, point.measures.of(milestone.measure)) for point in points]
    if (when, grant.value) not in values and not _let_go(milestone, grant, points):
        # At the stamp of what is kept, too: the lower points of one stamp go before the higher.
        was_forgotten = kept_since is not None and when <= kept_since.when
        return Evidence.FORGOTTEN if was_forgotten else Evidence.NO_SUCH_STATE
    if grant.value < target:
        return Evidence.NOT_REACHED
    if from_zero or any(at <= when and value is not None and value < target for at, value in values):
        return Evidence.FOUND
    return Evidence.NEVER_BELOW if kept_since is None else Evidence.FORGOTTEN


def _let_go(milestone: Milestone, grant: Given, points: Sequence[Point]) -> bool:
    """Whether its point may be one of those that a long run does not keep: the same was seen before and after it."""
    return any(
        before.stamp.when < (grant.revision, grant.at) < after.stamp.when
        and before.measures == after.measures
        and after.measures.of(milestone.measure) == grant.value
        for before, after in pairwise(points)
    )
