"""The local socket itself: whose it is, how long it is there, and what happens when either side ends."""

import asyncio
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.errors import ConfigurationError, StoreBusyError
from milestones.web import local
from tests.web.commanded import (
    Counted,
    Double,
    Doubled,
    Found,
    Look,
    Slow,
    running,
    serving,
)


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    found = tmp_path / "var" / "milestones.sock"
    async with serving(found):
        yield found


async def test_only_its_owner_can_open_it(path: Path) -> None:
    modes = [stat.S_IMODE(os.stat(of).st_mode) for of in (path, path.parent)]  # noqa: PTH116
    assert modes == [0o600, 0o700]


async def test_without_a_daemon_nobody_answers(tmp_path: Path) -> None:
    with pytest.raises(NotRunningError):
        await ask(tmp_path / "nothing.sock", Double(number=1))
    with pytest.raises(NotRunningError):
        await ask(tmp_path / "no" / "folder.sock", Double(number=1))


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
        await ask(path, Double(number=1))
    async with serving(path):
        assert await ask(path, Double(number=1)) == Doubled(doubled=2)


async def test_a_second_daemon_on_the_same_socket_is_refused(path: Path) -> None:
    with pytest.raises(StoreBusyError, match="Another daemon answers on"):
        await local.serve(path, running(), asyncio.Event())
    assert await ask(path, Double(number=1)) == Doubled(doubled=2)


async def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"
    path.write_text("precious")
    with pytest.raises(ConfigurationError, match=r"daemon\.socket"):
        await local.serve(path, running(), asyncio.Event())
    assert path.read_text() == "precious"


async def test_a_path_that_is_too_long_for_a_socket_works_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 80) / ("b" * 80) / "milestones.sock"
    async with serving(path):
        assert path.is_socket()
        assert await ask(path, Double(number=4)) == Doubled(doubled=8)
    assert not path.exists()


async def test_stopping_lets_a_command_end(tmp_path: Path) -> None:
    path, begun, go_on = tmp_path / "milestones.sock", asyncio.Event(), asyncio.Event()

    async def slow(_host: Host, _command: Slow, _report: Report[Counted]) -> Doubled:
        begun.set()
        await go_on.wait()
        return Doubled(doubled=2)

    async with serving(path, {Slow: slow}) as stop:
        asked = asyncio.create_task(ask(path, Slow()))
        await begun.wait()
        stop.set()
        go_on.set()
        assert await asked == Doubled(doubled=2)


@pytest.mark.parametrize("reports", [False, True])
async def test_who_asked_is_told_when_stopping_does_not_wait_for_the_end(
    tmp_path: Path, reports: bool
) -> None:
    path, begun = tmp_path / "milestones.sock", asyncio.Event()

    async def endless(_host: Host, _command: Slow, report: Report[Counted]) -> Doubled:
        if reports:
            report(Counted(number=1))
        begun.set()
        await asyncio.Event().wait()
        raise AssertionError

    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    stop = asyncio.Event()
    serving = asyncio.create_task(local.serve(path, running({Slow: endless}), stop))
    while not path.is_socket():  # noqa: ASYNC110 - it tells by being there
        await asyncio.sleep(0)
    asked = asyncio.create_task(ask(path, Slow()))
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

    async def slow(_host: Host, _command: Slow, report: Report[Counted]) -> Doubled:
        report(Counted(number=1))
        begun.set()
        await go_on.wait()
        report(Counted(number=2))
        done.set()
        return Doubled(doubled=2)

    async with serving(path, {Slow: slow}):
        asked = asyncio.create_task(ask(path, Slow()))
        await begun.wait()
        asked.cancel()
        await asyncio.wait([asked])
        go_on.set()
        await done.wait()


async def test_a_daemon_that_dies_meanwhile_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.close()

    server = await asyncio.start_unix_server(hang_up, path)
    with pytest.raises(RefusedError, match="went away before it answered"):
        await ask(path, Double(number=1))
    server.close()


async def test_a_daemon_that_dies_in_the_middle_of_its_answer_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "milestones.sock"

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/jsonl\r\n"
        writer.write(head + b"transfer-encoding: chunked\r\n\r\n11\r\n" + b'{"result": {"doub' + b"\r\n")
        writer.close()

    server = await asyncio.start_unix_server(half, path)
    with pytest.raises(RefusedError, match="went away before it answered"):
        await ask(path, Double(number=1))
    server.close()


async def test_an_answer_may_be_as_long_as_what_was_found(tmp_path: Path) -> None:
    path, found = tmp_path / "milestones.sock", ("a difference",) * 1_000_000

    async def look(_host: Host, _command: Look, _report: Report[NoReport]) -> Found:
        return Found(found=found)

    async with serving(path, {Look: look}):
        assert (await ask(path, Look())).found == found


async def test_a_socket_below_a_file_is_a_fault_with_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ConfigurationError, match=r"daemon\.socket: .* cannot be made"):
        await local.serve(tmp_path / "file" / "milestones.sock", running(), asyncio.Event())
