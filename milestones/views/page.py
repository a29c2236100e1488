"""What the operator's page and the probes show: lines, figures, notices and conditions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple


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
