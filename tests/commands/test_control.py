"""The local socket, asked as a command asks it."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from milestones import control
from milestones.control import NotRunningError, Progress, RefusedError
from milestones.errors import ConfigurationError, StoreBusyError, UsageError


async def double(arguments: Mapping[str, Any], _progress: Progress) -> Any:
    return {"doubled": arguments["number"] * 2}


async def count(arguments: Mapping[str, Any], progress: Progress) -> Any:
    for number in range(arguments["to"]):
        progress({"number": number})
    return None


async def wrong(_arguments: Mapping[str, Any], _progress: Progress) -> Any:
    raise UsageError("That cannot work.")


async def broken(_arguments: Mapping[str, Any], _progress: Progress) -> Any:
    raise ValueError("ada@example.com")


OPERATIONS: dict[str, control.Operation] = {
    "double": double,
    "count": count,
    "wrong": wrong,
    "broken": broken,
}


async def answers(path: Path) -> bool:
    try:
        await control.ask(path, "", {})
    except NotRunningError:
        return False
    except RefusedError:
        pass
    return True


@asynccontextmanager
async def serving(
    path: Path, operations: Mapping[str, control.Operation] = OPERATIONS
) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(control.serve(path, operations, stop))
        while not await answers(path) and not task.done():  # noqa: ASYNC110 - it tells by answering
            await asyncio.sleep(0)
        yield stop
        stop.set()


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    found = tmp_path / "var" / "milestones.sock"
    async with serving(found):
        yield found


async def test_an_operation_answers_with_its_result(path: Path) -> None:
    assert await control.ask(path, "double", {"number": 21}) == {"doubled": 42}


async def test_progress_comes_before_the_result(path: Path) -> None:
    told: list[Mapping[str, Any]] = []
    assert await control.ask(path, "count", {"to": 3}, told.append) is None
    assert told == [{"number": 0}, {"number": 1}, {"number": 2}]


async def test_a_refusal_arrives_as_the_same_sentence_and_exit_code(path: Path) -> None:
    with pytest.raises(RefusedError, match=r"^That cannot work\.$") as refused:
        await control.ask(path, "wrong", {})
    assert refused.value.exit_code == 2


async def test_a_fault_is_a_sentence_without_what_it_held(path: Path) -> None:
    with pytest.raises(RefusedError, match=r"fault of the program \(ValueError in broken\)") as refused:
        await control.ask(path, "broken", {})
    assert "ada" not in str(refused.value)
    assert await control.ask(path, "double", {"number": 1}) == {"doubled": 2}


async def test_an_operation_of_another_version_is_named(path: Path) -> None:
    with pytest.raises(RefusedError, match="does not know 'fly': it is of another version"):
        await control.ask(path, "fly", {})


@pytest.mark.parametrize("request_line", [b"", b"\n", b"{}\n", b"nonsense\n", b'{"operation": 5}\n', b"[]\n"])
async def test_nonsense_gets_no_answer_and_does_no_harm(path: Path, request_line: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request_line)
    writer.write_eof()
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    assert await control.ask(path, "double", {"number": 1}) == {"doubled": 2}


async def test_only_its_owner_can_open_it(path: Path) -> None:
    modes = [stat.S_IMODE(os.stat(of).st_mode) for of in (path, path.parent)]  # noqa: PTH116
    assert modes == [0o600, 0o700]


async def test_without_a_daemon_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        await control.ask(tmp_path / "nothing.sock", "double", {})
    with pytest.raises(NotRunningError):
        await control.ask(tmp_path / "no" / "folder.sock", "double", {})


async def test_the_file_goes_with_the_daemon(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"
    async with serving(path):
        assert path.is_socket()
    assert not path.exists()


async def test_what_a_dead_daemon_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"
    server = await asyncio.start_unix_server(lambda _reader, _writer: None, path)
    server.close()
    await server.wait_closed()
    assert path.is_socket()
    with pytest.raises(NotRunningError):
        await control.ask(path, "double", {"number": 1})
    async with serving(path):
        assert await control.ask(path, "double", {"number": 1}) == {"doubled": 2}


async def test_a_second_daemon_on_the_same_socket_is_refused(path: Path) -> None:
    with pytest.raises(StoreBusyError, match="Another daemon answers on"):
        await control.serve(path, OPERATIONS, asyncio.Event())
    assert await control.ask(path, "double", {"number": 1}) == {"doubled": 2}


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match=r"daemon\.socket"):
        await control.serve(path, OPERATIONS, asyncio.Event())
    assert path.read_text() == "precious"


async def test_a_path_that_is_too_long_for_a_socket_works_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 80) / ("b" * 80) / "milestones.sock"
    async with serving(path):
        assert path.is_socket()
        assert await control.ask(path, "double", {"number": 4}) == {"doubled": 8}
    assert not path.exists()


async def test_stopping_lets_an_operation_end(tmp_path: Path) -> None:
    path, begun, go_on = tmp_path / "milestones.sock", asyncio.Event(), asyncio.Event()

    async def slow(_arguments: Mapping[str, Any], _progress: Progress) -> Any:
        begun.set()
        await go_on.wait()
        return "ended"

    async with serving(path, {"slow": slow}) as stop:
        asked = asyncio.create_task(control.ask(path, "slow", {}))
        await begun.wait()
        stop.set()
        go_on.set()
        assert await asked == "ended"


async def test_who_asked_is_told_when_stopping_does_not_wait_for_the_end(tmp_path: Path) -> None:
    path, begun = tmp_path / "milestones.sock", asyncio.Event()

    async def endless(_arguments: Mapping[str, Any], _progress: Progress) -> Any:
        begun.set()
        await asyncio.Event().wait()

    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    stop = asyncio.Event()
    serving = asyncio.create_task(control.serve(path, {"endless": endless}, stop))
    while not path.is_socket():  # noqa: ASYNC110 - it tells by being there
        await asyncio.sleep(0)
    asked = asyncio.create_task(control.ask(path, "endless", {}))
    await begun.wait()
    stop.set()
    serving.cancel()
    with pytest.raises(RefusedError, match="The daemon stopped before it was done"):
        await asked
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert not path.exists()
    assert complaints == []


async def test_whoever_asked_may_leave_and_it_is_done_all_the_same(tmp_path: Path) -> None:
    path, begun, go_on, done = (tmp_path / "milestones.sock", *(asyncio.Event() for _ in range(3)))

    async def slow(_arguments: Mapping[str, Any], progress: Progress) -> Any:
        begun.set()
        await go_on.wait()
        progress({"still": "here"})
        done.set()

    async with serving(path, {"slow": slow}):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(json.dumps({"operation": "slow"}).encode() + b"\n")
        await begun.wait()
        writer.close()
        await writer.wait_closed()
        go_on.set()
        await done.wait()


async def test_a_daemon_that_dies_meanwhile_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_unix_server(hang_up, path)
    with pytest.raises(RefusedError, match="went away before it answered"):
        await control.ask(path, "double", {"number": 1})
    server.close()


async def test_a_daemon_that_dies_in_the_middle_of_its_answer_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b'{"result": {"doub')
        writer.close()

    server = await asyncio.start_unix_server(half, path)
    with pytest.raises(RefusedError, match="went away before it answered"):
        await control.ask(path, "double", {"number": 1})
    server.close()


async def test_an_answer_may_be_as_long_as_what_was_found(tmp_path: Path) -> None:
    path, found = tmp_path / "milestones.sock", ["a difference"] * 1_000_000

    async def verify(_arguments: Mapping[str, Any], _progress: Progress) -> Any:
        return found

    async with serving(path, {"verify": verify}):
        assert await control.ask(path, "verify", {}) == found
