"""Channels that rest: kept so that every process can tell of them, and a person can end them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, func, or_, select, true, update

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import put, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox.schedule import TIMED
from milestones.store.tables import Action, ChannelRest

_RESTS = table_of(ChannelRest)
_ACTIONS = table_of(Action)
_OF_SITE = Prepared(select(_RESTS).where(_RESTS.c.site_id == bindparam("site_id")))


@dataclass(frozen=True, slots=True)
class Rest:
    """A channel that has failed as a whole and not worked since.

    since: its first failure. begun_at, until: of the newest rest. failures: in a row. reason: for people.
    """

    since: datetime
    begun_at: datetime
    until: datetime
    failures: int
    reason: str


async def get_rests(tx: Transaction, site_id: str) -> dict[str, Rest]:
    """What rests, or is about to be tried again, by kind."""
    rows = await _OF_SITE.fetch(tx, {"site_id": site_id})
    return {row.kind: _rest(row) for row in rows}


async def save_rests(tx: Transaction, site_id: str, changed: Mapping[str, Rest | None]) -> None:
    """Write what has changed; None is of a channel that works again."""
    works = [kind for kind, rest in changed.items() if rest is None]
    await tx.execute(delete(_RESTS).where(_RESTS.c.site_id == site_id, _RESTS.c.kind.in_(works)))
    rows = [
        ChannelRest(
            site_id=site_id,
            kind=kind,
            since=rest.since,
            begun_at=rest.begun_at,
            until=rest.until,
            failures=rest.failures,
            reason=rest.reason,
        ).model_dump()
        for kind, rest in changed.items()
        if rest is not None
    ]
    await put(tx, ChannelRest, rows)


async def forget(tx: Transaction, now: datetime, site_ids: Collection[str] | None = None) -> None:
    """Have everything tried at once, of these sites or of all: a person has mended something, or says so."""
    of_these = true() if site_ids is None else _RESTS.c.site_id.in_(site_ids)
    for row in (await tx.execute(delete(_RESTS).where(of_these).returning(*_RESTS.c))).all():
        await tx.execute(
            update(_ACTIONS)
            .where(_is_owed(row.site_id, row.kind), _ACTIONS.c.available_at > now)
            .where(_ACTIONS.c.available_at <= row.until)
            .values(available_at=now)
        )
    of_actions = true() if site_ids is None else _ACTIONS.c.site_id.in_(site_ids)
    inactive = TIMED & (_ACTIONS.c.verdict == Verdict.PROGRAM_NOT_ACTIVE) & (_ACTIONS.c.available_at > now)
    await tx.execute(update(_ACTIONS).where(of_actions, inactive).values(available_at=now))


async def list_rests(
    tx: Transaction, now: datetime, most: int, site_id: str | None = None
) -> list[tuple[str, str, Rest]]:
    """The channels that do not work, of one site or of all; those that failed first come first."""
    statement = (
        select(_RESTS)
        .where(_concerns(now), true() if site_id is None else _RESTS.c.site_id == site_id)
        .order_by(_RESTS.c.since, _RESTS.c.site_id, _RESTS.c.kind)
        .limit(most)
    )
    return [(row.site_id, row.kind, _rest(row)) for row in (await tx.execute(statement)).all()]


async def count_rests(tx: Transaction, now: datetime) -> dict[str, int]:
    """At how many sites a channel does not work, by kind."""
    statement = select(_RESTS.c.kind, func.count()).where(_concerns(now)).group_by(_RESTS.c.kind)
    return {kind: int(number) for kind, number in (await tx.execute(statement)).all()}


def _concerns(now: datetime) -> ColumnElement[bool]:
    """Whether a channel rests, or has rested and something is still owed over it. What it owed may be cancelled."""
    return or_(_RESTS.c.until > now, exists().where(_is_owed(_RESTS.c.site_id, _RESTS.c.kind)))


def _is_owed(site_id: Any, kind: Any) -> ColumnElement[bool]:
    return and_(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.kind == kind,
        _ACTIONS.c.state.in_((State.AVAILABLE, State.RUNNING)),
        _ACTIONS.c.failing_since.is_not(None),
    )


def _rest(row: Any) -> Rest:
    values = {name: getattr(row, name) for name in ("since", "begun_at", "until", "failures", "reason")}
    return Rest(**values)
