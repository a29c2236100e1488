"""HTTP with the running daemon, over its local socket."""

import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_core import from_json

from milestones.commands.models.command import A, Command, P, Report
from milestones.commands.models.problem import LINES, MEDIA_TYPE, Problem
from milestones.errors import MilestonesError
from milestones.web.socket_file import short

if TYPE_CHECKING:
    import httpx

LONGEST_ANSWER = 1024 * 1024 * 1024
"""Bytes. `verify` may have a difference for every grant, and nobody reads this but a command that ends with it."""


class NotRunningError(MilestonesError):
    """Nobody listens on the socket."""


class RefusedError(MilestonesError):
    """The daemon answered with an error: its sentence, and the exit code that goes with it."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__(sentence)


async def ask(path: Path, command: Command[A, P], report: Report[P] = lambda _report: None) -> A:
    """Have the running daemon carry out a command, and return its answer.

    Raises NotRunningError when there is no daemon, and RefusedError with what the daemon says.
    """
    _require_socket(path)
    # Only here: without a daemon, nobody waits for the import.
    import httpx  # noqa: PLC0415

    with short(path) as address, _sentences(path):
        # Nothing is encrypted on the way through one machine; a context without certificates is made at once.
        transport = httpx.AsyncHTTPTransport(uds=address, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        async with httpx.AsyncClient(
            transport=transport,
            base_url="http://localhost",
            timeout=None,  # noqa: S113 - a scan takes as long as it takes
            trust_env=False,
        ) as client:
            content = command.model_dump_json(by_alias=True) if command.method == "POST" else None
            headers = {"accept": f"{LINES}, {MEDIA_TYPE}", "content-type": "application/json"}
            where, query = command.address()
            async with client.stream(
                command.method, where, params=query, content=content, headers=headers
            ) as response:
                if not response.is_success:
                    raise _refusal(Problem.model_validate_json(await response.aread()))
                return await _result(response, command, report)


async def _result(response: "httpx.Response", command: Command[A, P], report: Report[P]) -> A:
    """The last line. What stands before it is reported."""
    async for line in _lines(response):
        message: dict[str, Any] = from_json(line)
        if "progress" in message:
            report(command.report_type().model_validate(message["progress"]))
        elif "problem" in message:
            raise _refusal(Problem.model_validate(message["problem"]))
        else:
            return command.answer_type().model_validate(message["result"])
    raise _daemon_gone()


async def _lines(response: "httpx.Response") -> AsyncIterator[bytes]:
    """Whole lines. Not httpx's own, which also end at what may stand within a customer's name."""
    parts: list[bytes] = []
    length = 0
    async for chunk in response.aiter_bytes():
        length += len(chunk)
        if length > LONGEST_ANSWER:
            raise RefusedError(f"The daemon's answer has more than {LONGEST_ANSWER:,} bytes.", exit_code=1)
        *ended, rest = chunk.split(b"\n")
        for end in ended:
            yield b"".join([*parts, end])
            parts.clear()
        parts.append(rest)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What goes wrong on the way, as what a person can do something about."""
    import httpx  # noqa: PLC0415

    try:
        yield
    except httpx.ConnectError as error:
        raise _why_not_connected(path, error) from None
    except httpx.TransportError:
        raise _daemon_gone() from None
    except (ValueError, KeyError):
        raise RefusedError(
            "The running daemon answers in a way that this command does not understand: it is of another version. "
            "Restart it.",
            exit_code=1,
        ) from None


def _require_socket(path: Path) -> None:
    try:
        there = path.is_socket()
    except PermissionError:
        raise _foreign(path) from None
    if not there:
        raise _not_running(path)


def _why_not_connected(path: Path, error: BaseException) -> MilestonesError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, OSError):
        cause = cause.__cause__ or cause.__context__
    return _foreign(path) if isinstance(cause, PermissionError) else _not_running(path)


def _not_running(path: Path) -> NotRunningError:
    return NotRunningError(f"No daemon is running (nobody listens on {path}).")


def _foreign(path: Path) -> RefusedError:
    return RefusedError(
        f"The socket {path} belongs to another user. Run this as the user of the daemon.", exit_code=1
    )


def _refusal(problem: Problem) -> RefusedError:
    return RefusedError(problem.detail, problem.exit_code)


def _daemon_gone() -> RefusedError:
    return RefusedError(
        "The daemon went away before it answered. What it was asked for may or may not have been done: look with "
        "`milestones status`.",
        exit_code=1,
    )
