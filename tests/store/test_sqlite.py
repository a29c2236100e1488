"""A store in a file: what is on disk, and what is wrong with it, as a sentence."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from milestones.errors import (
    StoreError,
    StoreUnavailableError,
)
from milestones.store.database import meta as facts
from milestones.store.database.sqlite_loop import Aside
from milestones.store.database.statements import table_of
from milestones.store.database.store import (
    Store,
    find_trouble,
)
from milestones.store.tables import Meta
from tests.store.rules import opened


async def kept(store: Store) -> dict[str, str]:
    meta = table_of(Meta)
    async with store.read() as tx:
        rows = (await tx.execute(select(meta.c.key, meta.c.value).where(meta.c.key != "secret"))).all()
    return {row.key: row.value for row in rows}


def list_files(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


@asynccontextmanager
async def a_store(path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{path}") as store:
        yield store


async def test_what_was_opened_for_somebody_who_was_cancelled_is_closed() -> None:
    aside, opens, closed = Aside(), threading.Event(), list[str]()

    def open_slowly() -> str:
        opens.wait(60)
        return "a connection"

    opening = asyncio.create_task(aside.do(open_slowly, closed.append))
    await asyncio.sleep(0)
    opening.cancel()
    opens.set()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert closed == ["a connection"]
    aside.end()


class TestSqlite:
    async def test_a_store_that_was_closed_is_one_whole_file(self, tmp_path: Path) -> None:
        async with a_store(tmp_path / "shop.db") as store:
            async with store.write() as tx:
                await facts.set_to(tx, "greeting", "hello")
            async with store.glance() as one, store.read() as other:
                await one.execute(text("SELECT 1 FROM meta"))
                await other.execute(text("SELECT 1 FROM meta"))
        assert list_files(tmp_path) == ["shop.db"]

    async def test_a_commit_is_on_disk_and_what_is_deleted_is_overwritten(self, tmp_path: Path) -> None:
        async with a_store(tmp_path / "shop.db") as store, store.write() as tx:
            set_to = [
                (await tx.execute(text(f"PRAGMA {name}"))).scalar_one()
                for name in ("journal_mode", "synchronous", "secure_delete")
            ]
        assert set_to == ["wal", 2, 1]

    async def test_a_full_disk_is_a_sentence_and_the_next_transaction_finds_room(
        self, tmp_path: Path
    ) -> None:
        async def write(size: int) -> None:
            async with store.write() as tx:
                await facts.set_to(tx, "large", "x" * size)

        async with a_store(tmp_path / "shop.db") as store:
            await limited(store, extra_pages=4)
            with pytest.raises(StoreUnavailableError, match="the disk is full; make room, nothing was lost"):
                await write(1_000_000)
            await write(1_000)
            await limited(store, extra_pages=1_000)
            await write(1_000_000)
            assert len((await kept(store))["large"]) == 1_000_000

    async def test_closing_waits_for_a_connection_whose_reader_was_cancelled_while_it_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        opening, may_open = threading.Event(), threading.Event()
        connect: Callable[..., sqlite3.Connection] = sqlite3.connect

        def slow(*args: Any, **options: Any) -> sqlite3.Connection:
            opening.set()
            may_open.wait(60)
            return connect(*args, **options)

        async with a_store(tmp_path / "milestones.db") as store:
            monkeypatch.setattr(sqlite3, "connect", slow)
            reader = asyncio.create_task(find_trouble(store))
            await asyncio.to_thread(opening.wait)
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            closing_it = asyncio.create_task(store.close())
            done, _ = await asyncio.wait([closing_it], timeout=0.1)
            may_open.set()
            await closing_it
            assert not done, "else the thread reports to a loop that may be closed"

    async def test_a_file_that_another_program_holds_is_a_sentence(self, tmp_path: Path) -> None:
        async with a_store(tmp_path / "shop.db") as store:
            async with store.write() as tx:
                await tx.execute(text("PRAGMA busy_timeout = 10"))
            with closing(sqlite3.connect(tmp_path / "shop.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(StoreUnavailableError, match="another program holds the file; close it"):
                    await facts.get_secret(store)
            await facts.get_secret(store)

    async def test_a_file_that_is_no_database_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "shop.db").write_text("Dear diary, " * 1_000)
        store = await Store.open(f"sqlite:///{tmp_path / 'shop.db'}")
        with pytest.raises(StoreUnavailableError, match="the file is no SQLite database"):
            await facts.get_secret(store)
        assert await find_trouble(store)
        await store.close()

    async def test_a_damaged_file_is_a_sentence(self, tmp_path: Path) -> None:
        path = tmp_path / "shop.db"
        async with a_store(path) as store, store.write() as tx:
            await facts.set_to(tx, "large", "x" * 100_000)
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (path.stat().st_size - 4096))
        store = await Store.open(f"sqlite:///{path}")
        with pytest.raises(StoreUnavailableError, match="the file is damaged; restore a backup"):
            await everything(store)
        await store.close()

    async def test_looking_makes_no_file_and_says_what_is_missing(self, tmp_path: Path) -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'none.db'}", read_only=True)
        with pytest.raises(StoreUnavailableError, match="the file cannot be opened; check that the folder"):
            await kept(store)
        assert not (tmp_path / "none.db").exists()
        await store.close()

    async def test_a_schema_that_is_missing_is_a_sentence(self, tmp_path: Path) -> None:
        store = await Store.open(f"sqlite:///{tmp_path / 'empty.db'}")
        with pytest.raises(StoreError, match="the schema is missing; run `milestones db upgrade`"):
            await facts.get_secret(store)
        await store.close()


async def limited(store: Store, *, extra_pages: int) -> None:
    """Let the file grow by so many pages: to SQLite the same as a full disk."""
    async with store.write() as tx:
        pages = (await tx.execute(text("PRAGMA page_count"))).scalar_one()
        await tx.execute(text(f"PRAGMA max_page_count = {pages + extra_pages}"))


async def everything(store: Store) -> None:
    async with store.write() as tx:
        for (name,) in (await tx.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).all():
            await tx.execute(text(f"SELECT count(*), max(rowid) FROM {name}"))
