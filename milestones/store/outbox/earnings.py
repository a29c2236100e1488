"""What outside events and claims gave to a customer, as far as their rules count it."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, insert, select

from milestones.domain.actions import State
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, Earning, Order

_ACTIONS = table_of(Action)
_EARNINGS = table_of(Earning)
_ORDERS = table_of(Order)


async def add_earnings(tx: Transaction, rows: Sequence[Earning]) -> None:
    """Write earnings, in the transaction that records their orders."""
    if rows:
        await tx.execute(insert(_EARNINGS), [row.model_dump() for row in rows])


async def list_earnings(
    tx: Transaction, site_id: str, rule: str, person_key: str, account_ids: Collection[str]
) -> list[Earning]:
    """What a customer had by a rule, oldest first. What came to nothing, since it was cancelled or refused for good, is
    none of it.

    person_key: as an event names the customer. account_ids: all accounts of the customer, as far as they are known.
    """
    theirs = [_EARNINGS.c.person_key == person_key]
    if account_ids:
        # Of one that was made for the order, the account became known later.
        ordered = select(_ORDERS.c.owner).where(
            _ORDERS.c.site_id == site_id, _ORDERS.c.account_id.in_(account_ids)
        )
        theirs += [_EARNINGS.c.account_id.in_(account_ids), _EARNINGS.c.owner.in_(ordered)]
    found: dict[str, Earning] = {}
    for condition in theirs:
        statement = select(_EARNINGS).where(
            _EARNINGS.c.site_id == site_id, _EARNINGS.c.rule == rule, condition, ~_came_to_nothing()
        )
        rows = (await tx.execute(statement)).mappings()
        found |= {row["owner"]: Earning(**row) for row in rows}
    return sorted(found.values(), key=lambda earning: (earning.recorded_at, earning.owner))


def _came_to_nothing() -> ColumnElement[bool]:
    over = _ACTIONS.c.state.in_([State.CANCELLED, State.DISCARDED])
    return select(func.count()).where(_ACTIONS.c.owner == _EARNINGS.c.owner, over).scalar_subquery() > 0
