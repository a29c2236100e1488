"""Scans: one at a time for a site and kind, resumable at the page where it stopped."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import StoreError
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves
from milestones.store.outbox.ledger import count_recent
from milestones.store.tables import Account, Action, Reminder, Scan, ScanState

_SCANS = table_of(Scan)
_ACTIONS = table_of(Action)
_REMINDERS = table_of(Reminder)
_ACCOUNTS = table_of(Account)


async def start(tx: Transaction, site_id: str, kind: str, now: datetime) -> Scan:
    """A new scan, or the one of this kind that stopped on its way."""
    unfinished = (
        select(_SCANS)
        .where(_SCANS.c.site_id == site_id, _SCANS.c.kind == kind, _SCANS.c.state == ScanState.RUNNING)
        .order_by(_SCANS.c.id)
    )
    row = (await tx.execute(unfinished)).mappings().first()
    if row is not None:
        return Scan(**row)
    former = await find_last_finished(tx, site_id, kind)
    watermark = former.watermark if former is not None else None
    scan = Scan(site_id=site_id, kind=kind, counts={}, watermark=watermark, started_at=now)
    added = await tx.execute(_SCANS.insert().values(scan.model_dump(exclude={"id"})).returning(_SCANS.c.id))
    scan.id = added.scalar_one()
    return scan


async def save_page(tx: Transaction, scan: Scan) -> None:
    """Keep how far a scan came. Raises StoreError if it was given up."""
    await _advance(
        tx, scan, cursor=scan.cursor, pages=scan.pages, counts=dict(scan.counts), watermark=scan.watermark
    )


async def _advance(tx: Transaction, scan: Scan, **values: Any) -> None:
    if not (await tx.execute(update(_SCANS).where(_SCANS.c.id == scan.id).values(**values))).rowcount:
        raise StoreError(
            "The scan was given up: its site began anew. The next one reads it from the beginning."
        )


async def give_up(tx: Transaction, site_id: str, now: datetime) -> None:
    """Forget the scans of a site that are under way, and cancel the reminders that wait for their end."""
    theirs = select(_SCANS.c.id).where(_SCANS.c.site_id == site_id, _SCANS.c.state == ScanState.RUNNING)
    await moves.abandon_scan(tx, site_id, now)
    await tx.execute(delete(_SCANS).where(_SCANS.c.id.in_(theirs)))


async def fail(tx: Transaction, scan: Scan, error: str) -> None:
    """Note why a scan stopped; it stays unfinished, and goes on at its page the next time."""
    await tx.execute(update(_SCANS).where(_SCANS.c.id == scan.id).values(error=error))


async def finish(tx: Transaction, scan: Scan, limit: int, now: datetime) -> Mapping[str, int]:
    """End a scan and let its reminders go. Of a milestone that is past the breaker's limit none goes.

    Returns how many are held, by milestone. Raises StoreError if it was given up.
    """
    await _advance(tx, scan, state=ScanState.FINISHED, cursor=None, finished_at=now, error=None)
    counts = await count_recent(tx, scan.site_id, now - timedelta(hours=24))
    over = sorted(milestone for milestone, number in counts.items() if number > limit)
    waiting = (
        (_ACTIONS.c.site_id == scan.site_id)
        & (_ACTIONS.c.scan_id == scan.id)
        & (_ACTIONS.c.state == State.HELD)
    )
    mine = waiting & _ACTIONS.c.verdict.in_([Verdict.SCAN_UNDER_WAY])
    await tx.execute(
        update(_ACTIONS).where(mine, _ACTIONS.c.milestone.in_(over)).values(verdict=Verdict.BREAKER)
    )
    await moves.select(tx, mine & _ACTIONS.c.milestone.not_in(over), now)
    held = (
        select(_ACTIONS.c.milestone, func.count())
        .where(waiting, _ACTIONS.c.verdict == Verdict.BREAKER)
        .group_by(_ACTIONS.c.milestone)
    )
    return {row[0]: row[1] for row in (await tx.execute(held)).all()}


async def find_last_finished(tx: Transaction, site_id: str, kind: str) -> Scan | None:
    """The newest complete scan of a kind: its watermark is where the next one starts."""
    statement = (
        select(_SCANS)
        .where(_SCANS.c.site_id == site_id, _SCANS.c.kind == kind, _SCANS.c.state == ScanState.FINISHED)
        .order_by(_SCANS.c.id.desc())
        .limit(1)
    )
    row = (await tx.execute(statement)).mappings().first()
    return Scan(**row) if row is not None else None


async def list_unfinished(tx: Transaction, site_id: str) -> list[str]:
    """The kinds of scans of a site that stopped on their way."""
    statement = select(_SCANS.c.kind).where(_SCANS.c.site_id == site_id, _SCANS.c.state == ScanState.RUNNING)
    return list((await tx.execute(statement.order_by(_SCANS.c.id))).scalars())


async def list_failing(tx: Transaction) -> list[Scan]:
    """Scans that stopped at an error and have not come to their end since, of all sites."""
    statement = select(_SCANS).where(_SCANS.c.state == ScanState.RUNNING, _SCANS.c.error.is_not(None))
    return [Scan(**row) for row in (await tx.execute(statement.order_by(_SCANS.c.id))).mappings()]


async def get_highest(tx: Transaction, site_id: str, measure: str) -> int:
    """The highest value of a measure that any account of the site is known to have, in points."""
    column = _ACCOUNTS.c[measure]
    statement = select(func.max(column)).where(_ACCOUNTS.c.site_id == site_id)
    return int((await tx.execute(statement)).scalar_one() or 0)
