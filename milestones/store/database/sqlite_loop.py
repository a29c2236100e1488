"""SQLite without a thread between: a transaction's statements run where they are called.

A statement of a transaction that writes takes microseconds, and to hand it to a thread and to hear of its end takes a
hundred. So only what waits leaves the event loop: for the disk, at the commit, or for another program that holds the
file, at the beginning.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import pool
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import await_

T = TypeVar("T")

DRIVER = "sqlite+loop"

BUSY_TIMEOUT = 5000
"""Milliseconds for which SQLite waits for others."""

BEGIN = "BEGIN IMMEDIATE"


class Aside:
    """A thread for what would keep the loop waiting, one thing after the other."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    async def do(self, work: Callable[[], T], undo: Callable[[T], None] = lambda _: None) -> T:
        """Do it there, and wait for its end also when cancelled: nobody may touch the connection before.

        undo: what is done then with a result that nobody takes.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "sqlite")
        doing = asyncio.get_running_loop().run_in_executor(self._thread, work)
        cancelled: asyncio.CancelledError | None = None
        while not doing.done():
            try:
                await asyncio.shield(doing)
            except asyncio.CancelledError as error:
                cancelled = error
            except Exception:  # noqa: BLE001, S110 - it is raised below
                pass
        if cancelled is not None:
            # The error of what was done is of no interest any more, and has been seen.
            if doing.exception() is None:
                undo(doing.result())
            raise cancelled
        return doing.result()

    def end(self) -> None:
        """Let the thread go."""
        if self._thread is not None:
            self._thread.shutdown()


async def _nothing() -> None:
    """SQLAlchemy takes a driver that never awaits for one that is not made for asyncio."""


class LoopDialect(SQLiteDialect_pysqlite):
    """SQLAlchemy's SQLite, with ``Aside`` for what waits."""

    driver = "loop"
    is_async = True
    supports_statement_cache = True

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.aside = Aside()

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """One that waits without keeping the loop."""
        del url
        return pool.AsyncAdaptedQueuePool

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement here. The beginning of a transaction is tried here, and waited for aside."""
        del context
        await_(_nothing())
        try:
            cursor.execute(statement, parameters)
        except sqlite3.OperationalError as error:
            if statement != BEGIN or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            await_(self.aside.do(lambda: patiently(cursor, statement)))

    def do_executemany(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Run a statement for many rows here."""
        del context
        await_(_nothing())
        cursor.executemany(statement, parameters)

    def do_commit(self, dbapi_connection: Any) -> None:
        """Wait for the disk aside."""
        await_(self.aside.do(dbapi_connection.commit))


class LoopConnection(sqlite3.Connection):
    """A connection of ``LoopDialect``."""

    def cursor(self, factory: Any = None) -> Any:
        """A cursor of the form that SQLAlchemy's asyncio asks for."""
        return super().cursor(factory or _Cursor)


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """There is nothing to wait for."""


def aside(engine: AsyncEngine) -> Aside:
    """The thread of an engine of this dialect."""
    dialect = engine.dialect
    assert isinstance(dialect, LoopDialect)
    return dialect.aside


def open_aside(engine: AsyncEngine, work: Callable[[], sqlite3.Connection]) -> sqlite3.Connection:
    """Open a connection on the thread of an engine, within what SQLAlchemy runs for this engine."""
    return await_(aside(engine).do(work, sqlite3.Connection.close))


def end(engine: AsyncEngine) -> None:
    """Let the thread of an engine go, if it has one."""
    if isinstance(engine.dialect, LoopDialect):
        engine.dialect.aside.end()


def patiently(cursor: sqlite3.Connection | sqlite3.Cursor, statement: str) -> None:
    """Run a statement that may wait for other programs; not on the loop."""
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT}")
    try:
        cursor.execute(statement)
    finally:
        cursor.execute("PRAGMA busy_timeout = 0")


def empty_log(connection: sqlite3.Connection) -> bool:
    """Write the log (WAL) into the file and cut it to nothing; False where a reader needs it. Not on the loop."""
    (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy


def rewrite(connection: sqlite3.Connection) -> None:
    """Write the file anew. Not on the loop."""
    patiently(connection, "VACUUM")


registry.register("sqlite.loop", __name__, LoopDialect.__name__)
