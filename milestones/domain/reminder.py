"""Which customer is told that a milestone is near, and why the others are not.

A reminder belongs to an *approach*: the way to one reward. Of a ladder it is the rung in points, of EVERY the
ordinal of the grant it leads to, of ONCE it is 1. ``near.max_reminders`` and ``near.remind_every`` are counted
within an approach.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.domain.milestone import Milestone, Near, Repeat
from milestones.domain.observation import Measures
from milestones.domain.policy import Rate
from milestones.domain.verdict import Verdict

APART = timedelta(days=1)
"""How far reminders of different approaches to one customer are apart: each is to be read before the next comes."""


@dataclass(frozen=True, slots=True)
class Reminded:
    """A reminder that was recorded: the ``number``-th of an approach (1 and up)."""

    milestone: str
    approach: int
    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Reader:
    """Whether a customer may be mailed, as facts: the address itself never comes here.

    subscribed: None where nobody asked yet. The reminder is then recorded, and the gate before the mail asks.
    usable_address: whether SMTP can be given the address.
    deliverable: not bounced, reported as spam, or inactive (docs/wix-api.md, 2.17).
    """

    has_address: bool = True
    usable_address: bool = True
    subscribed: bool | None = None
    deliverable: bool = True
    suppressed: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account as a scan found it.

    reminded: all its reminders.
    others: when other accounts of the same contact or mail address were reminded.
    left: when reminders to this contact or mail address left, which may be long after they were recorded, each with its
        milestone, or None where another account was reminded.
    waiting: whether a reminder to this contact or mail address was recorded that has not left yet.
    granted: the occurrences it was given, by milestone.
    unarmed: the milestones of EVERY whose last reward must first be followed by a fall under ``rearm_below``
        (``crossing.is_armed``).
    """

    measures: Measures
    reader: Reader = Reader()
    reminded: Sequence[Reminded] = ()
    others: Sequence[datetime] = ()
    left: Sequence[tuple[str | None, datetime]] = ()
    waiting: bool = False
    granted: Mapping[str, Collection[int]] | None = None
    unarmed: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What holds for every account of a site at this moment. ``paused``: milestones, by key."""

    now: datetime
    at_most: Rate | None = None
    site_active: bool = True
    program_active: bool = True
    paused: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Selected:
    """A reminder to record. ``value`` and ``missing`` are in points."""

    milestone: str
    approach: int
    number: int
    value: int
    missing: int


@dataclass(frozen=True, slots=True)
class Selection:
    """The answer for one account: a verdict for every milestone with a near window, and at most one reminder."""

    verdicts: tuple[tuple[str, Verdict], ...]
    reminder: Selected | None


def select(milestones: Iterable[Milestone], candidate: Candidate, circumstances: Circumstances) -> Selection:
    """Ask the gates of every milestone, and of those that are open take the one with the fewest points missing.

    One at a time: who is near two milestones at once is told of the nearer, and of the other by a scan that comes when
    that reminder has left and is a day old.
    """
    asked = [_Question(m, m.near, candidate, circumstances) for m in milestones if m.near is not None]
    verdicts = {question.milestone.key: _verdict(question) for question in asked}
    open_ones = [question for question in asked if verdicts[question.milestone.key] is Verdict.NEAR]
    for question in open_ones:
        verdicts[question.milestone.key] = _alone(question)
    ready = [question.selected for question in open_ones if verdicts[question.milestone.key] is Verdict.NEAR]
    chosen = min(ready, key=nearest_first, default=None)
    for selected in ready:
        if selected is not chosen:
            verdicts[selected.milestone] = Verdict.NEARER_ONE
    return Selection(tuple(verdicts.items()), chosen)


def nearest_first(selected: Selected) -> tuple[int, str]:
    """The order in which reminders to one customer come: who misses least first."""
    return selected.missing, selected.milestone


def _alone(question: "_Question") -> Verdict:
    """What the customer's other reminders say to one more."""
    candidate, now, at_most = question.candidate, question.circumstances.now, question.circumstances.at_most
    past = [*(reminded.at for reminded in candidate.reminded), *candidate.others]
    if at_most is not None and not at_most.allows(past, now):
        return Verdict.AT_MOST
    # How soon it is told of the same approach again, a milestone says itself (remind_every).
    own = question.past
    different = [*(one.at for one in candidate.reminded if one not in own), *candidate.others]
    different += [at for milestone, at in candidate.left if milestone != question.milestone.key]
    if candidate.waiting or any(now < at + APART for at in different):
        return Verdict.ONE_AT_A_TIME
    return Verdict.NEAR


