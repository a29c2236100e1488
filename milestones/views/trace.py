"""Why a customer did or did not get something: the values behind ``milestones explain``."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Effect:
    """An action of a grant or a reminder."""

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


@dataclass(frozen=True, slots=True)
class Seen:
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
class Crossed:
    """The history went from below to at or above a threshold. granted: whether there is a grant for it."""

    threshold: int
    before: int
    value: int
    revision: int
    at: datetime | None
    granted: bool


@dataclass(frozen=True, slots=True)
class Granted:
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
class Told:
    """A reminder, and what became of its mail. number: 1 and up within one approach."""

    approach: int
    number: int
    value: int
    recorded_at: datetime
    configuration: str
    effects: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Answered:
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
    version: int | None
    since: datetime | None
    looks_from: str
    value: int | None
    target: int | None
    standing: str
    because: str
    crossings: tuple[Crossed, ...] = ()
    grants: tuple[Granted, ...] = ()
    reminders: tuple[Told, ...] = ()
    answers: tuple[Answered, ...] = ()
    reminder: str | None = None
    reminder_because: str | None = None
    following: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Person:
    """Whose account it is and whether mail may reach them. mail: a sentence."""

    site_id: str
    site: str
    site_state: str
    go_live_at: datetime | None
    account_id: str
    contact_id: str | None
    member_id: str | None
    name: str | None
    email: str | None
    created_at: datetime | None
    seen_at: datetime
    erased_at: datetime | None
    balance: int
    earned: int
    tier_points: int | None
    revision: int
    mail: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that is known of one account. notes: what holds for the whole site."""

    person: Person
    history: tuple[Seen, ...]
    stories: tuple[Story, ...]
    notes: tuple[str, ...] = field(default=())
