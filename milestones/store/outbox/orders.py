"""Orders as rows: written once for each site, source and key, whoever comes first."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, insert, select, update

from milestones.domain.actions import State
from milestones.domain.keys import contact_key
from milestones.kinds.registry import KINDS
from milestones.store.database import meta
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves
from milestones.store.people import erasure, people
from milestones.store.tables import Action, Order

_ACTIONS = table_of(Action)
_ORDERS = table_of(Order)

_TELLING = [name for name, kind in KINDS.items() if kind.tells_whose]
"""Kinds whose result tells whose an order is."""


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


async def fill_in(tx: Transaction, site_id: str, action_ids: Sequence[int], now: datetime) -> None:
    """Write whose an order is, where one of these actions, which were just done, has found that out: what waits for it is
    for that account. Under the lock of the site.
    """
    found: dict[str, str] = {}
    for ids in chunks(action_ids):
        telling = select(_ACTIONS.c.owner, _ACTIONS.c.result).where(
            _ACTIONS.c.id.in_(ids), _ACTIONS.c.kind.in_(_TELLING), _ACTIONS.c.state == State.DONE
        )
        for row in (await tx.execute(telling)).all():
            if account_id := row.result.get("account_id"):
                await _set_account(tx, row.owner, account_id)
                found[row.owner] = account_id
            elif contact_id := row.result.get("contact_id"):
                await _set_contact(tx, site_id, row.owner, contact_id)
    if found:
        # They may be of somebody who is gone by now, or was merged into another.
        await erasure.scrub_settled(tx, await _action_ids(tx, list(found)), now)
        await people.reconcile(tx, site_id, sorted(set(found.values())), now)


async def _action_ids(tx: Transaction, owners: Sequence[str]) -> list[int]:
    return [
        number
        for some in chunks(owners)
        for number in (await tx.execute(select(_ACTIONS.c.id).where(_ACTIONS.c.owner.in_(some)))).scalars()
    ]


async def _set_account(tx: Transaction, owner: str, account_id: str) -> None:
    for table in (_ACTIONS, _ORDERS):
        theirs = (table.c.owner == owner) & (table.c.account_id == "")
        await tx.execute(update(table).where(theirs).values(account_id=account_id))


async def _set_contact(tx: Transaction, site_id: str, owner: str, contact_id: str) -> None:
    secret = bytes.fromhex(await meta.get(tx, "secret") or "")
    key = contact_key(secret, site_id, contact_id)
    await tx.execute(update(_ORDERS).where(_ORDERS.c.owner == owner).values(contact_key=key))


async def recent(tx: Transaction, site_id: str, source: str, since: datetime) -> int:
    """How many orders of a source a site had since a time: what the breaker counts. What nobody was to do is none of it."""
    statement = (
        select(func.count())
        .select_from(_ORDERS)
        .where(
            _ORDERS.c.site_id == site_id,
            _ORDERS.c.source == source,
            _ORDERS.c.recorded_at > since,
            _ORDERS.c.verdict.not_in(moves.ENDS),
        )
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
