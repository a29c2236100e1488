"""Orders as rows: written once for each site, source and key, whoever comes first."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select

from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Order

_ORDERS = table_of(Order)


async def add_orders(tx: Transaction, rows: Sequence[Order]) -> None:
    """Write orders. The caller looked which exist, under the lock of their keys; the constraint is the last guard."""
    if rows:
        await tx.execute(insert(_ORDERS), [row.model_dump(exclude={"id"}) for row in rows])


async def get_orders(tx: Transaction, owners: Iterable[str]) -> dict[str, Order]:
    """Those of these orders that are recorded, by owner."""
    found: dict[str, Order] = {}
    for some in chunks(list(owners)):
        rows = (await tx.execute(select(_ORDERS).where(_ORDERS.c.owner.in_(some)))).mappings()
        found |= {row["owner"]: Order(**row) for row in rows}
    return found


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
