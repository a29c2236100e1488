"""Lists that are read a page at a time, in an order that no change moves: accounts by site and id, orders by number."""

from sqlalchemy import select, tuple_

from milestones.domain.milestone import Milestone
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Order
from milestones.store.views.lookup import is_near, is_of

_ACCOUNTS = table_of(Account)
_ORDERS = table_of(Order)

AccountPlace = tuple[str, str]
"""The site and id of an account: a page begins with what comes after it."""


async def list_accounts_after(
    tx: Transaction,
    place: AccountPlace,
    limit: int,
    *,
    site_id: str | None = None,
    near: Milestone | None = None,
) -> list[Account]:
    """Accounts that come after a place. near: only those near this milestone."""
    site, account = place
    statement = select(_ACCOUNTS).order_by(_ACCOUNTS.c.site_id, _ACCOUNTS.c.id).limit(limit)
    if site_id is None:
        # Compared as a pair, so that the primary key is read from there on.
        statement = statement.where(tuple_(_ACCOUNTS.c.site_id, _ACCOUNTS.c.id) > tuple_(site, account))
    else:
        after = account if site == site_id else ""
        statement = statement.where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.id > after)
    if near is not None:
        statement = statement.where(is_near(near))
    return [Account(**row) for row in (await tx.execute(statement)).mappings()]


async def find_order(tx: Transaction, order_id: int) -> Order | None:
    """The order of this number."""
    row = (await tx.execute(select(_ORDERS).where(_ORDERS.c.id == order_id))).mappings().first()
    return None if row is None else Order(**row)


async def list_orders_up_to(
    tx: Transaction,
    highest: int | None,
    limit: int,
    *,
    site_id: str | None = None,
    account_id: str | None = None,
    source: str | None = None,
) -> list[Order]:
    """Orders of at most this number, newest first, by what they have in common."""
    wanted = {"site_id": site_id, "source": source}
    conditions = [_ORDERS.c[name] == value for name, value in wanted.items() if value is not None]
    if account_id is not None:
        conditions.append(is_of(_ORDERS, account_id, site_id))
    if highest is not None:
        conditions.append(_ORDERS.c.id <= highest)
    statement = select(_ORDERS).where(*conditions).order_by(_ORDERS.c.id.desc()).limit(limit)
    return [Order(**row) for row in (await tx.execute(statement)).mappings()]
