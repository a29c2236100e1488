"""Facts about this database: the secret of its keys, and whatever else is one value."""

import secrets

from sqlalchemy import bindparam, delete, select

from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import add_missing, put, table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Meta

_META = table_of(Meta)
_VALUE = Prepared(select(_META.c.value).where(_META.c.key == bindparam("key")))

_SECRET = "secret"  # noqa: S105 - the name of the fact, not the secret


async def get(tx: Transaction, key: str) -> str | None:
    """A fact, or None."""
    rows = await _VALUE.fetch(tx, {"key": key})
    return rows[0].value if rows else None


async def set_to(tx: Transaction, key: str, value: str) -> None:
    """Keep a fact."""
    await put(tx, Meta, [{"key": key, "value": value}])


async def remove(tx: Transaction, key: str) -> None:
    """Forget a fact, if it is there."""
    await tx.execute(delete(_META).where(_META.c.key == key))


async def get_secret(store: Store) -> bytes:
    """The secret from which keys are made: drawn at the first run, the same for ever, in every backup."""
    async with store.write() as tx:
        drawn = secrets.token_hex(32)
        await add_missing(tx, Meta, [{"key": _SECRET, "value": drawn}], unique=["key"])
        kept = await get(tx, _SECRET)
    assert kept is not None, "it was just written"
    return bytes.fromhex(kept)
