"""The file of the daemon's local socket: made for its owner alone, replaced when its daemon is dead, found again when its
path is long.
"""

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from milestones.errors import ConfigurationError, StoreBusyError

LONGEST_PATH = 103
"""Bytes of a socket's path that every system takes: Linux has room for 107, macOS for 103."""

_FD_FOLDER: Final = Path("/proc/self/fd")


@contextmanager
def bind(path: Path) -> Iterator[socket.socket]:
    """Bind a socket to the path, which only its owner can open; the file is removed at the end.

    A dead daemon's file is replaced. Raises StoreBusyError when another daemon answers on it, and ConfigurationError for
    a path that cannot be one.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise _unusable(path, error) from error
    _refuse_if_served(path)
    _clear(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, short(path) as address:
        # By umask, not by chmod afterwards: there must be no moment at which others can open it.
        former = os.umask(0o177)
        try:
            listening.bind(address)
        except OSError as error:
            raise _unusable(path, error) from error
        finally:
            os.umask(former)
        mine = path.stat().st_ino
        try:
            yield listening
        finally:
            # A later daemon may have put its own there.
            with suppress(FileNotFoundError):
                if path.stat().st_ino == mine:
                    path.unlink()


def _unusable(path: Path, error: OSError) -> ConfigurationError:
    return ConfigurationError(
        [f"daemon.socket: {path} cannot be made ({error.strerror}). Name a path in a folder of yours."]
    )


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Give the path, or for a long one a short name of the same file: a socket's path has room for about 100 bytes.

    Raises ConfigurationError for a long path where the system has no such names.
    """
    if len(os.fsencode(path)) <= LONGEST_PATH:
        yield os.fspath(path)
        return
    if not _FD_FOLDER.is_dir():
        sentence = (
            f"daemon.socket: {path} is longer than the {LONGEST_PATH} bytes that this system takes for a socket. "
            "Name a shorter path, such as /tmp/milestones/milestones.sock."
        )
        raise ConfigurationError([sentence])
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_FD_FOLDER / str(folder) / path.name)
    finally:
        os.close(folder)


def is_owner(peer: socket.socket) -> bool:
    """Whether the owner of this process, or root, is at the other end.

    The file's mode says so already; where the system tells who is calling, it is asked as well.
    """
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in {os.geteuid(), 0}


def _refuse_if_served(path: Path) -> None:
    """A local connection is made or refused at once, so nobody waits for this."""
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying, short(path) as address:
        trying.setblocking(False)
        try:
            trying.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            return
        except PermissionError:
            raise ConfigurationError(
                [f"daemon.socket: {path} belongs to another user. Name another path."]
            ) from None
        except BlockingIOError:
            # Its queue is full: somebody listens who is slow.
            pass
    raise StoreBusyError(
        f"Another daemon answers on {path}. Stop it, or give this one a socket of its own (daemon.socket)."
    )


def _clear(path: Path) -> None:
    """Remove what a dead daemon left, and nothing that is not a socket."""
    if path.is_socket():
        path.unlink(missing_ok=True)
    elif path.exists():
        raise ConfigurationError([f"daemon.socket: {path} is a file of another kind. Name another path."])
