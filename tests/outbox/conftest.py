from collections.abc import AsyncIterator

import pytest

from tests.outbox.bench import Bench
from tests.store.rules import opened


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with opened(database_url) as store:
        yield Bench(store)
