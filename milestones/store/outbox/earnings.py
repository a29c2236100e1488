"""What outside events and claims gave to a customer, as far as their rules count it."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, func, insert, select

from milestones.domain.actions import State
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, Earning, Order

_ACTIONS = table_of(Action)
_EARNINGS = table_of(Earning)
_ORDERS = table_of(Order)


async def add_earnings(tx: Transaction, rows: Sequence[Earning]) -> None:
    """Write earnings, in the transaction that records their orders."""
    if rows:
        await tx.execute(insert(_EARNINGS), [row.model_dump() for row in rows])


class Had(NamedTuple):
    """What some customer had. account_id: of the customer, also where it became known later; empty where none is."""

    earning: Earning
    account_id: str


async def list_earnings(
    tx: Transaction, site_id: str, rule: str, person_keys: Collection[str], account_ids: Collection[str]
) -> list[Had]:
    """What customers had by a rule, oldest first. What came to nothing, since it was cancelled or refused for good, is
    none of it.

    person_keys: as events name the customers. account_ids: all their accounts, as far as they are known.
    """
    found: dict[str, Had] = {}
    for column, values in ((_EARNINGS.c.person_key, person_keys), (_EARNINGS.c.account_id, account_ids)):
        for some in chunks(sorted(values)):
            found |= await _list(tx, site_id, rule, column.in_(some))
    for some in chunks(sorted(account_ids)):
        ordered = select(_ORDERS.c.owner).where(_ORDERS.c.site_id == site_id, _ORDERS.c.account_id.in_(some))
        found |= await _list(tx, site_id, rule, _EARNINGS.c.owner.in_(ordered))
    return sorted(found.values(), key=lambda had: (had.earning.recorded_at, had.earning.owner))


async def _list(tx: Transaction, site_id: str, rule: str, which: ColumnElement[bool]) -> dict[str, Had]:
    later = func.coalesce(_ORDERS.c.account_id, "").label("later")
    statement = (
        select(_EARNINGS, later)
        .outerjoin(_ORDERS, _ORDERS.c.owner == _EARNINGS.c.owner)
        .where(_EARNINGS.c.site_id == site_id, _EARNINGS.c.rule == rule, which, ~_came_to_nothing())
    )
    found = {}
    for row in (await tx.execute(statement)).mappings():
        columns = {column.name: row[column] for column in _EARNINGS.c}
        earning = Earning(**columns)
        found[earning.owner] = Had(earning, earning.account_id or row["later"])
    return found


def _came_to_nothing() -> ColumnElement[bool]:
    over = _ACTIONS.c.state.in_([State.CANCELLED, State.DISCARDED])
    return select(func.count()).where(_ACTIONS.c.owner == _EARNINGS.c.owner, over).scalar_subquery() > 0
