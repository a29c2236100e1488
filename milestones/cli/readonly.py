"""How commands look into the database: read-only, whether a daemon runs or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from milestones.config import Settings
from milestones.config.database import read_address
from milestones.errors import StoreError, StoreNewerError
from milestones.store.database import schema
from milestones.store.database.store import Store, Transaction

T = TypeVar("T")


class NoDatabaseError(StoreError):
    """There is none yet: nothing is wrong, and nothing can be shown."""


def look(settings: Settings, question: Callable[[Transaction], Awaitable[T]]) -> T:
    """The answer of one consistent view. Raises StoreError where there is nothing to look at."""

    async def query() -> T:
        async with open_view(settings) as tx:
            return await question(tx)

    return asyncio.run(query())


@asynccontextmanager
async def open_view(settings: Settings) -> AsyncIterator[Transaction]:
    """Open a view of the database that cannot change it. Raises StoreError with a sentence."""
    await require_current(settings)
    store = await Store.open(settings.daemon.database.get_secret_value(), read_only=True)
    try:
        async with store.read() as tx:
            yield tx
    finally:
        await store.close()


async def require_current(settings: Settings) -> None:
    """Raise StoreError unless the database is there and of this version."""
    match await schema.get_version_state(settings.daemon.database.get_secret_value()):
        case "empty":
            raise NoDatabaseError(f"{place(settings)} does not exist yet. `milestones run` makes it.")
        case "older":
            raise StoreError(
                f"{place(settings)} is of an older version. Make a backup, then run `milestones db upgrade`."
            )
        case "newer":
            raise StoreNewerError(
                f"{place(settings)} was written by a newer version of milestones. Use that version."
            )
        case "foreign":
            raise StoreError(f"{place(settings)} holds tables of another program (daemon.database).")
        case "current":
            pass


def place(settings: Settings) -> str:
    """The database as a person calls it, without a password."""
    return f"The database {read_address(settings.daemon.database.get_secret_value())}"
