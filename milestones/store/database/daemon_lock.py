"""One process at a time on a SQLite file, and one daemon at a time on a PostgreSQL database."""

import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy import text

from milestones.errors import StoreBusyError, StoreUnavailableError
from milestones.store.database.store import Store, database_file, database_url

_LONGEST_PID = 20


@contextmanager
def held(text_url: str) -> Iterator[None]:
    """Hold the lock file beside the database. PostgreSQL needs none: its writers are many by design.

    The system lets go of the lock when the process ends, however it ends. Raises StoreBusyError, which names the
    process that holds it, and StoreUnavailableError where the file cannot be made.
    """
    database = database_file(database_url(text_url))
    if database is None:
        yield
        return
    handle = _opened(database)
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


def _opened(database: Path) -> int:
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


@asynccontextmanager
async def only_daemon(store: Store) -> AsyncIterator[None]:
    """Be the one daemon on a PostgreSQL database, for as long as its connection lives. Raises StoreBusyError.

    On SQLite ``held`` has seen to it.
    """
    if database_file(store.url) is not None:
        yield
        return
    async with store.connection() as connection:
        mine = await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _DAEMON})
        if not mine.scalar_one():
            raise StoreBusyError("Another daemon works on this PostgreSQL database. Stop it first.")
        try:
            yield
        finally:
            # The connection goes back to its pool, and would hold the lock there.
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _DAEMON})
