"""Accounts that a scan read and could not understand: the newest telling of each is kept, until it is understood."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, select

from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.people import people
from milestones.store.tables import READ_ACCOUNT, Rejected

_REJECTED = table_of(Rejected)


async def keep(
    tx: Transaction, site_id: str, account_id: str | None, reason: str, body: bytes, now: datetime
) -> None:
    """Keep an account as it was told, in place of what was kept of it before. Of somebody who was erased, nothing."""
    mine = _of(site_id) & _REJECTED.c.account_id.is_not_distinct_from(account_id)
    # Nothing else tells two of them apart.
    same = mine & (_REJECTED.c.body == body) if account_id is None else mine
    await tx.execute(delete(_REJECTED).where(same))
    await people.reject(tx, site_id, READ_ACCOUNT, reason, body, now, account_id=account_id)


async def understood(tx: Transaction, site_id: str, account_ids: Sequence[str]) -> None:
    """Forget what was kept of accounts that were read since."""
    kept = select(_REJECTED.c.account_id).where(_of(site_id))
    found = set((await tx.execute(kept)).scalars()).intersection(account_ids)
    if found:
        await tx.execute(delete(_REJECTED).where(_of(site_id), _REJECTED.c.account_id.in_(found)))


def _of(site_id: str) -> ColumnElement[bool]:
    return (_REJECTED.c.site_id == site_id) & (_REJECTED.c.event_type == READ_ACCOUNT)
