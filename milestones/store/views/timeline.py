"""What happened, newest first, over all tables that tell of it: the rows behind the page, and its figures."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, func, or_, select

from milestones.domain.actions import MAIL, State
from milestones.domain.verdict import Verdict
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox.ledger import GIVEN, SELECTED
from milestones.store.tables import Action, DefinitionVersion, Grant, Reminder, Scan, Site, SiteState

_ACTIONS = table_of(Action)
_GRANTS = table_of(Grant)
_REMINDERS = table_of(Reminder)
_SCANS = table_of(Scan)
_SITES = table_of(Site)
_VERSIONS = table_of(DefinitionVersion)

_DIGITS = 18
"""Of an id inside a key, so that the order of keys is the order of ids. Any number of so many fits a database."""

_NUMBER = re.compile(rf"[0-9]{{{_DIGITS}}}")

Row = Grant | Reminder | Action | Scan


class Event(NamedTuple):
    """A row that tells of something, and its place among all: by time, and by key where times are equal."""

    at: datetime
    key: str
    row: Row


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A table seen as a list of events: ``name`` begins their keys, ``at`` is when they happened."""

    name: str
    model: Any
    at: ColumnElement[datetime]
    where: ColumnElement[bool]

    @property
    def table(self) -> Table:
        return table_of(self.model)

    def before(self, at: datetime, key: str) -> ColumnElement[bool]:
        """The rows that come after a place in the list, newest first."""
        name, _, number = key.partition("-")
        if self.name == name and _NUMBER.fullmatch(number):
            same_time = and_(self.at == at, self.table.c.id < int(number))
            return or_(self.at < at, same_time)
        return self.at <= at if self.name < name else self.at < at


_SETTLED = _Shelf("action", Action, _ACTIONS.c.settled_at, _ACTIONS.c.settled_at.is_not(None))

_UNSETTLED = _Shelf(
    "action",
    Action,
    _ACTIONS.c.recorded_at,
    # By site and state first, as the index of what is due has them: few of many rows are in these states.
    and_(
        _ACTIONS.c.site_id.in_(select(_SITES.c.id)),
        or_(
            _ACTIONS.c.state.in_([State.HELD, State.WAITING]),
            and_(_ACTIONS.c.state == State.AVAILABLE, _ACTIONS.c.verdict.is_not(None)),
        ),
        _ACTIONS.c.settled_at.is_(None),
    ),
)

_SHELVES = (
    _Shelf("grant", Grant, _GRANTS.c.recorded_at, GIVEN),
    _Shelf("reminder", Reminder, _REMINDERS.c.recorded_at, SELECTED),
    _SETTLED,
    _UNSETTLED,
    _Shelf(
        "scan",
        Scan,
        func.coalesce(_SCANS.c.finished_at, _SCANS.c.started_at, type_=_SCANS.c.started_at.type),
        # A scan every minute that finds nobody is no event.
        or_(
            _SCANS.c.kind.in_(["baseline", "sweep"]),
            _SCANS.c.error.is_not(None),
            _SCANS.c.counts["near"].as_integer() > 0,
        ),
    ),
)


async def list_events(tx: Transaction, limit: int, before: tuple[datetime, str] | None = None) -> list[Event]:
    """The newest events, at most so many, after a place in the list if one is given."""
    result: list[Event] = []
    for shelf in _SHELVES:
        statement = select(shelf.table, shelf.at.label("happened_at")).where(shelf.where)
        if before is not None:
            statement = statement.where(shelf.before(*before))
        statement = statement.order_by(shelf.at.desc(), shelf.table.c.id.desc()).limit(limit)
        for row in (await tx.execute(statement)).mappings():
            values = dict(row)
            at = values.pop("happened_at")
            result.append(Event(at, f"{shelf.name}-{values['id']:0{_DIGITS}d}", shelf.model(**values)))
    result.sort(key=lambda event: (event.at, event.key), reverse=True)
    return result[:limit]


class Tallies(NamedTuple):
    """Figures of the last while, and of now."""

    grants: int
    reminders: int
    mails: int
    held: int
    unknown: int
    discarded: int


async def get_tallies(tx: Transaction, since: datetime) -> Tallies:
    """What was decided and sent since a time, and what wants a person's attention now."""

    async def number(table: Table, *where: ColumnElement[bool]) -> int:
        statement = select(func.count()).select_from(table).where(*where)
        return int((await tx.execute(statement)).scalar_one())

    in_sites = _ACTIONS.c.site_id.in_(select(_SITES.c.id))
    return Tallies(
        grants=await number(_GRANTS, _GRANTS.c.recorded_at > since, GIVEN),
        reminders=await number(_REMINDERS, _REMINDERS.c.recorded_at > since, SELECTED),
        mails=await number(
            _ACTIONS,
            _ACTIONS.c.settled_at > since,
            _ACTIONS.c.kind == MAIL,
            _ACTIONS.c.state == State.DONE,
        ),
        held=await number(
            _ACTIONS, in_sites, _ACTIONS.c.state == State.HELD, _ACTIONS.c.verdict != Verdict.SCAN_UNDER_WAY
        ),
        unknown=await number(_ACTIONS, in_sites, _ACTIONS.c.state == State.UNKNOWN),
        discarded=await number(_ACTIONS, in_sites, _ACTIONS.c.state == State.DISCARDED),
    )


async def list_paused(tx: Transaction) -> list[tuple[str, str | None]]:
    """What a person paused: (site, milestone), or the whole site."""
    sites = await tx.execute(select(_SITES.c.id).where(_SITES.c.paused))
    milestones = await tx.execute(
        select(_VERSIONS.c.site_id, _VERSIONS.c.milestone)
        .where(_VERSIONS.c.paused)
        .distinct()
        .order_by(_VERSIONS.c.site_id, _VERSIONS.c.milestone)
    )
    return [(row[0], None) for row in sites.all()] + [(row[0], row[1]) for row in milestones.all()]


async def list_last_scans(tx: Transaction, site_id: str) -> list[Scan]:
    """The newest scan of each kind of a site."""
    newest = select(func.max(_SCANS.c.id)).where(_SCANS.c.site_id == site_id).group_by(_SCANS.c.kind)
    statement = select(_SCANS).where(_SCANS.c.id.in_(newest)).order_by(_SCANS.c.id)
    return [Scan(**row) for row in (await tx.execute(statement)).mappings()]


async def get_site_names(tx: Transaction, site_ids: Iterable[str]) -> dict[str, str]:
    """How sites are called, by id; empty where there is only one, which needs no name."""
    if (await tx.execute(select(func.count()).select_from(_SITES))).scalar_one() < 2:
        return {}
    statement = select(_SITES.c.id, _SITES.c.name).where(_SITES.c.id.in_(list(site_ids)))
    return {row.id: row.name or row.id for row in (await tx.execute(statement)).all()}


async def count_observed(tx: Transaction) -> int:
    """Sites that send events and were not taken on."""
    statement = select(func.count()).select_from(_SITES).where(_SITES.c.state == SiteState.OBSERVED)
    return int((await tx.execute(statement)).scalar_one())
