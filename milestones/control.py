"""The daemon's local socket: commands that change something go through it, so that one process writes.

One request for each connection, in lines of JSON: ``{"operation": ..., "arguments": {...}}`` in; any number of
``{"progress": {...}}`` and then ``{"result": ...}`` or ``{"error": ..., "exit_code": ...}`` out. Whoever may open the
socket may do everything, so only its owner may.
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import structlog

from milestones.errors import ConfigurationError, MilestonesError, StoreBusyError

Progress = Callable[[Mapping[str, Any]], None]
"""Is told how far an operation is, as often as it likes."""

Operation = Callable[[Mapping[str, Any], Progress], Awaitable[Any]]
"""Takes arguments and returns what JSON can hold. Raises MilestonesError."""

LONGEST_REQUEST = 4 * 1024 * 1024
"""Bytes. The daemon must not be filled by whoever asks."""

LONGEST_ANSWER = 1024 * 1024 * 1024
"""Bytes. `verify` may have a difference for every grant, and nobody reads this but a command that ends with it."""

LONGEST_PATH = 103
"""Bytes of a socket's path that every system takes: Linux has room for 107, macOS for 103."""

REQUEST_SECONDS = 10.0

_CUT_SHORT = "The daemon stopped before it was done. What was recorded until then is kept: look with `milestones status`."

_FD_FOLDER: Final = Path("/proc/self/fd")

_log = structlog.get_logger(__name__)


class NotRunningError(MilestonesError):
    """Nobody listens on the socket."""


class RefusedError(MilestonesError):
    """The daemon answered with an error: its sentence, and the exit code that goes with it."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(sentence)


async def serve(path: Path, operations: Mapping[str, Operation], stop: asyncio.Event) -> None:
    """Answer until ``stop``, then let what is under way end. A dead daemon's socket file is replaced.

    Cancelled, it cuts short what is under way, and says so to whoever asked.

    Raises StoreBusyError when another daemon answers on it, and ConfigurationError for a path that cannot be one.
    """
    connections: set[asyncio.Task[None]] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None, "streams run this as a task"
        connections.add(task)
        try:
            await _answer(operations, reader, writer)
        except asyncio.CancelledError:
            # Not raised again: the streams of Python 3.11 would log it as a fault.
            with suppress(ConnectionError):
                writer.write(_line(_refusal(_CUT_SHORT, exit_code=1)))
        finally:
            connections.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    await _refuse_if_served(path)
    with _bound(path) as listening:
        server = await asyncio.start_unix_server(connected, sock=listening, limit=LONGEST_REQUEST)
        try:
            await stop.wait()
            server.close()
            await asyncio.gather(*connections, return_exceptions=True)
        finally:
            server.close()
            for connection in connections:
                connection.cancel()
            if connections:
                await asyncio.wait(connections)


async def ask(
    path: Path,
    operation: str,
    arguments: Mapping[str, Any],
    progress: Progress = lambda _told: None,
) -> Any:
    """Have the running daemon do something, and return its result.

    Raises NotRunningError when there is no daemon, and RefusedError with what the daemon says.
    """
    reader, writer = await _connected(path)
    try:
        writer.write(_line({"operation": operation, "arguments": dict(arguments)}))
        await writer.drain()
        while (line := await reader.readline()).endswith(b"\n"):
            told = json.loads(line)
            if "progress" in told:
                progress(told["progress"])
            elif "error" in told:
                raise RefusedError(told["error"], told["exit_code"])
            else:
                return told["result"]
    except ConnectionError:
        pass
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
    raise RefusedError(
        "The daemon went away before it answered. What it was asked for may or may not have been done: look with "
        "`milestones status`.",
        exit_code=1,
    )


async def _connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        with _short(path) as address:
            return await asyncio.open_unix_connection(address, limit=LONGEST_ANSWER)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        raise NotRunningError(f"No daemon is running (nobody listens on {path}).") from None
    except PermissionError:
        raise RefusedError(
            f"The socket {path} belongs to another user. Run this as the user of the daemon.", exit_code=1
        ) from None


# The answering side


async def _answer(
    operations: Mapping[str, Operation], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    peer: socket.socket = writer.get_extra_info("socket")
    if not _is_owner(peer):
        _log.warning("control_refused", reason="another user")
        return
    request = await _request(reader)
    if request is None:
        return
    name, arguments = request

    def tell(told: Mapping[str, Any]) -> None:
        if not writer.is_closing():
            writer.write(_line({"progress": dict(told)}))

    answer = await _done(operations, name, arguments, tell)
    # Whoever asked may be gone; what was done stays done.
    with suppress(ConnectionError):
        writer.write(_line(answer))
        await writer.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[str, Mapping[str, Any]] | None:
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            line = await reader.readline()
        told = json.loads(line)
        name, arguments = told["operation"], told.get("arguments", {})
    except (TimeoutError, ValueError, KeyError, TypeError, ConnectionError):
        return None
    return (name, arguments) if isinstance(name, str) and isinstance(arguments, dict) else None


async def _done(
    operations: Mapping[str, Operation], name: str, arguments: Mapping[str, Any], tell: Progress
) -> dict[str, Any]:
    operation = operations.get(name)
    if operation is None:
        return _refusal(
            f"The running daemon does not know {name!r}: it is of another version than this command. Restart it.",
            exit_code=1,
        )
    try:
        return {"result": await operation(arguments, tell)}
    except MilestonesError as error:
        return _refusal(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - a fault in one operation must not end the daemon
        _log.exception("operation_failed", operation=name)
        return _refusal(
            f"This is a fault of the program ({type(error).__name__} in {name}); the daemon's log has more.",
            exit_code=1,
        )


def _refusal(sentence: str, exit_code: int) -> dict[str, Any]:
    return {"error": sentence, "exit_code": exit_code}


def _line(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode() + b"\n"


def _is_owner(peer: socket.socket) -> bool:
    """The file's mode says so already; where the system tells who is calling, it is asked as well."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, option, struct.calcsize("3i")))
    return uid in {os.geteuid(), 0}


# The socket's file


async def _refuse_if_served(path: Path) -> None:
    try:
        _, writer = await _connected(path)
    except NotRunningError:
        return
    writer.close()
    raise StoreBusyError(
        f"Another daemon answers on {path}. Stop it, or give this one a socket of its own (daemon.socket)."
    )


@contextmanager
def _bound(path: Path) -> Iterator[socket.socket]:
    """A socket bound to the path, which only its owner can open; the file is removed at the end."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _clear(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening, _short(path) as address:
        # By umask, not by chmod afterwards: there must be no moment at which others can open it.
        former = os.umask(0o177)
        try:
            listening.bind(address)
        except OSError as error:
            raise ConfigurationError(
                [
                    f"daemon.socket: {path} cannot be made ({error.strerror}). Name a path in a folder of yours."
                ]
            ) from error
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


def _clear(path: Path) -> None:
    """Remove what a dead daemon left, and nothing that is not a socket."""
    if path.is_socket():
        path.unlink(missing_ok=True)
    elif path.exists():
        raise ConfigurationError([f"daemon.socket: {path} is a file of another kind. Name another path."])


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """The path, or for a long one a short name of the same file: a socket's path has room for about 100 bytes.

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
