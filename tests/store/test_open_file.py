"""The file of a SQLite database that is open: what is done to it from outside must not cost what was acknowledged."""

import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path

import pytest

from milestones.errors import StoreUnavailableError
from milestones.store.database import meta
from milestones.store.database.store import Store, find_trouble
from tests.store.rules import opened

Back = Callable[[], object]
"""Undoes what happened."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "var"
    found.mkdir()
    return found


@pytest.fixture
async def store(folder: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{folder / 'shop.db'}") as found:
        await write(found, "before")
        yield found


async def write(store: Store, value: str) -> None:
    async with store.write() as tx:
        await meta.set_to(tx, "fact", value)


def in_the_file(folder: Path) -> str:
    with closing(sqlite3.connect(folder / "shop.db")) as connection:
        (value,) = connection.execute("SELECT value FROM meta WHERE key = 'fact'").fetchone()
    return str(value)


def removed(folder: Path) -> Back:
    kept = folder / "kept.db"
    os.link(folder / "shop.db", kept)
    (folder / "shop.db").unlink()
    return lambda: os.link(kept, folder / "shop.db")


def moved(folder: Path) -> Back:
    (folder / "shop.db").rename(folder / "elsewhere.db")
    return lambda: (folder / "elsewhere.db").replace(folder / "shop.db")


def replaced(folder: Path) -> Back:
    back = moved(folder)
    shutil.copy(folder / "elsewhere.db", folder / "shop.db")
    return back


def emptied(folder: Path) -> Back:
    back = moved(folder)
    (folder / "shop.db").touch()
    return back


def folder_renamed(folder: Path) -> Back:
    other = folder.rename(folder.with_name("elsewhere"))
    return lambda: other.rename(folder)


def folder_replaced(folder: Path) -> Back:
    other = folder.rename(folder.with_name("elsewhere"))
    shutil.copytree(other, folder)

    def back() -> object:
        shutil.rmtree(folder)
        return other.rename(folder)

    return back


def log_moved(folder: Path) -> Back:
    log = folder / "shop.db-wal"
    log.rename(folder / "log")
    return lambda: (folder / "log").rename(log)


EVENTS = [removed, moved, replaced, emptied, folder_renamed, folder_replaced, log_moved]


@pytest.mark.parametrize("happens", EVENTS)
async def test_nothing_is_acknowledged_that_would_be_lost_and_it_goes_on_when_all_is_put_back(
    store: Store, folder: Path, happens: Callable[[Path], Back]
) -> None:
    back = happens(folder)
    for _ in range(2):
        with pytest.raises(StoreUnavailableError, match=r"shop\.db"):
            await write(store, "into nothing")
    assert "shop.db" in str(await find_trouble(store))
    back()
    assert await find_trouble(store) is None
    await write(store, "after")
    assert in_the_file(folder) == "after"


@pytest.mark.parametrize("happens", EVENTS)
async def test_what_happens_within_a_transaction_is_noticed_before_it_is_acknowledged(
    store: Store, folder: Path, happens: Callable[[Path], Back]
) -> None:
    async def interrupted() -> Back:
        async with store.write() as tx:
            await meta.set_to(tx, "fact", "into nothing")
            undo.append(happens(folder))
        raise AssertionError("it was acknowledged")

    undo: list[Back] = []
    with pytest.raises(StoreUnavailableError):
        await interrupted()
    undo[0]()
    await write(store, "after")
    assert in_the_file(folder) == "after"


async def test_a_lost_connection_does_not_adopt_another_file(store: Store, folder: Path) -> None:
    back = replaced(folder)
    assert store._writer is not None
    await store._writer.dispose()
    with pytest.raises(StoreUnavailableError, match="was removed or replaced"):
        await write(store, "into another")
    back()
    await write(store, "after")
    assert in_the_file(folder) == "after"


async def test_a_new_connection_may_make_its_log_anew(store: Store, folder: Path) -> None:
    assert store._writer is not None
    await store._writer.dispose()
    await store._reader.dispose()
    assert not (folder / "shop.db-wal").exists()
    await write(store, "after")
    assert in_the_file(folder) == "after"
