"""Calls of the API as rows: each key stands for one of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update

from milestones.store.database.statements import add_one, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import ApiCall

_CALLS = table_of(ApiCall)

BATCH = 500


async def begin(tx: Transaction, call: ApiCall) -> ApiCall | None:
    """Write a call that begins. Returns the one that has its key already, or None."""
    if await add_one(tx, ApiCall, call.model_dump(), unique=["key"]):
        return None
    row = (await tx.execute(select(_CALLS).where(_CALLS.c.key == call.key))).mappings().one()
    return ApiCall(**row)


async def take_over(tx: Transaction, call: ApiCall, former_run: str) -> bool:
    """Begin anew what the end of another process cut short. Returns False where somebody else did."""
    begun = update(_CALLS).where(_CALLS.c.key == call.key, _CALLS.c.run == former_run)
    return (await tx.execute(begun.values(run=call.run, begun_at=call.begun_at))).rowcount == 1


async def keep_answer(tx: Transaction, key: str, answer: dict[str, Any]) -> None:
    """It is done, and this was the answer."""
    await tx.execute(update(_CALLS).where(_CALLS.c.key == key).values(answer=answer))


async def withdraw(tx: Transaction, key: str) -> None:
    """Free a key under which nothing was done."""
    await tx.execute(delete(_CALLS).where(_CALLS.c.key == key))


async def forget(tx: Transaction, before: datetime) -> int:
    """Delete some of those that began before then. Returns how many."""
    old = select(_CALLS.c.key).where(_CALLS.c.begun_at < before).limit(BATCH)
    return (await tx.execute(delete(_CALLS).where(_CALLS.c.key.in_(old)))).rowcount
