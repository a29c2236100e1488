"""What is known of a person by contact or mail address: accounts, and what is ordered before there is one."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, select

from milestones.domain.actions import State
from milestones.formats.mail_addresses import spellings
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Action

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)


async def accounts_by_contact(
    tx: Transaction, site_id: str, contact_keys: Iterable[str]
) -> dict[str, list[Account]]:
    """The accounts of these contacts of a site, by contact key, those that were erased included."""
    return await _accounts_by(tx, site_id, _ACCOUNTS.c.contact_key, contact_keys)


async def accounts_by_email(
    tx: Transaction, site_id: str, email_keys: Iterable[str]
) -> dict[str, list[Account]]:
    """The accounts of a site that have these addresses, by address key."""
    return await _accounts_by(tx, site_id, _ACCOUNTS.c.email_key, email_keys)


async def _accounts_by(
    tx: Transaction, site_id: str, column: ColumnElement[str], keys: Iterable[str]
) -> dict[str, list[Account]]:
    found: dict[str, list[Account]] = {}
    for some in chunks(list(keys)):
        statement = select(_ACCOUNTS).where(_ACCOUNTS.c.site_id == site_id, column.in_(some))
        for row in (await tx.execute(statement.order_by(_ACCOUNTS.c.id))).mappings():
            found.setdefault(str(row[column]), []).append(Account(**row))
    return found


async def list_for_newcomer(tx: Transaction, site_id: str, email: str) -> list[Action]:
    """The searches for a contact with this address that are not settled: something is ordered for somebody new."""
    statement = select(_ACTIONS).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.kind == "contact",
        _ACTIONS.c.state.not_in([State.DONE, State.CANCELLED]),
        _ACTIONS.c.payload["email"].as_string().in_(spellings(email)),
    )
    return [Action(**row) for row in (await tx.execute(statement.order_by(_ACTIONS.c.id))).mappings()]
