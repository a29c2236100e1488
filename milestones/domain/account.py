"""What is known of one account, and how an observation changes it. Pure: the store loads and saves it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from milestones.domain.crossing import Crossing, Given, ThresholdIndex, find_owed, history
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.mute import Mute, mark_ours
from milestones.domain.observation import (
    START,
    UNKNOWN_CUSTOMER,
    Customer,
    Measures,
    Observation,
    Point,
    Run,
    Source,
    Stamp,
    insert,
)

NOBODY: Mapping[str, datetime] = {}


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

    @classmethod
    def in_force(cls, versions: Sequence[Version]) -> "Definitions":
        """These versions, of which the newest is the site's."""
        return cls.of(max((version.number for version in versions), default=0), versions)


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account as it is known.

    last, ordinal: the newest run of its history, and that run's place in it. Places are never given anew, so that a
        history that does not begin at 0 tells that its beginning was forgotten.
    measures: how it stands. What the newest run is silent about is as it was last told.
    first: the stamp of the first point that was decided.
    definitions: the site's newest definition when it was last decided.
    bases: the point from which a later version of a milestone looks, by key.
    contact_key: recognises the contact after it was erased, when ``customer`` no longer names it; None where the
        store has not made it yet.
    """

    account_id: str
    last: Run
    ordinal: int
    measures: Measures
    first: Stamp
    definitions: int
    bases: Mapping[str, Point] = field(default_factory=dict)
    customer: Customer = UNKNOWN_CUSTOMER
    created_at: datetime | None = None
    erased_at: datetime | None = None
    contact_key: str | None = None

    @property
    def now(self) -> Point:
        """Where it stands, at the stamp of the newest point."""
        return Point(self.last.stamps[-1], self.measures)


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
    """The observations that are no repeat of the newest run, or that tell more than it did, in true order."""
    # Of two that tell the same, one may know more: an event of points carries less than a read.
    talkative_last = sorted(seen, key=lambda item: item.created_at is not None)
    fresh = {
        item.point.order: item
        for item in talkative_last
        if known is None or not known.last.holds(item.point) or _teaches(known, item)
    }
    return [item for _, item in sorted(fresh.items())]


def _teaches(known: AccountState, item: Observation) -> bool:
    """Whether even a repeat tells what was not known: when the account was created, or whose it is."""
    if known.erased_at is not None:
        return False
    had, told = known.customer, item.customer
    return (
        (known.created_at is None and item.created_at is not None)
        or (had.contact_id is None and told.contact_id is not None)
        or (had.member_id is None and told.member_id is not None)
        or (had.email is None and told.email is not None)
    )


def is_late(known: AccountState | None, fresh: Sequence[Observation]) -> bool:
    """Whether any of these belongs before the newest run or splits it, so that the whole history is needed."""
    if known is None:
        return False
    first, last, measures = known.last.first.order, known.last.last.order, known.last.measures
    return any(
        (order := item.point.order) < first or (order < last and item.point.measures != measures)
        for item in fresh
    )


def take(
    known: AccountState | None,
    fresh: Sequence[Observation],
    past: Sequence[Run],
    definitions: Definitions,
    gone: Mapping[str, datetime] = NOBODY,
) -> Taken:
    """Place observations (``news``, not empty).

    past: all runs if ``is_late``, else ignored. gone: since when contacts that these name are gone.
    """
    newest = fresh[-1]
    late = is_late(known, fresh)
    state = with_bases(known, definitions) if known is not None else _first_seen(fresh, definitions)
    created_at = state.created_at or next((item.created_at for item in fresh if item.created_at), None)
    customer, erased_at = _customer(state, fresh, gone)
    same_contact = customer.contact_id in {state.customer.contact_id, None}
    # The kept part of the history: all of it, or its newest run, which is all that something in order touches.
    runs = tuple(past) if late else (known.last,) if known is not None else ()
    for item in fresh:
        runs = insert(runs, item.point)
    # Late repeats change nothing: the history need be neither written nor judged again.
    rewritten = late and runs != tuple(past)
    offset = 0 if known is None else known.ordinal - (len(past) - 1 if late else 0)
    # An account that turns out to be younger than the definitions began with 0: its whole past is to be judged.
    judged_anew = rewritten or (known is not None and known.created_at != created_at)
    if judged_anew:
        crossed = frozenset(definitions.versions)
    elif late:
        crossed = frozenset()
    else:
        before = _before(known, created_at, definitions)
        crossed = _crossed([*before, *(item.point for item in fresh)], definitions.index)
    return Taken(
        replace(
            state,
            last=runs[-1],
            ordinal=offset + len(runs) - 1,
            measures=_standing(runs, state.measures.tier_points),
            created_at=created_at,
            customer=customer,
            erased_at=erased_at,
            contact_key=state.contact_key if same_contact else None,
        ),
        {} if late and not rewritten else {offset + i: run for i, run in enumerate(runs)},
        rewritten=rewritten,
        crossed=crossed,
        source=newest.source,
    )


def _before(known: AccountState | None, created: datetime | None, definitions: Definitions) -> list[Point]:
    """The neighbour of what is new: the last point, or the start of an account that is younger than go-live."""
    if known is not None:
        return [known.last.last]
    earliest = definitions.earliest
    return [START] if created is not None and earliest is not None and created > earliest else []


def _standing(runs: Sequence[Run], tier_points: int | None) -> Measures:
    """The measures now. tier_points: as they stood before, in case that none of these runs tells."""
    told = (run.measures.tier_points for run in reversed(runs))
    newest = next((value for value in told if value is not None), tier_points)
    return runs[-1].measures._replace(tier_points=newest)


def _crossed(points: Sequence[Point], index: ThresholdIndex) -> frozenset[str]:
    return frozenset(m.key for before, after in pairwise(points) for m in index.find_crossed(before, after))


def _first_seen(fresh: Sequence[Observation], definitions: Definitions) -> AccountState:
    first = fresh[0]
    return AccountState(
        account_id=first.account_id,
        last=Run(first.point.measures, (first.point.stamp,)),
        ordinal=0,
        measures=first.point.measures,
        first=first.point.stamp,
        definitions=definitions.newest,
    )


def with_bases(known: AccountState, definitions: Definitions) -> AccountState:
    """An account as these definitions look at it: versions that came since it was last decided start from what was known
    then.
    """
    if known.definitions == definitions.newest:
        return known
    base = known.last.last
    later = {key: base for key, version in definitions.versions.items() if version.number > known.definitions}
    return replace(known, definitions=definitions.newest, bases={**known.bases, **later})


def _customer(
    state: AccountState, fresh: Sequence[Observation], gone: Mapping[str, datetime]
) -> tuple[Customer, datetime | None]:
    """Whose the account is, as the newest observation tells that names a contact; and since when that one is gone.

    What is older than the newest known only fills gaps. Nothing is mixed of two contacts, and of one that is gone
    nothing is kept, whatever comes late.
    """
    found, erased_at = state.customer, state.erased_at
    for item in fresh:
        told, older = item.customer, item.point.order < state.last.last.order
        fits = erased_at is None and len({told.contact_id, found.contact_id, None}) <= 2
        if not fits and (older or told.contact_id is None):
            continue
        if told.contact_id is not None and told.contact_id in gone:
            found, erased_at = Customer(contact_id=told.contact_id), gone[told.contact_id]
        elif fits:
            found = _filled(found, told) if older else _filled(told, found)
        else:
            found, erased_at = told, None
    return found, erased_at


def _filled(told: Customer, gaps_from: Customer) -> Customer:
    return Customer(
        contact_id=told.contact_id or gaps_from.contact_id,
        member_id=told.member_id or gaps_from.member_id,
        email=told.email or gaps_from.email,
        name=told.name or gaps_from.name,
    )


def history_for(
    state: AccountState, runs: Sequence[Run], version: Version, mutes: Sequence[Mute] = ()
) -> list[Point]:
    """The points at which this version of a milestone looks, in true order, as far as ``mutes`` let them be decided.

    An account that was created after the version came into force starts with 0 at revision 0. One that was
    known before starts from its state at that moment; EVERY looks no further back than the first decision,
    since a cycle that was decided cannot be merged with an older one.
    """
    base = state.bases.get(version.milestone.key)
    if base is not None:
        return mark_ours(history(runs, base=base.order, created_after_start=False), mutes)
    first = state.first.when if looks_from_first(state, version) else None
    return mark_ours(history(runs, base=first, created_after_start=_is_younger(state, version)), mutes)


def looks_from_first(state: AccountState, version: Version) -> bool:
    """Whether a version looks at what was true since the point that was decided first."""
    is_base = version.milestone.key in state.bases or _is_younger(state, version)
    return version.milestone.repeat is Repeat.EVERY and not is_base


def _is_younger(state: AccountState, version: Version) -> bool:
    return state.created_at is not None and state.created_at > version.activated_at


def find_owed_under(version: Version, points: Sequence[Point], given: Iterable[Given]) -> list[Crossing]:
    """``crossing.find_owed`` of a version, from the points at which it looks (``history_for``).

    What another version gave is in no cycle of this one: it may have looked at another measure, and its place be the
    very point from which this one looks.
    """
    placed = [one if one.version == version.number else replace(one, revision=-1) for one in given]
    return find_owed(version.milestone, points, placed)
