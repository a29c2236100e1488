"""What orders tell of people: their keys, and contacts of which no account is known yet."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, update

from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Order

_ORDERS = table_of(Order)


def of_newcomers(site_id: str, contact_keys: Collection[str]) -> ColumnElement[bool]:
    """The orders for these contacts of which no account is known."""
    of_contact = (_ORDERS.c.site_id == site_id) & _ORDERS.c.contact_key.in_(contact_keys)
    return of_contact & (_ORDERS.c.account_id == "")


async def hand_over(tx: Transaction, site_id: str, contact_keys: Collection[str], target_key: str) -> None:
    """Give what is ordered for contacts of which no account is known to the contact that is left."""
    for keys in chunks(sorted(contact_keys)):
        theirs = of_newcomers(site_id, keys)
        await tx.execute(update(_ORDERS).where(theirs).values(contact_key=target_key))


async def forget_keys(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Take the keys out of orders: one may name a customer. By its owner an order is recognised all the same."""
    await tx.execute(update(_ORDERS).where(which).values(key=""))
