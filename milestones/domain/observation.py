"""What was seen of an account, and in which order it was true.

Wix repeats, delays and reorders what it tells (docs/wix-api.md, 4.1), so an observation is placed by its own
stamp and never by its arrival.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from milestones.domain.characters import remove_unseen

REMEMBERED_POINTS = 32
"""Stamps kept of one run: its first and its newest. Those between the ends matter to EVERY alone, and only when
two late observations that differ from the run, and from no other witness, land on both sides of a stamp that
was let go: they then count as one cycle instead of two. With an event every 15 minutes (docs/wix-api.md,
4.5) both must be later than 7 hours. ONCE and LADDER need the ends alone."""


class Measure(StrEnum):
    """The number that a milestone looks at."""

    BALANCE = "balance"
    EARNED = "earned"
    TIER_POINTS = "tier_points"


class Source(StrEnum):
    """Where an observation came from."""

    CREATION = "creation"
    WEBHOOK = "webhook"
    NEAR = "near"
    REACHED = "reached"
    SWEEP = "sweep"
    BASELINE = "baseline"
    IMPORT = "import"
    SYNC = "sync"
    ACTION = "action"


class Measures(NamedTuple):
    """Points of one account at one revision. ``tier_points`` is missing where the site has no tiers."""

    balance: int
    earned: int
    tier_points: int | None = None

    def of(self, measure: Measure) -> int | None:
        """The value of one measure, in points; None where Wix did not tell it."""
        if measure is Measure.BALANCE:
            return self.balance
        if measure is Measure.EARNED:
            return self.earned
        return self.tier_points


ZERO = Measures(0, 0, 0)


class Stamp(NamedTuple):
    """When a state was true.

    revision: rises with every change of the account.
    at: Wix's ``updatedDate`` in microseconds since the epoch, 0 where missing.
    sequence: ``entityEventSequence``, 0 where missing. Nothing is decided by it (see ``when``). It is kept because it
        is the one order of events that Wix promises (docs/wix-api.md, 4.3): should revisions ever disagree with
        it, nothing else in the history could show that.
    """

    revision: int
    at: int = 0
    sequence: int = 0

    @property
    def when(self) -> tuple[int, int]:
        """The order of history: by revision, and by ``at`` where the recalculation of tiers left that alone.

        The sequence has no part in it. Reads have none, so an order that used it where both sides have one
        would run in circles, and a read would stand before the event that told the same.
        """
        return self.revision, self.at


class Point(NamedTuple):
    """A state of an account and when it was true. Sorting points by ``order`` gives a history.

    is_ours: whether the balance came to it by a step of this program (``mute.mark_ours``). It is no part of its identity.
    """

    stamp: Stamp
    measures: Measures
    is_ours: bool = False

    @property
    def order(self) -> tuple[int, int, int, int, bool, int]:
        """A total order, and the identity of a point: by its stamp, and by the measures where those are equal.

        Lower measures come first, so that one stamp holds one crossing at most; silence comes before any number,
        since tier points may be negative.
        """
        balance, earned, tier_points = self.measures
        return *self.stamp.when, balance, earned, tier_points is not None, tier_points or 0


START = Point(Stamp(0), ZERO)
"""An account that was created after go-live starts with nothing at revision 0."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who an account belongs to, as far as Wix tells."""

    contact_id: str | None = None
    member_id: str | None = None
    email: str | None = None
    name: str | None = None


UNKNOWN_CUSTOMER = Customer()


def customer_name(name: str | None, display_name: str | None) -> str | None:
    """What a customer is called, of the two names that an account shows of its contact (docs/wix-api.md, 2.3).

    The contact's name comes first: what members call themselves on the site may be anything.
    """
    return next((one for one in (name, display_name) if one and remove_unseen(one).strip()), None)


@dataclass(frozen=True, slots=True)
class Observation:
    """One account's measures at one revision, from whatever source.

    told_at: the time for which the source vouches: an event's ``eventTime``, or the moment of a read.
    created_at: when the account was created, where Wix tells.
    """

    account_id: str
    point: Point
    source: Source
    told_at: datetime
    created_at: datetime | None = None
    customer: Customer = UNKNOWN_CUSTOMER


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of history in which nothing else was seen: equal measures, and the stamps at which they were."""

    measures: Measures
    stamps: tuple[Stamp, ...]

    @property
    def first(self) -> Point:
        return Point(self.stamps[0], self.measures)

    @property
    def last(self) -> Point:
        return Point(self.stamps[-1], self.measures)

    def holds(self, point: Point) -> bool:
        """Whether the point is one of its own."""
        when = point.stamp.when
        return point.measures == self.measures and any(stamp.when == when for stamp in self.stamps)


def insert(runs: Sequence[Run], point: Point) -> tuple[Run, ...]:
    """The history with one more point. A repeat changes nothing; a late, different one splits the run it is in."""
    if any(run.holds(point) for run in runs):
        return tuple(runs)
    if not runs or point.order > runs[-1].last.order:
        # In order, as nearly everything comes: the rest of the history need not be looked at.
        return _appended(runs, point)
    return compress([point, *(Point(stamp, run.measures) for run in runs for stamp in run.stamps)])


def compress(points: Iterable[Point]) -> tuple[Run, ...]:
    """Points in their true order, as runs of equal measures. Middles of long runs are thinned, oldest first."""
    runs: list[Run] = []
    for _, point in sorted({point.order: point for point in points}.items()):
        runs[-1:] = _appended(runs[-1:], point)
    return tuple(runs)


def _appended(runs: Sequence[Run], point: Point) -> tuple[Run, ...]:
    if not runs or runs[-1].measures != point.measures:
        return *runs, Run(point.measures, (point.stamp,))
    return *runs[:-1], replace(runs[-1], stamps=_thinned((*runs[-1].stamps, point.stamp)))


def _thinned(stamps: tuple[Stamp, ...]) -> tuple[Stamp, ...]:
    if len(stamps) <= REMEMBERED_POINTS:
        return stamps
    return (stamps[0], *stamps[-(REMEMBERED_POINTS - 1) :])
