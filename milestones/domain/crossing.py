"""A crossing is a fact about a set of observations, not about the order in which they came.

``ThresholdIndex.find_crossed`` looks at one step of history and finds, cheaply, the milestones that may be owed: all
that an account needs while it hears things in order. ``find_owed`` looks at a whole history and says which are. That
the first never misses what the second would find is a property under test.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import START, Measure, Point, Run

_Place = tuple[int, int, int]
"""Where a value stands in history: revision, ``at``, and the value itself where two stamps are equal."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account went from below to at or above a threshold.

    occurrence: tells repeated grants of one milestone apart: 1 for ONCE, the rung in points for LADDER, and
        the ordinal of the grant for EVERY.
    revision, at: the stamp of the observation at or above the threshold.
    value: the measure there, in points.
    """

    milestone: Milestone
    occurrence: int
    revision: int
    value: int
    at: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """A grant that exists, with the fields of its ``Crossing``.

    EVERY finds it again in its cycle by them. The revision alone is too coarse: the recalculation of tiers may
    move ``tier_points`` while the revision stands still (docs/wix-api.md, 8), and end one cycle and begin
    the next in it.

    version: the number of the definition that gave it.
    """

    occurrence: int
    revision: int
    at: int = 0
    value: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class ThresholdIndex:
    """The milestones of a site by measure and threshold, so that an event costs a bisection however many
    milestones it does not cross.
    """

    singles: dict[Measure, tuple[tuple[int, ...], tuple[Milestone, ...]]] = field(default_factory=dict)
    ladders: dict[Measure, tuple[Milestone, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, milestones: Iterable[Milestone]) -> "ThresholdIndex":
        """Sort the definitions once, when the configuration is loaded."""
        everything = sorted(milestones, key=lambda milestone: (milestone.threshold, milestone.key))
        singles: dict[Measure, tuple[tuple[int, ...], tuple[Milestone, ...]]] = {}
        ladders: dict[Measure, tuple[Milestone, ...]] = {}
        for measure in Measure:
            single = tuple(m for m in everything if m.measure is measure and m.repeat is not Repeat.LADDER)
            ladder = tuple(m for m in everything if m.measure is measure and m.repeat is Repeat.LADDER)
            if single:
                singles[measure] = (tuple(m.threshold for m in single), single)
            if ladder:
                ladders[measure] = ladder
        return cls(singles, ladders)

    def find_crossed(self, before: Point, after: Point) -> list[Milestone]:
        """The milestones with a threshold above ``before`` and at or below ``after``.

        Exact where both points tell the measure. Where ``before`` is silent about it, what was told earlier
        is not looked up: every milestone at or below ``after`` may have been crossed, and ``find_owed`` decides.
        """
        found: list[Milestone] = []
        for measure, (thresholds, milestones) in self.singles.items():
            low, high = _interval(measure, before, after)
            if low < high:
                found.extend(milestones[bisect_right(thresholds, low) : bisect_right(thresholds, high)])
        for measure, milestones in self.ladders.items():
            low, high = _interval(measure, before, after)
            if low < high:
                found.extend(m for m in milestones if m.rungs(low, high))
        return found


def _interval(measure: Measure, before: Point, after: Point) -> tuple[int, int]:
    """The values of a step; an empty interval where nothing can have been crossed."""
    low, high = before.measures.of(measure), after.measures.of(measure)
    if high is None:
        return 0, 0
    # Thresholds are at least 1, so 0 lies under all of them.
    return (0 if low is None else low), high


def history(runs: Iterable[Run], *, base: tuple[int, ...] | None, created_after_start: bool) -> list[Point]:
    """The points at which a version of a definition looks, in true order, for ``find_owed``.

    base: the order of the newest point known when the version came into force; for the first version of an EVERY,
        when the first point was true that was ever decided. What comes before it does not count.
    created_after_start: the account is younger than the version: it starts with 0 at revision 0, and a base
        means nothing.
    """
    points = [Point(stamp, run.measures) for run in runs for stamp in run.stamps]
    # Completed before it is cut: what the base is silent about was told earlier. Cut where it is in its own order.
    whole = _completed(points)
    if created_after_start:
        return [START, *whole]
    return [full for point, full in zip(points, whole, strict=True) if base is None or point.order >= base]


def _completed(points: Iterable[Point]) -> Iterator[Point]:
    """The points with what they are silent about taken from before."""
    tier_points: int | None = None
    for point in points:
        if point.measures.tier_points is not None:
            tier_points = point.measures.tier_points
        yield point._replace(measures=point.measures._replace(tier_points=tier_points))


def find_owed(milestone: Milestone, points: Sequence[Point], given: Iterable[Given]) -> list[Crossing]:
    """The grants that this history owes and that do not exist yet.

    points: in true order, from where the milestone's definition starts to look (``history``).
    given: every grant of this milestone that the account has, whichever version of the definition gave it.
    """
    if milestone.repeat is Repeat.EVERY:
        return _owed_cycles(milestone, points, list(given))
    had = {grant.occurrence for grant in given}
    ours = _find_ours(milestone, points)
    found: dict[int, Crossing] = {}
    for before, after in pairwise(_told(milestone, points)):
        if after in ours:
            continue
        for occurrence in _passed(milestone, before[-1], after[-1]):
            if not milestone.is_given(occurrence, had) and occurrence not in found:
                found[occurrence] = _crossing(milestone, occurrence, after)
    return list(found.values())


def above(milestone: Milestone, point: Point, given: Iterable[Given]) -> list[Crossing]:
    """What a backfill gives to an account that stands at ``point``: what it would have crossed on its way from 0,
    and was not given. Of an EVERY, one, to whoever was never given it.
    """
    had = {grant.occurrence for grant in given}
    if milestone.repeat is Repeat.EVERY and had:
        return []
    value = point.measures.of(milestone.measure)
    if value is None:
        return []
    passed = _passed(milestone, 0, value) if milestone.repeat is Repeat.LADDER else [1]
    reached = value >= milestone.threshold
    stamp = point.stamp
    return [
        Crossing(milestone, occurrence, stamp.revision, value, stamp.at)
        for occurrence in passed
        if reached and not milestone.is_given(occurrence, had)
    ]


def is_armed(milestone: Milestone, points: Sequence[Point]) -> bool:
    """Whether an EVERY would be granted when the threshold is reached next."""
    cycles = _cycles(milestone, _told(milestone, points))
    return bool(cycles) and cycles[-1].spent is None


def _told(milestone: Milestone, points: Iterable[Point]) -> list[_Place]:
    """The places at which Wix told the measure: one that is silent about it is no evidence either way."""
    told = ((point.stamp, point.measures.of(milestone.measure)) for point in points)
    return [(stamp.revision, stamp.at, value) for stamp, value in told if value is not None]


def _find_ours(milestone: Milestone, points: Iterable[Point]) -> set[_Place]:
    """The places to which this program brought the measure. Points that it adjusts are no earned ones, and count for tiers
    when these are recalculated: at the first change that is told of them (docs/wix-api.md, 2.5 and 2.3).
    """
    if milestone.measure is Measure.EARNED:
        return set()
    found: set[_Place] = set()
    before: int | None = None
    is_ours = False
    for point in points:
        is_ours = is_ours or point.is_ours
        value = point.measures.of(milestone.measure)
        if value is None:
            continue
        if is_ours and (milestone.measure is Measure.BALANCE or value != before):
            found.add((point.stamp.revision, point.stamp.at, value))
            is_ours = False
        before = value
    return found


def _crossing(milestone: Milestone, occurrence: int, place: _Place) -> Crossing:
    revision, at, value = place
    return Crossing(milestone, occurrence, revision, value, at)


def _passed(milestone: Milestone, low: int, high: int) -> Iterable[int]:
    """The occurrences between two values: the rungs of a ladder in points, or 1."""
    if milestone.repeat is Repeat.LADDER:
        return milestone.rungs(low, high)
    return (1,) if low < milestone.threshold <= high else ()


@dataclass(slots=True)
class _Cycle:
    """From one arming to the next; ``spent`` is the place that used it up."""

    start: _Place
    spent: _Place | None = None


def _owed_cycles(milestone: Milestone, points: Sequence[Point], given: list[Given]) -> list[Crossing]:
    cycles = _cycles(milestone, _told(milestone, points))
    ours = _find_ours(milestone, points)
    starts = [cycle.start for cycle in cycles]
    # The cycle that holds a grant is the last one to start before it. Strictly before: an older version may
    # have granted at the very point from which this one starts to look, and that grant is in no cycle (-1).
    served = {bisect_left(starts, (grant.revision, grant.at, grant.value)) - 1 for grant in given}
    # An ordinal, not a count of this history: grants older than the history keep theirs.
    ordinal = max((grant.occurrence for grant in given), default=0)
    crossings: list[Crossing] = []
    for i, cycle in enumerate(cycles):
        # What this program brought above the threshold uses up the cycle, and gives nothing.
        if cycle.spent is not None and cycle.spent not in ours and i not in served:
            ordinal += 1
            crossings.append(_crossing(milestone, ordinal, cycle.spent))
    return crossings


def _cycles(milestone: Milestone, told: Sequence[_Place]) -> list[_Cycle]:
    """The armed stretches of a history. One that starts at or above the threshold is armed by its first fall
    under ``rearm_below``.
    """
    rearm_below = milestone.rearm_below
    assert rearm_below is not None, "the configuration demands it of every EVERY"
    cycles: list[_Cycle] = []
    armed = False
    for i, place in enumerate(told):
        value = place[-1]
        if not armed and (value < rearm_below or (i == 0 and value < milestone.threshold)):
            armed = True
            cycles.append(_Cycle(place))
        elif armed and value >= milestone.threshold:
            armed = False
            cycles[-1].spent = place
    return cycles
