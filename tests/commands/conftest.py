from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.commands.shop import Shop, opened_shop, write_config


@pytest.fixture
async def shop(tmp_path: Path, database_url: str) -> AsyncIterator[Shop]:
    """A shop on SQLite, and again on PostgreSQL."""
    async with opened_shop(write_config(tmp_path / "shop", database_url)) as found:
        yield found


@pytest.fixture
async def small_shop(tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop on SQLite alone, for what no database has a part in."""
    async with opened_shop(write_config(tmp_path / "shop")) as found:
        yield found
