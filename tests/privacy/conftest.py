from collections.abc import AsyncIterator

import pytest

from tests.privacy.town import Town
from tests.store.rules import opened


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """On SQLite, and again on PostgreSQL."""
    async with opened(database_url) as store:
        town = Town(store)
        await town.begin()
        yield town
