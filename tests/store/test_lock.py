"""Two daemons on one database: the second is refused, by file or by server."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
from sqlalchemy import text

from milestones.errors import StoreBusyError, StoreUnavailableError
from milestones.store.database import daemon_lock, meta
from milestones.store.database.daemon_lock import _DAEMON, hold_lock, only_daemon
from milestones.store.database.store import Store, find_trouble
from tests.store.rules import opened


@asynccontextmanager
async def daemon(database_url: str) -> AsyncIterator[None]:
    """What a daemon takes before it does anything."""
    async with opened(database_url) as store, asyncio.timeout(60):
        with hold_lock(database_url):
            async with only_daemon(store):
                yield


def test_a_file_is_the_same_by_whichever_link_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "data.db").touch()
    (tmp_path / "milestones.db").symlink_to("elsewhere/data.db")
    with (
        hold_lock(f"sqlite:///{tmp_path / 'milestones.db'}"),
        pytest.raises(StoreBusyError, match="is in use by process"),
        hold_lock(f"sqlite:///{tmp_path / 'elsewhere' / 'data.db'}"),
    ):
        pass


async def test_a_second_daemon_is_refused_and_a_third_may_follow(database_url: str) -> None:
    told = f"process {os.getpid()}" if database_url.startswith("sqlite") else "Another daemon"
    async with daemon(database_url):
        with pytest.raises(StoreBusyError, match=told):
            await daemon(database_url).__aenter__()
    async with daemon(database_url):
        pass


class TestLostLock:
    """On PostgreSQL the lock is that of a connection, which the server, an administrator or a network may end."""

    async def test_it_is_taken_again_before_anything_more_is_written(
        self, postgres_database_url: str
    ) -> None:
        async with opened(postgres_database_url) as store, only_daemon(store):
            for number in range(3):
                await end_holder(postgres_database_url)
                async with store.write() as tx:
                    await meta.set_to(tx, "number", str(number))
                assert await holders(postgres_database_url) == 1
            with pytest.raises(StoreBusyError):
                await daemon(postgres_database_url).__aenter__()

    async def test_where_another_daemon_has_it_this_one_writes_nothing_and_stops(
        self, postgres_database_url: str
    ) -> None:
        written: list[str] = []

        async def first() -> None:
            async with opened(postgres_database_url) as store, only_daemon(store):
                ready.set()
                while True:
                    with suppress(StoreUnavailableError):
                        async with store.write() as tx:
                            await meta.set_to(tx, "by", "first")
                        written.append("once")
                    await asyncio.sleep(0)

        async with opened(postgres_database_url) as other:
            ready = asyncio.Event()
            serving = asyncio.create_task(first())
            await ready.wait()
            async with other.connection() as waiting:
                # It stands in the queue for the lock, and so has it before anybody can ask for it again.
                queued = asyncio.create_task(
                    waiting.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _DAEMON})
                )
                while not await holders(postgres_database_url, granted=False):  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0)
                await end_holder(postgres_database_url)
                await queued
                so_far = len(written)
                async with asyncio.timeout(60):
                    with pytest.raises(ExceptionGroup) as stopped:
                        await serving
        assert stopped.group_contains(StoreBusyError, match="so this one stops")
        assert len(written) == so_far, "nothing after the other has it"

    async def test_while_it_cannot_be_taken_again_nothing_is_written(
        self, postgres_database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(daemon_lock, "WAIT_SECONDS", 0.05)
        monkeypatch.setattr(daemon_lock, "AGAIN_SECONDS", 0.01)

        async def write() -> None:
            async with store.write() as tx:
                await meta.set_to(tx, "fact", "kept")

        async with opened(postgres_database_url) as store, only_daemon(store):
            with monkeypatch.context() as without:
                without.setattr(Store, "connection", unavailable)
                await end_holder(postgres_database_url)
                with pytest.raises(StoreUnavailableError, match="lock"):
                    await write()
                assert "lock" in str(await find_trouble(store))
            async with asyncio.timeout(60):
                while await find_trouble(store) is not None:  # noqa: ASYNC110 - nobody tells of it
                    await asyncio.sleep(0)
            await write()

    async def test_a_daemon_that_ends_lets_go_of_it(self, postgres_database_url: str) -> None:
        async with opened(postgres_database_url) as store:
            async with only_daemon(store):
                assert await holders(postgres_database_url) == 1
            assert await holders(postgres_database_url) == 0
            async with store.write() as tx:
                await meta.set_to(tx, "fact", "kept")


def unavailable(_store: Store) -> NoReturn:
    raise StoreUnavailableError("The database cannot be used now: it is a test.")


async def asked(url: str, question: str) -> list[Any]:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        return await (await connection.execute(question.encode())).fetchall()


LOCKS = (
    "FROM pg_locks WHERE locktype = 'advisory' AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)


async def holders(url: str, *, granted: bool = True) -> int:
    """How many connections hold a daemon's lock, or wait for it."""
    ((number,),) = await asked(url, f"SELECT count(*) {LOCKS} AND granted = {granted}")
    return int(number)


async def end_holder(url: str) -> None:
    """What an administrator does, or a server that shuts down; returns when the lock is free or another's."""
    ((pid,),) = await asked(url, f"SELECT pid {LOCKS} AND granted")
    await asked(url, f"SELECT pg_terminate_backend({pid})")
    while (pid,) in await asked(url, f"SELECT pid {LOCKS} AND granted"):  # noqa: ASYNC110 - nobody tells of it
        await asyncio.sleep(0)
