from collections.abc import AsyncIterator

import pytest

from milestones.store.database.store import Store
from tests.outbox.bench import Bench
from tests.store.rules import opened


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A store on SQLite, and again on PostgreSQL."""
    async with opened(database_url) as found:
        yield found


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)
