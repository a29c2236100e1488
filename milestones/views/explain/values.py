"""Why a customer did or did not get something: the values behind ``milestones explain``."""

from dataclasses import dataclass, field
from datetime import datetime

from milestones.views.attempts import AttemptLine
from milestones.views.person import Person


@dataclass(frozen=True, slots=True)
class Effect:
    """An action of a grant, a reminder or an order. tries: its attempts, oldest first."""

    id: int
    kind: str
    state: str
    subject: str
    verdict: str | None
    reason: str | None
    waits_because: str | None
    waits_for: tuple[int, ...]
    moved_on_by: str
    at: datetime
    due: datetime | None
    attempts: int
    error: str | None
    tries: tuple[AttemptLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of history in which the measures stood still.

    times: how many observations of it are kept. first_at, last_at: Wix's own times, None where it told none.
    """

    first_revision: int
    last_revision: int
    first_at: datetime | None
    last_at: datetime | None
    times: int
    balance: int
    earned: int
    tier_points: int | None
    source: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class ExplainedCrossing:
    """The history went from below to at or above a threshold. granted: whether there is a grant for it."""

    threshold: int
    before: int
    value: int
    revision: int
    at: datetime | None
    granted: bool


@dataclass(frozen=True, slots=True)
class ExplainedGrant:
    """A grant, and what became of what it owes."""

    occurrence: int
    version: int
    value: int
    revision: int
    source: str
    configuration: str
    recorded_at: datetime
    verdict: str
    reason: str | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class ExplainedReminder:
    """A reminder, and what became of its mail. number: 1 and up within one approach."""

    approach: int
    number: int
    value: int
    recorded_at: datetime
    configuration: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class ExplainedOrder:
    """An order, and what became of what it owes. source: who asked. verdict: with what its actions began."""

    source: str
    key: str
    kind: str
    recorded_at: datetime
    configuration: str
    verdict: str
    reason: str | None
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """What a gate answered, from when to when, and how often."""

    stage: str
    verdict: str
    reason: str | None
    first_at: datetime
    last_at: datetime
    times: int


@dataclass(frozen=True, slots=True)
class Story:
    """One milestone and one account.

    looks_from: at which point of history this definition starts to look, as a sentence.
    standing, because: whether it was reached, in one word and in one sentence.
    reminder, reminder_because: what a scan for near customers would answer now; None without a near window.
    following: sentences on what may happen next, and when.
    """

    key: str
    title: str
    rule: str
    standing: str
    because: str
    version: int | None = None
    since: datetime | None = None
    looks_from: str = ""
    value: int | None = None
    target: int | None = None
    crossings: tuple[ExplainedCrossing, ...] = ()
    grants: tuple[ExplainedGrant, ...] = ()
    reminders: tuple[ExplainedReminder, ...] = ()
    answers: tuple[GateAnswer, ...] = ()
    reminder: str | None = None
    reminder_because: str | None = None
    following: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one account. orders: oldest first. answers: to what orders owe. notes: what holds for the
    whole site.
    """

    person: Person
    history: tuple[Stretch, ...]
    stories: tuple[Story, ...]
    orders: tuple[ExplainedOrder, ...] = ()
    answers: tuple[GateAnswer, ...] = ()
    notes: tuple[str, ...] = field(default=())
