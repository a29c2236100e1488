"""What the routes need, as values and callables that the composition root passes in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import NamedTuple

from milestones.observability.metrics import Metrics
from milestones.web.access import Access


class Place(NamedTuple):
    """Where a page of happenings ends: the next one begins with what is older, by time and then by key."""

    at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One line of the page: something that was decided, done or not done.

    key: unique among all happenings and stable; with ``at`` it is the order of the list.
    kind: ``grant``, ``reminder``, a kind of action, ``scan`` or ``site``; it chooses the sign.
    title: a sentence or its beginning, for a person.
    milestone: its title. state: an action's state, or None for what has none.
    verdict: the sentence of the verdict, where there is one.
    mail: the name under which ``WebServices.mail`` finds the message, or None.
    """

    key: str
    at: datetime
    kind: str
    title: str
    site: str | None = None
    account: str | None = None
    milestone: str | None = None
    state: str | None = None
    verdict: str | None = None
    mail: str | None = None

    @property
    def place(self) -> Place:
        return Place(self.at, self.key)


class Figure(NamedTuple):
    """A number at the top of the page, such as (12, "grants today"). ``alarming`` ones are coloured."""

    value: int
    label: str
    alarming: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """The top of the page.

    notices: sentences that must not be overlooked: shadow mode, ``only_to``, paused, waiting for resume.
    """

    notices: Sequence[str] = ()
    figures: Sequence[Figure] = ()


class Check(NamedTuple):
    """One condition. ``detail`` is a sentence or a figure, without secrets.

    needed: whether the process is ready only with it; of another, its failing is shown and traffic may come.
    """

    name: str
    ok: bool
    detail: str
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether this process should get traffic. configuration: the hash of the one in force."""

    checks: Sequence[Check]
    configuration: str

    @property
    def ok(self) -> bool:
        return all(check.ok or not check.needed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """Everything behind the routes.

    receive: takes a webhook; raises IngestError when it must not be acknowledged (``ingest.door.Door.receive``).
    recognise: whether we made this unsubscribe token. Changes nothing.
    unsubscribe: suppresses the token's address for ever; False for a token that we did not make.
    recent: the newest happenings, at most so many, older than a place if one is given.
    mail: a message as it was sent (RFC 5322), by its name (a Message-ID), or None. It must not trust the name.
    access: the rule in force on who may look. zone: in which the page shows times. A reload may change both.
    """

    receive: Callable[[bytes], Awaitable[None]]
    recognise: Callable[[str], bool]
    unsubscribe: Callable[[str], Awaitable[bool]]
    readiness: Callable[[], Awaitable[Readiness]]
    overview: Callable[[], Awaitable[Overview]]
    recent: Callable[[int, Place | None], Awaitable[Sequence[Happening]]]
    mail: Callable[[str], Awaitable[bytes | None]]
    metrics: Metrics
    access: Callable[[], Access]
    clock: Callable[[], datetime]
    zone: Callable[[], tzinfo]
