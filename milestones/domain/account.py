"""What is known of one account, and how an observation changes it. Pure: the store loads and saves it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from milestones.domain.crossing import ThresholdIndex
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import (
    START,
    UNKNOWN_CUSTOMER,
    Customer,
    Observation,
    Point,
    Run,
    Source,
    Stamp,
    insert,
    steps,
)


@dataclass(frozen=True, slots=True)
class Version:
    """A definition in force. ``number`` rises with each change of the site's definitions."""

    milestone: Milestone
    number: int
    activated_at: datetime


@dataclass(frozen=True, slots=True)
class Definitions:
    """The definitions of a site: those in force, and the number of the newest."""

    newest: int
    versions: Mapping[str, Version]
    index: ThresholdIndex
    earliest: datetime | None = None

    @classmethod
    def of(cls, newest: int, versions: Sequence[Version]) -> "Definitions":
        return cls(
            newest,
            {version.milestone.key: version for version in versions},
            ThresholdIndex.of(version.milestone for version in versions),
            min((version.activated_at for version in versions), default=None),
        )


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as it is known.

    last, ordinal: the newest run of its history, and that run's place in it.
    first: the stamp of the first point that was decided.
    definitions: the site's newest definition when it was last decided.
    bases: where a later version of a milestone starts to look, by key.
    """

    account_id: str
    last: Run
    ordinal: int
    first: Stamp
    definitions: int
    bases: Mapping[str, Stamp] = field(default_factory=dict)
    customer: Customer = UNKNOWN_CUSTOMER
    created_at: datetime | None = None
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """An account after some observations.

    runs: the runs to write, by their place; ``rewritten`` when they are the whole history.
    crossed: keys of the milestones whose threshold lies between neighbours that are new.
    """

    state: AccountState
    runs: Mapping[int, Run]
    rewritten: bool
    crossed: frozenset[str]
    source: Source


def news(known: AccountState | None, seen: Sequence[Observation]) -> list[Observation]:
    """The observations that are no repeat of the newest run, in true order."""
    last = known.last if known is not None else None
    fresh = {
        item.point: item
        for item in seen
        if last is None or item.point.measures != last.measures or item.point.stamp not in last.stamps
    }
    return sorted(fresh.values(), key=lambda item: item.point.order)


def is_late(known: AccountState | None, fresh: Sequence[Observation]) -> bool:
    """Whether any of these belongs before what is known, so that the whole history is needed."""
    return known is not None and any(item.point.order < known.last.last.order for item in fresh)


def take(
    known: AccountState | None,
    fresh: Sequence[Observation],
    history: Sequence[Run],
    definitions: Definitions,
) -> Taken:
    """Place observations (``news``, not empty). ``history``: all runs if ``is_late``, else ignored."""
    newest = fresh[-1]
    state = _with_bases(known, definitions) or _first_seen(fresh, definitions)
    if is_late(known, fresh):
        runs = tuple(history)
        for item in fresh:
            runs = insert(runs, item.point)
        state = replace(state, last=runs[-1], ordinal=len(runs) - 1)
        if known is not None and newest.point.order > known.last.last.order:
            state = replace(state, customer=_customer(state, newest))
        return Taken(
            state,
            dict(enumerate(runs)),
            rewritten=True,
            crossed=frozenset(definitions.versions),
            source=newest.source,
        )
    tail = (known.last,) if known is not None else ()
    runs = tail
    for item in fresh:
        runs = insert(runs, item.point)
    offset = known.ordinal if known is not None else 0
    crossed = _crossed(
        [*_before(known, newest, definitions), *(item.point for item in fresh)], definitions.index
    )
    state = replace(state, last=runs[-1], ordinal=offset + len(runs) - 1, customer=_customer(state, newest))
    return Taken(state, {offset + i: run for i, run in enumerate(runs)}, False, crossed, newest.source)


def _before(known: AccountState | None, newest: Observation, definitions: Definitions) -> list[Point]:
    """The neighbour of what is new: the last point, or the start of an account that is younger than go-live."""
    if known is not None:
        return [known.last.last]
    created, earliest = newest.created_at, definitions.earliest
    return [START] if created is not None and earliest is not None and created > earliest else []


def _crossed(points: Sequence[Point], index: ThresholdIndex) -> frozenset[str]:
    return frozenset(m.key for before, after in steps(points) for m in index.crossed(before, after))


def _first_seen(fresh: Sequence[Observation], definitions: Definitions) -> AccountState:
    first = fresh[0]
    return AccountState(
        account_id=first.account_id,
        last=Run(first.point.measures, (first.point.stamp,)),
        ordinal=0,
        first=first.point.stamp,
        definitions=definitions.newest,
        created_at=first.created_at,
    )


def _with_bases(known: AccountState | None, definitions: Definitions) -> AccountState | None:
    """Before anything new is placed, versions that came since the last time start from what was known then."""
    if known is None or known.definitions == definitions.newest:
        return known
    base = known.last.stamps[-1]
    later = {key: base for key, version in definitions.versions.items() if version.number > known.definitions}
    return replace(known, definitions=definitions.newest, bases={**known.bases, **later})


def _customer(state: AccountState, newest: Observation) -> Customer:
    """The customer as the newest observation tells, without bringing back what was erased."""
    told = newest.customer
    if state.erased_at is not None:
        return Customer(contact_id=state.customer.contact_id, member_id=None)
    return Customer(
        contact_id=told.contact_id or state.customer.contact_id,
        member_id=told.member_id or state.customer.member_id,
        email=told.email or state.customer.email,
        name=told.name or state.customer.name,
    )


def history_for(state: AccountState, runs: Sequence[Run], version: Version) -> list[Point]:
    """The points at which this version of a milestone looks, in true order.

    An account that was created after the version came into force starts with 0 at revision 0. One that was
    known before starts from its state at that moment; EVERY looks no further back than the first decision,
    since a cycle that was decided cannot be merged with an older one.
    """
    points = [Point(stamp, run.measures) for run in runs for stamp in run.stamps]
    base = state.bases.get(version.milestone.key)
    if base is None and state.created_at is not None and state.created_at > version.activated_at:
        return [START, *points]
    if base is None and version.milestone.repeat is Repeat.EVERY:
        base = state.first
    if base is None:
        return points
    return [point for point in points if point.stamp >= base]
