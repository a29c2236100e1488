"""Two daemons on one database: the second is refused, by file or by server."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from milestones.errors import StoreBusyError
from milestones.store.lock import held, only_daemon
from tests.store.rules import opened


@asynccontextmanager
async def daemon(database_url: str) -> AsyncIterator[None]:
    """What a daemon takes before it does anything."""
    async with opened(database_url) as store, asyncio.timeout(10):
        with held(database_url):
            async with only_daemon(store):
                yield


async def test_a_second_daemon_is_refused_and_a_third_may_follow(database_url: str) -> None:
    told = f"process {os.getpid()}" if database_url.startswith("sqlite") else "Another daemon"
    async with daemon(database_url):
        with pytest.raises(StoreBusyError, match=told):
            await daemon(database_url).__aenter__()
    async with daemon(database_url):
        pass
