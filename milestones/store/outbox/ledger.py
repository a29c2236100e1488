"""Grants, reminders and the actions they owe: written together, counted for the breaker, never written twice."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, func, select

from milestones.domain.actions import PlannedAction
from milestones.domain.crossing import Given
from milestones.domain.verdict import Verdict
from milestones.store.database.prepared import Lookup, Prepared
from milestones.store.database.statements import add, chunks, put, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves
from milestones.store.tables import Action, Grant, Reminder, Trace

_GRANTS = table_of(Grant)
_REMINDERS = table_of(Reminder)
_ACTIONS = table_of(Action)
_TRACES = table_of(Trace)

GIVEN = _GRANTS.c.verdict != Verdict.INHERITED
"""Grants that gave something. The others say that an account of the same customer was given it (``merges``)."""

SELECTED = _REMINDERS.c.scan_id.is_not(None)
"""Reminders that a scan selected, and not those that an account has inherited."""


def _grants_query(ids: Sequence[Any]) -> Executable:
    return select(_GRANTS).where(_GRANTS.c.site_id == bindparam("site_id"), _GRANTS.c.account_id.in_(ids))


_OF_ACCOUNTS = Lookup(_grants_query)


async def get_grants(
    tx: Transaction, site_id: str, account_ids: Iterable[str]
) -> dict[tuple[str, str], list[Given]]:
    """The grants of these accounts, by (account, milestone)."""
    result: dict[tuple[str, str], list[Given]] = {}
    for row in await _OF_ACCOUNTS.fetch(tx, account_ids, site_id=site_id):
        grant = Given(row.occurrence, row.revision, row.stamped_at, row.value, version=row.version)
        result.setdefault((row.account_id, row.milestone), []).append(grant)
    return result


async def get_reminders(
    tx: Transaction, site_id: str, account_ids: Iterable[str]
) -> dict[str, list[Reminder]]:
    """The reminders of these accounts, oldest first."""
    result: dict[str, list[Reminder]] = {}
    for ids in chunks(list(account_ids)):
        statement = select(_REMINDERS).where(
            _REMINDERS.c.site_id == site_id, _REMINDERS.c.account_id.in_(ids)
        )
        for row in (await tx.execute(statement.order_by(_REMINDERS.c.id))).mappings():
            result.setdefault(row["account_id"], []).append(Reminder(**row))
    return result


_RECENT = [
    Prepared(
        select(table.c.milestone, func.count().label("number"))
        .where(table.c.site_id == bindparam("site_id"), table.c.recorded_at > bindparam("since"), new)
        .group_by(table.c.milestone)
    )
    for table, new in ((_GRANTS, GIVEN), (_REMINDERS, SELECTED))
]


async def count_recent(tx: Transaction, site_id: str, since: datetime) -> dict[str, int]:
    """Grants and reminders of a site since a time, by milestone: what the breaker counts."""
    counts: dict[str, int] = {}
    for recent in _RECENT:
        for row in await recent.fetch(tx, {"site_id": site_id, "since": since}):
            counts[row.milestone] = counts.get(row.milestone, 0) + row.number
    return counts


async def add_grants(tx: Transaction, rows: Sequence[Grant]) -> None:
    """Write grants. The caller looked which exist, under the accounts' lock; the key is the last guard."""
    await add(tx, Grant, [row.model_dump(exclude={"id"}) for row in rows])


async def add_reminders(tx: Transaction, rows: Sequence[Reminder]) -> None:
    """Write reminders, as ``add_grants``."""
    await add(tx, Reminder, [row.model_dump(exclude={"id"}) for row in rows])


def action_rows(
    planned: Sequence[PlannedAction],
    *,
    site_id: str,
    account_id: str,
    milestone: str,
    now: datetime,
    stop: Verdict | None = None,
    scan_id: int | None = None,
    fast: bool = False,
) -> list[dict[str, Any]]:
    """The rows of one owner's actions. ``stop``: one of ``moves.ENDS`` cancels them, BREAKER holds them. fast: a person
    waits.
    """
    by_position = {action.position: action.key for action in planned}
    return [
        Action(
            key=action.key,
            owner=action.key.rpartition("#")[0],
            site_id=site_id,
            account_id=account_id,
            milestone=milestone,
            kind=action.kind,
            state=moves.first_state(action, stop),
            verdict=stop,
            available_at=action.available_at,
            payload=dict(action.payload),
            waits_for=[by_position[position] for position in action.waits_for],
            scan_id=scan_id,
            fast=fast,
            recorded_at=now,
            settled_at=now if stop in moves.ENDS else None,
        ).model_dump(exclude={"id"})
        for action in planned
    ]


async def add_actions(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Write actions to the outbox."""
    await add(tx, Action, rows)


async def add_traces(
    tx: Transaction, site_id: str, stage: str, verdicts: Iterable[tuple[str, str, Verdict]], now: datetime
) -> None:
    """Note what a gate answered for (account, milestone). A repeat moves its time and counts up."""
    rows = [
        {
            "site_id": site_id,
            "account_id": account_id,
            "milestone": milestone,
            "stage": stage,
            "verdict": str(verdict),
            "first_at": now,
            "last_at": now,
            "times": 1,
        }
        for account_id, milestone, verdict in verdicts
    ]
    await put(tx, Trace, rows, keep=("first_at",), count="times")
