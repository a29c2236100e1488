"""Two daemons on one database: the second is refused, by file or by server."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from milestones.errors import StoreBusyError
from milestones.store.database.daemon_lock import held, only_daemon
from tests.store.rules import opened


@asynccontextmanager
async def daemon(database_url: str) -> AsyncIterator[None]:
    """What a daemon takes before it does anything."""
    async with opened(database_url) as store, asyncio.timeout(10):
        with held(database_url):
            async with only_daemon(store):
                yield


def test_a_file_is_the_same_by_whichever_link_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "data.db").touch()
    (tmp_path / "milestones.db").symlink_to("elsewhere/data.db")
    with (
        held(f"sqlite:///{tmp_path / 'milestones.db'}"),
        pytest.raises(StoreBusyError, match="is in use by process"),
        held(f"sqlite:///{tmp_path / 'elsewhere' / 'data.db'}"),
    ):
        pass


async def test_a_second_daemon_is_refused_and_a_third_may_follow(database_url: str) -> None:
    told = f"process {os.getpid()}" if database_url.startswith("sqlite") else "Another daemon"
    async with daemon(database_url):
        with pytest.raises(StoreBusyError, match=told):
            await daemon(database_url).__aenter__()
    async with daemon(database_url):
        pass
