"""What Wix told and nobody could understand: kept until it is, or until the person that it is about is erased."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select

from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.people import erasure
from milestones.store.tables import READ_ACCOUNT, Rejected

_REJECTED = table_of(Rejected)


async def add(
    tx: Transaction,
    site_id: str | None,
    event_type: str | None,
    reason: str,
    body: bytes,
    now: datetime,
    *,
    account_id: str | None = None,
) -> None:
    """Keep what Wix told and could not be understood, unless it is about somebody who was erased."""
    if await erasure.names_gone_contact(tx, site_id, body):
        return
    row = Rejected(
        site_id=site_id,
        event_type=event_type,
        account_id=account_id,
        reason=reason,
        body=body,
        received_at=now,
    )
    await tx.execute(insert(_REJECTED), [row.model_dump(exclude={"id"})])


async def forget(tx: Transaction, row: Rejected) -> None:
    """Keep a body no longer: it was understood at last."""
    await tx.execute(delete(_REJECTED).where(_REJECTED.c.id == row.id))


# Accounts that a scan read: the newest telling of each is kept


async def add_account(
    tx: Transaction, site_id: str, account_id: str | None, reason: str, body: bytes, now: datetime
) -> None:
    """Keep an account as it was told, in place of what was kept of it before. Of somebody who was erased, nothing."""
    mine = _of(site_id) & _REJECTED.c.account_id.is_not_distinct_from(account_id)
    # Nothing else tells two of them apart.
    same = mine & (_REJECTED.c.body == body) if account_id is None else mine
    await tx.execute(delete(_REJECTED).where(same))
    await add(tx, site_id, READ_ACCOUNT, reason, body, now, account_id=account_id)


async def forget_accounts(tx: Transaction, site_id: str, account_ids: Sequence[str]) -> None:
    """Forget what was kept of accounts that were read since."""
    kept = select(_REJECTED.c.account_id).where(_of(site_id))
    result = set((await tx.execute(kept)).scalars()).intersection(account_ids)
    if result:
        await tx.execute(delete(_REJECTED).where(_of(site_id), _REJECTED.c.account_id.in_(result)))


def _of(site_id: str) -> ColumnElement[bool]:
    return (_REJECTED.c.site_id == site_id) & (_REJECTED.c.event_type == READ_ACCOUNT)
