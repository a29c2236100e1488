"""One process at a time on a SQLite file, and one daemon at a time on a PostgreSQL database."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from milestones.errors import StoreBusyError, StoreUnavailableError
from milestones.store.database.store import Store, database_file, database_url, sentences

_LONGEST_PID = 20


@contextmanager
def hold_lock(text_url: str) -> Iterator[None]:
    """Hold the lock file beside the database. PostgreSQL needs none: its writers are many by design.

    The system lets go of the lock when the process ends, however it ends. Raises StoreBusyError, which names the
    process that holds it, and StoreUnavailableError where the file cannot be made.
    """
    database = database_file(database_url(text_url))
    if database is None:
        yield
        return
    handle = _open(database)
    try:
        _lock(handle, database)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        # The file stays: to remove it would take the lock from under a process that has just opened it.
        os.close(handle)


def lock_file(database: Path) -> Path:
    """Where the lock of a database is: beside the file itself, whatever links lead to it."""
    file = database.resolve()
    return file.with_name(f"{file.name}.lock")


def _open(database: Path) -> int:
    path = lock_file(database)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailableError(
            f"The lock file {path} cannot be opened ({error.strerror}). "
            "Check that the folder of daemon.database exists and may be written by this user."
        ) from error


def _lock(handle: int, database: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(handle, _LONGEST_PID, 0).decode("ascii", "replace").strip()
        holder = f"process {pid}" if pid else "another process"
        raise StoreBusyError(
            f"The database {database} is in use by {holder}. Only one daemon or changing command works on it "
            "at a time: stop that process, or wait until it ends."
        ) from None


_DAEMON = 0x6D696C6573746F6E
"""The key of the advisory lock ("mileston" in ASCII); PostgreSQL keeps it for each database apart."""


WAIT_SECONDS = 5.0
"""For how long a transaction waits for a lock that is being taken again, which takes milliseconds as a rule."""

LOOK_SECONDS = 5.0
"""How often the server is asked. A connection that it closes is noticed at once."""

ANSWER_SECONDS = 5.0
AGAIN_SECONDS = 1.0

_OTHER = "Another daemon works on this PostgreSQL database."

_NEVER_IDLE = (
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN "
    "('idle_in_transaction_session_timeout', 'transaction_timeout', 'idle_session_timeout')"
)

log = structlog.get_logger()


@asynccontextmanager
async def only_daemon(store: Store) -> AsyncIterator[None]:
    """Be the one daemon on a PostgreSQL database. Raises StoreBusyError, also later: when the lock was lost and
    another daemon has it. On SQLite ``hold_lock`` has seen to it.
    """
    if database_file(store.url) is not None:
        yield
        return
    lock = DaemonLock(store)
    connection = await lock.take(f"{_OTHER} Stop it first.")
    try:
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(lock.keep(connection))
            store.fences.append(lock)
            try:
                yield
            finally:
                store.fences.remove(lock)
                keeping.cancel()
    finally:
        await lock.release()


class DaemonLock:
    """The lock of a daemon on PostgreSQL, and the fence that closes while it is not held.

    The server lets go of it when the connection ends, whoever ends it, and another daemon may have it at once. So the
    connection's socket is watched: before anything more is written, the lock is taken again, or this daemon stops.

    It is that of a transaction which stays open, and not of a session: behind a pooler, a session is whichever
    connection of the server is free, while a transaction keeps its own. It has read nothing, so it holds up no vacuum.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._mine = asyncio.Event()
        self._connected = AsyncExitStack()

    async def open(self) -> None:
        """Wait while the lock is being taken again. Raises StoreUnavailableError when that takes long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WAIT_SECONDS):
                await self._mine.wait()
        self.require()

    def require(self) -> None:
        """Raise StoreUnavailableError unless the lock is held, as far as this process can know."""
        if not self._mine.is_set():
            raise StoreUnavailableError(
                "The database cannot be used now: the daemon's lock on it was lost, and is taken again first."
            )

    async def take(self, refusal: str) -> AsyncConnection:
        """Take it. Raises StoreBusyError with the sentence where another daemon has it, and StoreUnavailableError."""
        async with AsyncExitStack() as stack:
            connection = await stack.enter_async_context(self._store.connection())
            with sentences():
                await connection.execute(text(_NEVER_IDLE))
                asked = text("SELECT pg_try_advisory_xact_lock(:key)")
                mine = (await connection.execute(asked, {"key": _DAEMON})).scalar_one()
            if not mine:
                raise StoreBusyError(refusal)
            self._mine.set()
            self._connected = stack.pop_all()
            return connection

    async def release(self) -> None:
        """Let go of it."""
        self._mine.clear()
        await self._connected.aclose()

    async def keep(self, connection: AsyncConnection) -> None:
        """Take it again whenever it is lost. Ends with StoreBusyError when another daemon has it."""
        while True:
            try:
                await self._watch(connection)
            except StoreUnavailableError as error:
                log.warning("daemon_lock_lost", reason=str(error))
            await self.release()
            connection = await self._again()
            log.info("daemon_lock_taken_again")

    async def _again(self) -> AsyncConnection:
        while True:
            try:
                return await self.take(f"{_OTHER} It has the lock that this one lost, so this one stops.")
            except StoreUnavailableError:
                await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self, connection: AsyncConnection) -> None:
        """Return never; raises StoreUnavailableError when the connection is gone."""
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None, "it was just used"
        while True:
            await self._listen(driver.fileno())
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    with sentences():
                        await connection.execute(text("SELECT 1"))
            except TimeoutError:
                raise StoreUnavailableError("The server does not answer on the lock's connection.") from None
            self._mine.set()

    async def _listen(self, socket: int) -> None:
        """Return when the server says something of its own accord, which is mostly its last word, or after a while."""
        loop, word_came = asyncio.get_running_loop(), asyncio.Event()

        def on_word() -> None:
            # Here and not in a task, which would have its turn after those that are about to write.
            self._mine.clear()
            word_came.set()

        loop.add_reader(socket, on_word)
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await word_came.wait()
        except TimeoutError:
            pass
        finally:
            loop.remove_reader(socket)
