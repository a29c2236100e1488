"""What must be so between rows, counted where it is not. Reads everything; changes nothing."""

from sqlalchemy import and_, exists, func, select, text

from milestones.store.database import Transaction
from milestones.store.statements import table_of
from milestones.store.tables import Account, Action, Grant, ObservationRun, Reminder

_ACCOUNTS = table_of(Account)
_RUNS = table_of(ObservationRun)
_GRANTS = table_of(Grant)
_REMINDERS = table_of(Reminder)
_ACTIONS = table_of(Action)

MOST_FAULTS = 5


async def file_faults(tx: Transaction) -> list[str]:
    """What SQLite finds wrong with its file. PostgreSQL looks after its own."""
    if tx.dialect.name != "sqlite":
        return []
    found = (await tx.execute(text(f"PRAGMA quick_check({MOST_FAULTS})"))).scalars().all()
    return [fault for fault in found if fault != "ok"]


async def accounts_without_history(tx: Transaction) -> int:
    """Accounts whose newest run is missing."""
    newest = and_(
        _RUNS.c.site_id == _ACCOUNTS.c.site_id,
        _RUNS.c.account_id == _ACCOUNTS.c.id,
        _RUNS.c.run == _ACCOUNTS.c.run,
    )
    statement = select(func.count()).select_from(_ACCOUNTS).where(~exists().where(newest))
    return int((await tx.execute(statement)).scalar_one())


async def grants_without_account(tx: Transaction) -> int:
    """Grants of accounts that are not there."""
    theirs = and_(_ACCOUNTS.c.site_id == _GRANTS.c.site_id, _ACCOUNTS.c.id == _GRANTS.c.account_id)
    statement = select(func.count()).select_from(_GRANTS).where(~exists().where(theirs))
    return int((await tx.execute(statement)).scalar_one())


async def actions_without_reason(tx: Transaction) -> int:
    """Actions of accounts that have neither a grant nor a reminder of that milestone."""
    granted = and_(
        _GRANTS.c.site_id == _ACTIONS.c.site_id,
        _GRANTS.c.account_id == _ACTIONS.c.account_id,
        _GRANTS.c.milestone == _ACTIONS.c.milestone,
    )
    reminded = and_(
        _REMINDERS.c.site_id == _ACTIONS.c.site_id,
        _REMINDERS.c.account_id == _ACTIONS.c.account_id,
        _REMINDERS.c.milestone == _ACTIONS.c.milestone,
    )
    statement = (
        select(func.count()).select_from(_ACTIONS).where(~exists().where(granted), ~exists().where(reminded))
    )
    return int((await tx.execute(statement)).scalar_one())
