"""A crossing is a fact about a set of observations, not about the order in which they came.

``decide`` looks at one step of history and is all that an account needs while it hears things in order. When
something comes late, ``owed`` looks at the whole history. Both give the same answers, which is a property
under test.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure, Point, steps


@dataclass(frozen=True, slots=True)
class Crossing:
    """An account went from below to at or above a threshold.

    occurrence: tells repeated grants of one milestone apart: 1 for ONCE, the rung in points for LADDER, and
        the ordinal of the grant for EVERY.
    value: the measure at the crossing, in points.
    """

    milestone: Milestone
    occurrence: int
    revision: int
    value: int


@dataclass(frozen=True, slots=True)
class Given:
    """A grant that exists: what is needed to know whether another is owed."""

    occurrence: int
    revision: int


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

    def crossed(self, before: Point, after: Point) -> list[Milestone]:
        """The milestones with a threshold above ``before`` and at or below ``after``."""
        found: list[Milestone] = []
        for measure, (thresholds, milestones) in self.singles.items():
            low, high = before.measures.of(measure), after.measures.of(measure)
            if low is not None and high is not None and low < high:
                found.extend(milestones[bisect_right(thresholds, low) : bisect_right(thresholds, high)])
        for measure, milestones in self.ladders.items():
            low, high = before.measures.of(measure), after.measures.of(measure)
            if low is not None and high is not None and low < high:
                found.extend(m for m in milestones if low // m.threshold < high // m.threshold)
        return found


def owed(milestone: Milestone, history: Sequence[Point], given: Iterable[Given]) -> list[Crossing]:
    """The grants that this history owes and that do not exist yet.

    history: points in true order, from where the milestone's definition starts to look.
    given: every grant of this milestone that the account has, whichever version of the definition gave it.
    """
    if milestone.repeat is Repeat.EVERY:
        return _owed_cycles(milestone, history, list(given))
    taken = {grant.occurrence for grant in given}
    found: dict[int, Crossing] = {}
    for before, after in steps(_valued(milestone, history)):
        for occurrence in _passed(milestone, _value(milestone, before), _value(milestone, after)):
            if occurrence not in taken and occurrence not in found:
                found[occurrence] = _crossing(milestone, occurrence, after)
    return list(found.values())


def _valued(milestone: Milestone, history: Iterable[Point]) -> list[Point]:
    """The points at which Wix told the measure: one that is silent about it is no evidence either way."""
    return [point for point in history if point.measures.of(milestone.measure) is not None]


def _value(milestone: Milestone, point: Point) -> int:
    value = point.measures.of(milestone.measure)
    assert value is not None
    return value


def _passed(milestone: Milestone, low: int, high: int) -> Iterable[int]:
    """The occurrences between two values: the rungs of a ladder in points, or 1."""
    if milestone.repeat is Repeat.LADDER:
        step = milestone.threshold
        return range((low // step + 1) * step, high + 1, step)
    return (1,) if low < milestone.threshold <= high else ()


def _crossing(milestone: Milestone, occurrence: int, point: Point) -> Crossing:
    return Crossing(milestone, occurrence, point.stamp.revision, _value(milestone, point))


@dataclass(slots=True)
class _Cycle:
    """From one arming to the next; ``spent`` is the point that used it up."""

    start: int
    spent: Point | None = None


def _owed_cycles(milestone: Milestone, history: Sequence[Point], given: list[Given]) -> list[Crossing]:
    cycles = _cycles(milestone, _valued(milestone, history))
    served: set[int] = set()
    for grant in given:
        holders = [i for i, cycle in enumerate(cycles) if cycle.start <= grant.revision]
        if holders:
            served.add(holders[-1])
    # An ordinal, not a count of this history: grants older than the history keep theirs.
    ordinal = max((grant.occurrence for grant in given), default=0)
    crossings: list[Crossing] = []
    for i, cycle in enumerate(cycles):
        if cycle.spent is not None and i not in served:
            ordinal += 1
            crossings.append(_crossing(milestone, ordinal, cycle.spent))
    return crossings


def _cycles(milestone: Milestone, history: Sequence[Point]) -> list[_Cycle]:
    """The armed stretches of a history. One that starts at or above the threshold is armed by its first fall."""
    rearm_below = milestone.rearm_below
    assert rearm_below is not None
    cycles: list[_Cycle] = []
    armed = False
    for i, point in enumerate(history):
        value = _value(milestone, point)
        if not armed and (value < rearm_below or (i == 0 and value < milestone.threshold)):
            armed = True
            cycles.append(_Cycle(point.stamp.revision))
        elif armed and value >= milestone.threshold:
            armed = False
            cycles[-1].spent = point
    return cycles
