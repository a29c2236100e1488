"""Orders as rows: written once for each site, source and key, whoever comes first."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from milestones.store.database.statements import add_one, chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Order

_ORDERS = table_of(Order)


async def add_order(tx: Transaction, order: Order) -> tuple[Order, bool]:
    """Write an order, or find the one that has its site, source and key. Returns it, and whether it was written.

    On PostgreSQL one of two that come at once waits here for the other to commit.
    """
    row = order.model_dump(exclude={"id"})
    written = await add_one(tx, Order, row, unique=["site_id", "source", "key"])
    statement = select(_ORDERS).where(_ORDERS.c.owner == order.owner)
    return Order(**(await tx.execute(statement)).mappings().one()), written


async def recent(tx: Transaction, site_id: str, source: str, since: datetime) -> int:
    """How many orders of a source a site had since a time: what the breaker counts."""
    statement = (
        select(func.count())
        .select_from(_ORDERS)
        .where(_ORDERS.c.site_id == site_id, _ORDERS.c.source == source, _ORDERS.c.recorded_at > since)
    )
    return int((await tx.execute(statement)).scalar_one())


async def list_orders(
    tx: Transaction, site_id: str, account_id: str, owners: Collection[str] = ()
) -> Sequence[Order]:
    """What was ordered for an account, oldest first. owners: of actions that a merge has handed over to it."""
    theirs = [_ORDERS.c.account_id == account_id]
    found: dict[int | None, Order] = {}
    for condition in [*theirs, *(_ORDERS.c.owner.in_(some) for some in chunks(list(owners)))]:
        statement = select(_ORDERS).where(_ORDERS.c.site_id == site_id, condition)
        rows = (await tx.execute(statement)).mappings()
        found |= {row["id"]: Order(**row) for row in rows}
    return sorted(found.values(), key=lambda order: order.id or 0)
