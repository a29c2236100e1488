"""Mails as files, for trying out and for tests: one ``.eml`` for each, named after its Message-ID."""

import asyncio
import hashlib
import os
from pathlib import Path

from milestones import effects
from milestones.errors import MailError
from milestones.kinds.email.transport import Carried


class FolderTransport:
    """A folder in place of a mail server. A repeated message replaces itself."""

    connections = 4

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(
        self, message: bytes, *, message_id: str, sender: str, recipient: str, within: float | None = None
    ) -> None:
        """Writes the file whole or not at all; it survives a power cut. Raises MailError, never lost."""
        del sender, recipient, within
        await effects.begin()
        await asyncio.to_thread(self._write, self._path(message_id), message)

    async def was_carried(self, message_id: str) -> Carried:
        """Whether the file is there. Half of one, which a crash has left, is removed. Raises MailError."""
        path = self._path(message_id)
        if await asyncio.to_thread(path.is_file):
            return Carried.YES
        await asyncio.to_thread(self._remove, path.with_suffix(".partial"))
        return Carried.NO

    async def read(self, message_id: str) -> bytes | None:
        """The message with this Message-ID, or None if there is none."""
        try:
            return await asyncio.to_thread(self._path(message_id).read_bytes)
        except FileNotFoundError:
            return None

    async def delete(self, message_id: str) -> None:
        """Remove the message with this Message-ID, if there is one. Raises MailError."""
        path = self._path(message_id)
        # What a power cut has left half-written goes as well.
        for one in (path.with_suffix(".partial"), path):
            await asyncio.to_thread(self._remove, one)

    async def aclose(self) -> None:
        """Do nothing: nothing is held open."""

    def _path(self, message_id: str) -> Path:
        # A hash, since a Message-ID is text from a key and may hold what a file system takes for a path.
        return self._folder / f"{hashlib.sha256(message_id.encode()).hexdigest()[:32]}.eml"

    def _remove(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise MailError(
                f"A mail in {self._folder} cannot be deleted ({error.strerror}). Check who owns the folder.",
                connection_wide=True,
            ) from error

    def _write(self, path: Path, message: bytes) -> None:
        partial = path.with_suffix(".partial")
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with open(partial, "wb", opener=_for_its_owner) as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
            _sync_folder(self._folder)
        except OSError as error:
            raise MailError(
                f"The mail folder {self._folder} cannot be written ({error.strerror}). "
                "Check that it exists, has space and belongs to this user.",
                connection_wide=True,
            ) from error


def _for_its_owner(path: str, flags: int) -> int:
    """A mail is for one customer; other users of this machine are none."""
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    """Without it the file is durable and its name is not."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
