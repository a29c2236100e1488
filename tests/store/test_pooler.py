"""Behind a pooler in transaction mode: nothing is shelved, with ``prepare_threshold=0`` nothing even waits, and the
daemon's lock holds.
"""

import asyncio

import pytest

from milestones.errors import StoreBusyError, StoreUnavailableError
from milestones.store.database import meta
from milestones.store.database.daemon_lock import only_daemon
from milestones.store.database.store import Store
from tests.pooler import pooled

TRANSACTIONS = 120


async def refused(store: Store) -> list[str]:
    """The sentences of what could not be written, of many transactions side by side. Only what is temporary may be."""
    told: list[str] = []

    async def write(number: int) -> None:
        try:
            async with store.write() as tx:
                await meta.set_to(tx, f"fact {number % 7}", str(number))
        except StoreUnavailableError as error:
            told.append(str(error))

    for start in range(0, TRANSACTIONS, 6):
        await asyncio.gather(*(write(start + number) for number in range(6)))
    return told


async def test_a_statement_that_is_prepared_elsewhere_is_no_fault_of_the_event(
    postgres_database_url: str,
) -> None:
    async with pooled(postgres_database_url) as url:
        store = await Store.open(f"{url}?prepare_threshold=1")
        told = await refused(store)
        await store.close()
    assert told, "else this is no pooler"
    assert all("prepare_threshold=0" in sentence for sentence in told)


async def test_without_preparing_every_transaction_is_kept(postgres_database_url: str) -> None:
    async with pooled(postgres_database_url) as url:
        store = await Store.open(f"{url}?prepare_threshold=0")
        assert await refused(store) == []
        await store.close()


async def test_the_lock_of_a_daemon_holds(postgres_database_url: str) -> None:
    async with pooled(postgres_database_url) as pooler:
        url = f"{pooler}?prepare_threshold=0"
        first, second = await Store.open(url, pool=1), await Store.open(url, pool=1)
        async with only_daemon(first):
            assert await refused(first) == []
            with pytest.raises(StoreBusyError):
                await only_daemon(second).__aenter__()
        async with only_daemon(second):
            assert await refused(second) == []
        for store in (first, second):
            await store.close()
