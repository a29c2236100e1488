"""The held resource: one database, SQLite in a file or PostgreSQL.

On SQLite there is one writing connection: a pool of writers made an acknowledgement take ten times as long.
"""

import asyncio
import functools
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.exc import (
    DBAPIError,
    PendingRollbackError,
    ResourceClosedError,
    StatementError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from milestones.config.database import PostgresAddress, read_address
from milestones.domain.account import Definitions
from milestones.domain.milestone import Milestone
from milestones.errors import (
    ConfigurationError,
    StoreError,
    StoreRaceError,
    StoreRefusedError,
    StoreUnavailableError,
)
from milestones.failpoints import reach
from milestones.store.database import postgres, sqlite, sqlite_loop
from milestones.store.database.failures import failure
from milestones.store.database.fence import Fence, OpenFile

P = ParamSpec("P")
T = TypeVar("T")

Transaction = AsyncConnection
"""What the functions of this package take first. It ends with the ``async with`` of ``Store.write`` or ``read``."""


def database_url(text_url: str) -> URL:
    """The URL with the driver that this program uses. Raises ConfigurationError for what is no address."""
    try:
        address = read_address(text_url)
    except ValueError as error:
        raise ConfigurationError([f"daemon.database: {error}."]) from None
    if isinstance(address, PostgresAddress):
        return postgres.url(address)
    # A path is taken as it is: to a URL, the `?`, `#` and `%` of a folder's name would mean something.
    return URL.create(sqlite.DRIVER, database=os.fspath(address))


def database_file(url: URL) -> Path | None:
    """The file of a SQLite database; None for PostgreSQL."""
    if url.get_backend_name() != "sqlite":
        return None
    return Path(url.database or "")


@dataclass(frozen=True, slots=True)
class InForce:
    """The definitions of a site as they were last read, and for how long they hold.

    changes: how often they had been changed (``Site.definitions``). milestones: the configuration that they are of.
    """

    changes: int
    milestones: Sequence[Milestone]
    definitions: Definitions


class Store:
    """Transactions on one database. Build it with ``Store.open`` and close it; nothing connects before that.

    in_force: what was read of sites that need not be read again for every event, by their ids.
    fences: what is asked before anything is written, and again around its commit.
    """

    def __init__(
        self,
        url: URL,
        writer: AsyncEngine | None,
        reader: AsyncEngine,
        glancer: AsyncEngine | None = None,
        connecting: sqlite.Connecting | None = None,
    ) -> None:
        self.url = url
        self._writer = writer
        self._reader = reader
        self._glancer = glancer or reader
        self._connecting = connecting
        self.in_force: dict[str, InForce] = {}
        self.fences: list[Fence] = []
        # SQLite allows one writer; waiting here is fair, waiting inside SQLite is a lottery with time-outs.
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if database_file(url) is not None else nullcontext()
        )

    @classmethod
    async def open(cls, text_url: str, *, read_only: bool = False, pool: int = 8) -> Self:
        """Prepare the connections. The schema is checked by ``store.database.schema``, not here."""
        url = database_url(text_url)
        path = database_file(url)
        if path is None:
            engine = postgres.engine(url, pool)
            # A writer sees what others commit meanwhile, behind whose locks it waited; a reader sees one moment.
            reader = engine.execution_options(isolation_level="REPEATABLE READ")
            return cls(url, None if read_only else engine, reader)
        connecting = sqlite.Connecting()
        reader = sqlite.reader(path, connecting)
        if read_only:
            return cls(url, None, reader, connecting=connecting)
        sqlite.make(path)
        file = OpenFile(path)
        store = cls(url, sqlite.writer(path, file), reader, sqlite.glancer(path), connecting)
        store.fences.append(file)
        return store

    async def close(self) -> None:
        """Give the connections back, each of them also where another will not go."""
        async with AsyncExitStack() as closing:
            # Last: whoever closes a SQLite file last writes its log into it, which who only reads cannot.
            if self._writer is not None:
                closing.callback(sqlite_loop.end, self._writer)
                closing.push_async_callback(self._writer.dispose)
            if self._connecting is not None:
                closing.push_async_callback(self._connecting.wait)
            closing.push_async_callback(self._reader.dispose)
            closing.callback(sqlite_loop.end, self._glancer)
            closing.push_async_callback(self._glancer.dispose)

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Begin a transaction: committed with full durability at the end, or nothing of it was.

        Raises StoreUnavailableError when the database cannot take it.
        """
        assert self._writer is not None, "a read-only store was asked to write"
        async with self._turn:
            for fence in self.fences:
                await fence.open()
            reach("store.before_begin")
            with sentences():
                async with self._writer.begin() as connection:
                    yield connection
                    reach("store.before_commit")
                    self.require()
                reach("store.committed")
            self.require()

    def require(self) -> None:
        """Raise StoreUnavailableError unless something may be written now."""
        for fence in self.fences:
            fence.require()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[AsyncConnection]:
        """Open a connection of one's own, to hold something as long as its transaction lives. Raises StoreUnavailableError;
        what is done on it stands in ``sentences`` of its own.
        """
        assert self._writer is not None, "a read-only store was asked to hold something"
        async with AsyncExitStack() as stack:
            with sentences():
                connection = await stack.enter_async_context(self._writer.connect())
            yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Open a consistent view that never blocks a writer."""
        with sentences():
            async with self._reader.connect() as connection:
                yield connection

    @asynccontextmanager
    async def glance(self) -> AsyncIterator[Transaction]:
        """As ``read``, for what takes microseconds and is asked again and again: on SQLite without a thread of its own,
        so that whoever reads more than some rows keeps everybody waiting.
        """
        self.require()
        with sentences():
            async with self._glancer.connect() as connection:
                await connection.begin()
                yield connection

    async def empty_log(self) -> bool:
        """Write SQLite's log of changes (WAL) into the file and cut it to nothing: it holds what was overwritten.

        False where a reader needs it just now; ask again later. PostgreSQL keeps its own, see docs/privacy.md.
        """
        return await self._alone(sqlite_loop.empty_log) is not False

    async def rewrite(self) -> None:
        """Write a SQLite database anew, without what its pages hold beside rows. Other writers wait meanwhile.

        ``secure_delete`` overwrites what is deleted, and yet a page that SQLite has balanced may keep a copy of a
        row that moved to another: of 2,000 addresses erased among 20,000, 7 were still in the file. Raises
        StoreUnavailableError.
        """
        await self._alone(sqlite_loop.rewrite)

    async def _alone(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """Do it with the writing connection of SQLite, aside, outside of a transaction; None on PostgreSQL."""
        if database_file(self.url) is None:
            return None
        assert self._writer is not None, "a read-only store was asked to write"
        async with self._turn:
            self.require()
            with sentences():
                async with self._writer.connect() as connection:
                    driver: Any = (await connection.get_raw_connection()).driver_connection
                    try:
                        return await sqlite_loop.aside(self._writer).do(lambda: work(driver))
                    except sqlite3.Error as error:
                        raise DBAPIError(None, None, error) from error


@contextmanager
def sentences() -> Iterator[None]:
    """Turns the driver's errors into those of ``milestones.errors``. Everything that speaks to a database does it in
    here; the transaction is already undone when the sentence is read.
    """
    try:
        yield
    except PoolTimeoutError as error:
        raise StoreUnavailableError(
            "The database cannot be used now: all connections to it are in use; if that lasts, it is too slow."
        ) from error
    except DBAPIError as error:
        # Not "from": the driver's own message may quote the row, and it may end up in a log.
        raise failure(error).with_traceback(error.__traceback__) from None
    except StatementError as error:
        told = type(error.orig).__name__
        refused = StoreRefusedError(f"The database cannot hold what was to be written ({told}).")
        raise refused.with_traceback(error.__traceback__) from None
    except (PendingRollbackError, ResourceClosedError, OSError) as error:
        raise StoreUnavailableError(
            f"The database cannot be used now: the connection was lost ({type(error).__name__})."
        ) from error


TRIES = 4
"""How often what met another writer is tried in all."""

FIRST_WAIT, LONGEST_WAIT = 0.005, 0.1
"""Seconds before it is tried again, with as much again by chance, so that the same two do not meet once more."""


def retry_races(work: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Repeat a whole transaction that met another writer. For functions whose every effect is in it."""

    @functools.wraps(work)
    async def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        # Imported here because whoever only reads needs none of it.
        import stamina  # noqa: PLC0415

        attempts = stamina.retry_context(
            on=StoreRaceError,
            attempts=TRIES,
            timeout=None,
            wait_initial=FIRST_WAIT,
            wait_jitter=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
        )
        async for attempt in attempts:
            with attempt:
                return await work(*args, **kwargs)
        raise AssertionError("stamina either returns from the block or raises")

    return repeated


_QUESTIONS = {
    # SQLite could answer simpler ones without opening its file.
    "sqlite": "SELECT count(*) = -1 FROM sqlite_master",
    "postgresql": "SELECT current_setting('transaction_read_only') = 'on'",
}


async def find_trouble(store: Store) -> str | None:
    """Why nothing can be read or written now, as a sentence; None where nothing is known against it."""
    try:
        store.require()
        async with store.read() as tx:
            only_reads = (await tx.execute(text(_QUESTIONS[tx.dialect.name]))).scalar_one()
    except StoreError as error:
        return str(error)
    return "The database is read-only now; what is to be written waits." if only_reads else None
