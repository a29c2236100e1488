"""Steps of an account's history that are this program's own: points that an import brings are nobody's achievement.

A step is known before it is taken. Wix changes the points at the revision that it was told, or not at all, so the step
leads from the account as it was read at that revision to the balance that was ordered, at the next one. Nothing that a
customer does lies between the two, whatever is heard of it, and when.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from milestones.domain.observation import Measures, Point, Stamp


@dataclass(frozen=True, slots=True)
class Mute:
    """A step that is no crossing, whatever lies between its ends.

    before: the account as it was read for it. balance: which it leaves, in points. is_open: whether it may still come to
    nothing, so that what comes after ``before`` cannot be told to be ours or the customer's.
    """

    before: Point
    balance: int
    is_open: bool = False

    @property
    def after(self) -> Point:
        """Where it leads. The stamp comes before all that Wix tells of this revision; tiers are recalculated later."""
        measures = Measures(self.balance, self.before.measures.earned)
        return Point(Stamp(self.before.stamp.revision + 1), measures)


def mark_ours(points: Iterable[Point], mutes: Sequence[Mute]) -> list[Point]:
    """The points as far as they can be decided, with those marked into which a step of ours leads."""
    if not mutes:
        return list(points)
    last = min((mute.before.stamp.revision for mute in mutes if mute.is_open), default=None)
    ours = {_place(mute.after) for mute in mutes if not mute.is_open}
    return [
        point._replace(is_ours=True) if _place(point) in ours else point
        for point in points
        if last is None or point.stamp.revision <= last
    ]


def _place(point: Point) -> tuple[int, int, int]:
    return *point.stamp.when, point.measures.balance
