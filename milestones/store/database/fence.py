"""What must be so before anything is written: that it goes where it belongs, and that it is ours to write."""

from pathlib import Path
from typing import Protocol

from milestones.errors import StoreUnavailableError


class Fence(Protocol):
    """Stands in front of every transaction that writes."""

    async def open(self) -> None:
        """Return when something may be written; wait a little where that may help. Raises StoreUnavailableError."""

    def require(self) -> None:
        """Raise StoreUnavailableError unless something may be written now. Asked before a commit and after it, so that
        nobody acts on what was committed too late or into nothing.
        """


class OpenFile:
    """The file that a writer of SQLite has open, and its log (WAL).

    A file that is removed or moved away stays open, and takes every transaction into nothing. One that was put into
    its place is another database, which knows nothing of what was acknowledged since.
    """

    def __init__(self, path: Path) -> None:
        self._file = path
        self._log = path.with_name(f"{path.name}-wal")
        self._known: dict[Path, tuple[int, int]] = {}

    async def open(self) -> None:
        """As ``require``: to wait is of no use, and who asked is to be told at once."""
        self.require()

    def note_begin(self) -> None:
        """Note which file and log are open, since a transaction has begun. The file is the first one for ever."""
        for path in (self._file, self._log):
            if path not in self._known:
                self._known[path] = _identity(path)

    def note_close(self) -> None:
        """Forget the log, which may be gone with the connection: the next one makes another."""
        self._known.pop(self._log, None)

    def require(self) -> None:
        """Raise StoreUnavailableError where the file or its log is not the one that is open."""
        for path, known in self._known.items():
            try:
                result = _identity(path)
            except OSError as error:
                raise StoreUnavailableError(
                    f"The database cannot be used now: {path} was removed or moved away while it was open "
                    f"({error.strerror}). Put it back, or stop the daemon and restore a backup."
                ) from error
            if result != known:
                raise StoreUnavailableError(
                    f"The database cannot be used now: {path} was removed or replaced while it was open. Put the "
                    "former one back; or restart the daemon to go on with what is there, which may lack the newest."
                )


def _identity(path: Path) -> tuple[int, int]:
    result = path.stat()
    return result.st_dev, result.st_ino