@dataclass(frozen=True, slots=True)
class _Question:
    """Is this customer to be told of this milestone?"""

    milestone: Milestone
    near: Near
    candidate: Candidate
    circumstances: Circumstances

    @property
    def value(self) -> int | None:
        return self.candidate.measures.of(self.milestone.measure)

    @property
    def granted(self) -> Collection[int]:
        return (self.candidate.granted or {}).get(self.milestone.key, ())

    @property
    def approach(self) -> int:
        match self.milestone.repeat:
            case Repeat.LADDER:
                return self.milestone.target(self.value or 0)
            case Repeat.EVERY:
                return max(self.granted, default=0) + 1
            case Repeat.ONCE:
                return 1

    @property
    def past(self) -> list[Reminded]:
        wanted = (self.milestone.key, self.approach)
        return [one for one in self.candidate.reminded if (one.milestone, one.approach) == wanted]

    @property
    def number(self) -> int:
        return max((reminded.number for reminded in self.past), default=0) + 1

    @property
    def selected(self) -> Selected:
        assert self.value is not None, "the first gate asks for it"
        missing = self.milestone.target(self.value) - self.value
        return Selected(self.milestone.key, self.approach, self.number, self.value, missing)


def _told(question: _Question) -> Verdict | None:
    return Verdict.NOT_TOLD if question.value is None else None


def _not_given(question: _Question) -> Verdict | None:
    # Of a ladder, the rung ahead may have been given before the customer spent the points.
    given = question.milestone.is_given(question.approach, question.granted)
    return Verdict.ALREADY_GIVEN if given else None


def _armed(question: _Question) -> Verdict | None:
    return Verdict.NOT_ARMED if question.milestone.key in question.candidate.unarmed else None


def _ladder_goes_on(question: _Question) -> Verdict | None:
    ended = question.milestone.ends_before(question.milestone.target(question.value or 0))
    return Verdict.LADDER_END if ended else None


def _near(question: _Question) -> Verdict | None:
    return Verdict.NOT_NEAR if question.milestone.missing(question.value or 0) is None else None


def _site_active(question: _Question) -> Verdict | None:
    return None if question.circumstances.site_active else Verdict.SITE_NOT_ACTIVE


def _program_active(question: _Question) -> Verdict | None:
    return None if question.circumstances.program_active else Verdict.PROGRAM_NOT_ACTIVE


def _not_paused(question: _Question) -> Verdict | None:
    return Verdict.PAUSED if question.milestone.key in question.circumstances.paused else None


def _not_deleted(question: _Question) -> Verdict | None:
    return Verdict.DELETED if question.candidate.reader.deleted else None


def _addressable(question: _Question) -> Verdict | None:
    return None if question.candidate.reader.has_address else Verdict.NO_ADDRESS


def _usable(question: _Question) -> Verdict | None:
    return None if question.candidate.reader.usable_address else Verdict.UNUSABLE_ADDRESS


def _not_suppressed(question: _Question) -> Verdict | None:
    return Verdict.SUPPRESSED if question.candidate.reader.suppressed else None


def _deliverable(question: _Question) -> Verdict | None:
    return None if question.candidate.reader.deliverable else Verdict.UNDELIVERABLE


def _subscribed(question: _Question) -> Verdict | None:
    return Verdict.NOT_SUBSCRIBED if question.candidate.reader.subscribed is False else None


def _reminders_left(question: _Question) -> Verdict | None:
    return Verdict.ENOUGH_REMINDERS if question.number > question.near.max_reminders else None


def _long_enough_ago(question: _Question) -> Verdict | None:
    too_soon = any(
        question.circumstances.now < reminded.at + question.near.remind_every for reminded in question.past
    )
    return Verdict.TOO_SOON if too_soon else None


Gate = Callable[[_Question], Verdict | None]

GATES: tuple[Gate, ...] = (
    _told,
    _not_given,
    _armed,
    _ladder_goes_on,
    _near,
    _site_active,
    _program_active,
    _not_paused,
    _not_deleted,
    _addressable,
    _usable,
    _not_suppressed,
    _deliverable,
    _subscribed,
    _reminders_left,
    _long_enough_ago,
)
"""In this order; the first no is the verdict. What is true of the points comes first, then of the site, then of
the reader, so that ``explain`` names the reason that would remain if the later ones were gone."""


def _verdict(question: _Question) -> Verdict:
    return next((no for gate in GATES if (no := gate(question)) is not None), Verdict.NEAR)
