"""How SQLite is opened: what every connection is set to, and threads that have ended when the loop does."""

import asyncio
import os
import sqlite3
from collections.abc import Callable
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
from milestones.store.database.failures import drop_connections
from milestones.store.database.fence import OpenFile

BUSY_TIMEOUT = 5000
"""Milliseconds for which SQLite waits for others."""

DRIVER = "sqlite+aiosqlite"


class Connecting:
    """Makes connections, each of which has a thread of its own, and knows which of them are ending."""

    def __init__(self) -> None:
        self._ending: set[asyncio.Future[Any]] = set()

    def to(self, path: Path, mode: str) -> aiosqlite.Connection:
        """A connection to a file, which opens when it is awaited."""
        location = f"file:{_quote(path)}?mode={mode}"
        connect = partial(sqlite3.connect, location, uri=True, check_same_thread=False)
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


def writer(path: Path, connecting: Connecting, file: OpenFile) -> AsyncEngine:
    """The one connection that writes. file: is told when it is open, and when closed."""
    made = engine(path, connecting, mode="rw", begin="BEGIN IMMEDIATE")

    @event.listens_for(made.sync_engine, "begin")
    def begun(_connection: Any) -> None:
        file.note_begin()

    @event.listens_for(made.sync_engine, "close")
    def closed(_connection: Any, _record: Any) -> None:
        file.note_close()

    return made


def engine(path: Path, connecting: Connecting, *, mode: str, begin: str) -> AsyncEngine:
    """An engine for transactions that start with ``begin``.

    mode: ``ro``, or ``rw`` for the one connection that writes; that stays open, while readers come and go. Neither makes a
    file: where one is missing, an empty one would take what belongs into the other.
    """
    options: dict[str, Any] = {"pool_size": 1, "max_overflow": 0} if mode == "rw" else {"poolclass": NullPool}
    url = URL.create(DRIVER, database=os.fspath(path))
    creator = partial(connecting.to, path, mode)
    made = create_async_engine(url, async_creator=creator, hide_parameters=True, **options)

    @event.listens_for(made.sync_engine, "connect")
    def connected(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        with ExitStack() as unless_set_up:
            # Nobody else would: the pool has not taken it over yet, and it has a thread of its own.
            unless_set_up.callback(connection.close)
            _set_up(connection, writes=mode == "rw")
            unless_set_up.pop_all()

    @event.listens_for(made.sync_engine, "begin")
    def begun(connection: Any) -> None:
        connection.exec_driver_sql(begin)

    drop_connections(made.sync_engine)
    return made


def _set_up(connection: Any, *, writes: bool) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    if writes:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _quote(path: Path) -> str:
    return os.fspath(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
