"""The held resource: transactions that are whole, readers that block nobody, and errors that are sentences."""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, text

from milestones.errors import (
    ConfigurationError,
    StoreRaceError,
    StoreRefusedError,
    StoreUnavailableError,
)
from milestones.store.database import meta as facts
from milestones.store.database.statements import table_of
from milestones.store.database.store import (
    Store,
    Transaction,
    database_url,
    find_trouble,
)
from milestones.store.tables import Account, Meta
from tests.store.rules import opened


async def kept(store: Store) -> dict[str, str]:
    meta = table_of(Meta)
    async with store.read() as tx:
        rows = (await tx.execute(select(meta.c.key, meta.c.value).where(meta.c.key != "secret"))).all()
    return {row.key: row.value for row in rows}


@asynccontextmanager
async def a_store(path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{path}") as store:
        yield store


ADDRESS = "ada@example.com"
HALF_A_ROW = {"site_id": "site", "id": "account", "email": ADDRESS}


class TestTransactions:
    async def test_what_ends_well_is_there_and_what_fails_never_was(self, store: Store) -> None:
        async with store.write() as tx:
            await facts.set_to(tx, "kept", "yes")

        async def failing() -> None:
            async with store.write() as tx:
                await facts.set_to(tx, "lost", "yes")
                raise ArithmeticError

        with pytest.raises(ArithmeticError):
            await failing()
        assert await kept(store) == {"kept": "yes"}

    async def test_a_reader_sees_one_moment_and_waits_for_nobody(self, store: Store) -> None:
        async with store.write() as writing:
            await facts.set_to(writing, "fact", "new")
            assert await kept(store) == {}
        assert await kept(store) == {"fact": "new"}

    async def test_a_reader_sees_the_same_moment_however_long_it_looks(self, store: Store) -> None:
        async with store.write() as writing:
            await facts.set_to(writing, "fact", "old")
        async with store.read() as reading:
            assert await facts.get(reading, "fact") == "old"
            async with store.write() as writing:
                await facts.set_to(writing, "fact", "new")
            assert await facts.get(reading, "fact") == "old"
        assert await kept(store) == {"fact": "new"}

    async def test_writers_do_not_lose_each_others_work(self, store: Store) -> None:
        async def count_up() -> None:
            async with store.write() as tx:
                # Locks the row where there are row locks; SQLite has one writer.
                await tx.execute(text("UPDATE meta SET value = value WHERE key = 'count'"))
                so_far = await facts.get(tx, "count")
                await asyncio.sleep(0)
                await facts.set_to(tx, "count", str(int(so_far or 0) + 1))

        async with store.write() as tx:
            await facts.set_to(tx, "count", "0")
        await asyncio.gather(*(count_up() for _ in range(20)))
        assert await kept(store) == {"count": "20"}

    async def test_a_cancelled_writer_leaves_nothing_and_blocks_nobody(self, store: Store) -> None:
        begun = asyncio.Event()

        async def endless() -> None:
            async with store.write() as tx:
                await facts.set_to(tx, "half", "done")
                begun.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(endless())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with store.write() as tx:
            await facts.set_to(tx, "next", "here")
        assert await kept(store) == {"next": "here"}

    async def test_it_answers_and_the_secret_stays_the_same(self, store: Store) -> None:
        assert await find_trouble(store) is None
        assert await facts.get_secret(store) == await facts.get_secret(store)

    @pytest.mark.parametrize("values", [{}, {"created_at": "no moment"}])
    async def test_an_error_of_what_was_to_be_written_names_nobody(
        self, store: Store, values: dict[str, str]
    ) -> None:
        with pytest.raises(StoreRefusedError) as failed:
            async with store.write() as tx:
                await tx.execute(insert(table_of(Account)), [{**HALF_A_ROW, **values}])
        assert ADDRESS not in "".join(traceback.format_exception(failed.value))

    async def test_a_race_for_a_key_names_nobody(self, postgres_database_url: str) -> None:
        meta = table_of(Meta)
        async with opened(postgres_database_url) as store:
            with pytest.raises(StoreRaceError) as failed:
                async with store.write() as tx:
                    await tx.execute(insert(meta), [{"key": ADDRESS, "value": ""}] * 2)
        assert ADDRESS not in "".join(traceback.format_exception(failed.value))


class TestAddresses:
    @pytest.mark.parametrize(
        ("told", "driver"),
        [
            ("sqlite:///var/shop.db", "sqlite+aiosqlite"),
            ("postgresql://host/shop", "postgresql+psycopg"),
            ("postgres://host/shop", "postgresql+psycopg"),
            ("postgresql+asyncpg://host/shop", "postgresql+psycopg"),
        ],
    )
    def test_the_driver_is_ours_to_choose(self, told: str, driver: str) -> None:
        assert database_url(told).drivername == driver

    def test_another_database_is_refused(self) -> None:
        with pytest.raises(ConfigurationError, match="must be"):
            database_url("mysql://host/shop")

    @pytest.mark.parametrize("name", ["a shop.db", "100%.db", "why?.db", "no#1.db", "größe.db"])
    async def test_a_file_may_have_any_name(self, tmp_path: Path, name: str) -> None:
        async with a_store(tmp_path / name) as store, store.write() as tx:
            await facts.set_to(tx, "fact", "1")
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            assert connection.execute("SELECT value FROM meta WHERE key = 'fact'").fetchone() == ("1",)


class TestPostgresql:
    async def test_a_lost_connection_is_a_sentence_and_the_next_transaction_has_a_new_one(
        self, postgres_database_url: str
    ) -> None:
        async def write_on(tx: Transaction) -> None:
            await facts.set_to(tx, "fact", "lost")
            pid = (await tx.execute(select(func.pg_backend_pid()))).scalar_one()
            async with other.write() as killer:
                await killer.execute(select(func.pg_terminate_backend(pid)))
            await facts.set_to(tx, "fact", "lost too")

        async with opened(postgres_database_url) as store, opened(postgres_database_url) as other:
            with pytest.raises(StoreUnavailableError, match="The database cannot be used now"):
                async with store.write() as tx:
                    await write_on(tx)
            async with store.write() as tx:
                await facts.set_to(tx, "fact", "kept")
            assert await kept(store) == {"fact": "kept"}

    async def test_when_all_connections_are_in_use_it_is_a_sentence(self, postgres_database_url: str) -> None:
        store = await Store.open(postgres_database_url, pool=1)
        store._reader.sync_engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # it is that of a queue
        async with store.write(), store.write():
            with pytest.raises(StoreUnavailableError, match="all connections to it are in use"):
                async with store.write():
                    raise AssertionError("there was a third connection")
        await store.close()

    async def test_a_server_that_is_not_there_is_a_sentence_without_the_password(self) -> None:
        store = await Store.open("postgresql://shop:hush@127.0.0.1:1/shop")
        with pytest.raises(StoreUnavailableError) as failed:
            await facts.get_secret(store)
        assert "hush" not in str(failed.value)
        assert await find_trouble(store)
        await store.close()
