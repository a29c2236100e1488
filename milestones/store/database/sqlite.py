"""How SQLite is opened: what every connection is set to, and threads that have ended when the loop does."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import aiosqlite
from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from milestones.errors import StoreUnavailableError
from milestones.store.database import sqlite_loop
from milestones.store.database.failures import drop_connections
from milestones.store.database.fence import OpenFile
from milestones.store.database.sqlite_loop import LoopConnection

DRIVER = "sqlite+aiosqlite"


class Connecting:
    """Makes connections that read, each of which has a thread of its own, and knows which of them are ending."""

    def __init__(self) -> None:
        self._ending: set[asyncio.Future[Any]] = set()

    def to(self, path: Path) -> aiosqlite.Connection:
        """A connection that reads a file, which opens when it is awaited."""
        connect = partial(sqlite3.connect, _location(path, "ro"), uri=True, check_same_thread=False)
        return _Connection(connect, self._ending)

    async def wait(self) -> None:
        """Wait until no thread has anything left to tell to this loop."""
        await asyncio.gather(*self._ending)


class _Connection(aiosqlite.Connection):
    """One whose end can be waited for. Where the opening of a connection is cancelled, the library orders its thread to
    stop and waits for nothing; the loop may be closed when the thread reports to it, which is a traceback.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], ending: set[asyncio.Future[Any]]) -> None:
        super().__init__(connect, iter_chunk_size=64)
        # As SQLAlchemy does with those that it makes itself: one that is lost must not keep the process.
        self._thread.daemon = True
        self._ending = ending

    def stop(self) -> asyncio.Future[Any] | None:
        """Order the thread to stop; ``Connecting.wait`` waits for it."""
        future = super().stop()
        if future is not None and future.get_loop().is_running():
            self._ending.add(future)
            future.add_done_callback(self._ending.discard)
        return future


def make(path: Path) -> None:
    """Make an empty file for its owner alone, since customers will be in it. SQLite gives its other files the same mode.

    Raises StoreUnavailableError.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            path.touch(mode=0o600)
    except OSError as error:
        raise StoreUnavailableError(
            f"The folder of the database cannot be made: {error.filename}: {error.strerror}. Check daemon.database."
        ) from error


def writer(path: Path, file: OpenFile) -> AsyncEngine:
    """The one connection that writes, and stays open. file: is told when it is open, and when closed."""
    durable = ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
    made = _on_the_loop(path, "rw", sqlite_loop.BEGIN, durable, pool_size=1, max_overflow=0)

    @event.listens_for(made.sync_engine, "begin")
    def begun(_connection: Any) -> None:
        file.note_begin()

    @event.listens_for(made.sync_engine, "close")
    def closed(_connection: Any, _record: Any) -> None:
        file.note_close()

    return made


def glancer(path: Path) -> AsyncEngine:
    """Connections for a few rows at a time, beside the writer, which stay open."""
    return _on_the_loop(path, "ro", "BEGIN", (), pool_size=4, max_overflow=100)


def _on_the_loop(path: Path, mode: str, begin: str, pragmas: Sequence[str], **pool: int) -> AsyncEngine:
    def open_file() -> sqlite3.Connection:
        where = _location(path, mode)
        connection = sqlite3.connect(where, uri=True, check_same_thread=False, factory=LoopConnection)
        # To open it may wait for others; what runs on the loop later must not.
        _set_up(connection, f"busy_timeout = {sqlite_loop.BUSY_TIMEOUT}", *pragmas, "busy_timeout = 0")
        return connection

    def connect() -> sqlite3.Connection:
        return sqlite_loop.open_aside(made, open_file)

    url = URL.create(sqlite_loop.DRIVER, database=os.fspath(path))
    made = create_async_engine(url, creator=connect, hide_parameters=True, **pool)

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    drop_connections(made.sync_engine)
    return made


def reader(path: Path, connecting: Connecting) -> AsyncEngine:
    """Connections that read, each for one transaction. Neither this nor the writer makes a file: where one is missing, an
    empty one would take what belongs into the other.
    """
    url = URL.create(DRIVER, database=os.fspath(path))
    creator = partial(connecting.to, path)
    made = create_async_engine(url, async_creator=creator, hide_parameters=True, poolclass=NullPool)

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        _set_up(connection, f"busy_timeout = {sqlite_loop.BUSY_TIMEOUT}")

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN")

    drop_connections(made.sync_engine)
    return made


def _set_up(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None
    with ExitStack() as unless_set_up:
        # Nobody else would: the pool has not taken it over yet, and it may have a thread of its own.
        unless_set_up.callback(connection.close)
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
        unless_set_up.pop_all()


def _location(path: Path, mode: str) -> str:
    return f"file:{_quote(path)}?mode={mode}"


def _quote(path: Path) -> str:
    return os.fspath(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
