"""The local socket, asked as a command line asks it."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import httpx
import pytest

from milestones.cli.client import NotRunningError, RefusedError, ask
from milestones.commands.host import Host
from milestones.commands.models.command import Answer, Command, NoReport, Report
from milestones.commands.registry import Handler
from milestones.commands.running import Running
from milestones.errors import ConfigurationError, StoreBusyError, UsageError
from milestones.web import local
from milestones.web.socket_file import short


class Doubled(Answer):
    doubled: int


class Counted(Answer):
    number: int


class Nothing(Answer):
    pass


class Found(Answer):
    found: tuple[str, ...]


class Double(Command[Doubled, NoReport]):
    path: ClassVar[str] = "/double"
    number: int


class Count(Command[Nothing, Counted]):
    path: ClassVar[str] = "/count"
    to: int


class Wrong(Command[Nothing, Counted]):
    """Refused after so many reports."""

    path: ClassVar[str] = "/wrong"
    after: int = 0


class Broken(Command[Nothing, NoReport]):
    path: ClassVar[str] = "/broken"


class Slow(Command[Doubled, Counted]):
    path: ClassVar[str] = "/slow"


class Look(Command[Found, NoReport]):
    path: ClassVar[str] = "/look"
    method: ClassVar[Literal["GET", "POST"]] = "GET"


class Named(Command[Found, NoReport]):
    path: ClassVar[str] = "/things/{number}/of/{whose}"
    method: ClassVar[Literal["GET", "POST"]] = "GET"
    number: int
    whose: str
    keys: str = "k"
    colour: str | None = None
    most: int = 3


class Fly(Command[Nothing, NoReport]):
    path: ClassVar[str] = "/fly"


async def double(_host: Host, command: Double, _report: Report[NoReport]) -> Doubled:
    return Doubled(doubled=command.number * 2)


async def count(_host: Host, command: Count, report: Report[Counted]) -> Nothing:
    for number in range(command.to):
        report(Counted(number=number))
    return Nothing()


async def wrong(_host: Host, command: Wrong, report: Report[Counted]) -> Nothing:
    for number in range(command.after):
        report(Counted(number=number))
        await asyncio.sleep(0)
    raise UsageError("That cannot work.")


async def named(_host: Host, command: Named, _report: Report[NoReport]) -> Found:
    return Found(
        found=(str(command.number), command.whose, str(command.colour), str(command.most), command.keys)
    )


async def broken(_host: Host, _command: Broken, _report: Report[NoReport]) -> Nothing:
    raise ValueError("ada@example.com")


Handlers = Mapping[type[Command[Any, Any]], Handler]

HANDLERS: Handlers = {Double: double, Count: count, Wrong: wrong, Broken: broken, Named: named}


def running(handlers: Handlers = HANDLERS) -> Running:
    return Running(cast("Host", None), handlers)


async def answers(path: Path) -> bool:
    try:
        await ask(path, Fly())
    except NotRunningError:
        return False
    except RefusedError:
        pass
    return True


@asynccontextmanager
async def serving(path: Path, handlers: Handlers = HANDLERS) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(local.serve(path, running(handlers), stop))
        while not await answers(path) and not task.done():  # noqa: ASYNC110 - it tells by answering
            await asyncio.sleep(0)
        yield stop
        stop.set()


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """As any program may ask."""
    with short(path) as address:
        transport = httpx.AsyncHTTPTransport(uds=address)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as found:
            yield found


@pytest.fixture
async def path(tmp_path: Path) -> AsyncIterator[Path]:
    found = tmp_path / "var" / "milestones.sock"
    async with serving(found):
        yield found


async def test_a_command_answers_with_its_result(path: Path) -> None:
    assert await ask(path, Double(number=21)) == Doubled(doubled=42)


@pytest.mark.parametrize("whose", ["ada", "a b", "50%", "ä?&#+"])
async def test_the_fields_of_a_question_stand_in_its_path_and_its_query(path: Path, whose: str) -> None:
    assert (await ask(path, Named(number=7, whose=whose))).found == ("7", whose, "None", "3", "k")
    asked = Named(number=7, whose=whose, colour=whose, most=4)
    assert (await ask(path, asked)).found == ("7", whose, whose, "4", "k")


async def test_progress_comes_before_the_result(path: Path) -> None:
    told: list[Counted] = []
    assert await ask(path, Count(to=3), told.append) == Nothing()
    assert [one.number for one in told] == [0, 1, 2]


@pytest.mark.parametrize("after", [0, 2])
async def test_a_refusal_arrives_as_the_same_sentence_and_exit_code(path: Path, after: int) -> None:
    with pytest.raises(RefusedError, match=r"^That cannot work\.$") as refused:
        await ask(path, Wrong(after=after))
    assert refused.value.exit_code == 2


async def test_a_fault_is_a_sentence_without_what_it_held(path: Path) -> None:
    with pytest.raises(RefusedError, match=r"fault of the program \(ValueError in /broken\)") as refused:
        await ask(path, Broken())
    assert "ada" not in str(refused.value)
    assert await ask(path, Double(number=1)) == Doubled(doubled=2)


async def test_a_command_of_another_version_is_named(path: Path) -> None:
    with pytest.raises(RefusedError, match="does not know '/fly': it is of another version"):
        await ask(path, Fly())


class FasterCount(Count):
    speed: int


async def test_a_field_of_another_version_is_named(path: Path) -> None:
    with pytest.raises(RefusedError, match="does not understand speed of '/count': it is of another version"):
        await ask(path, FasterCount(to=3, speed=9))


class LouderDouble(Command[Counted, NoReport]):
    path: ClassVar[str] = "/double"
    number: int


async def test_an_answer_of_another_version_is_said_so(path: Path) -> None:
    with pytest.raises(RefusedError, match="does not understand: it is of another version"):
        await ask(path, LouderDouble(number=1))


async def test_who_does_not_ask_for_lines_gets_one_document(path: Path) -> None:
    async with client(path) as asked:
        told = await asked.post("/count", json={"to": 3})
        assert (told.status_code, told.json()) == (200, {})
        refused = await asked.post("/wrong", json={})
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json() == {
        "type": "about:blank",
        "title": "Bad Request",
        "status": 400,
        "detail": "That cannot work.",
        "exit_code": 2,
    }


async def test_how_far_it_is_comes_in_lines(path: Path) -> None:
    async with client(path) as asked:
        told = await asked.post("/wrong", json={"after": 1}, headers={"accept": "application/jsonl"})
    assert told.headers["content-type"] == "application/jsonl"
    first, last = map(json.loads, told.text.splitlines())
    assert (first, list(last), last["problem"]["exit_code"]) == ({"progress": {"number": 0}}, ["problem"], 2)


async def test_what_is_too_long_is_not_taken(path: Path) -> None:
    async with client(path) as asked:
        told = await asked.post("/double", content=b" " * (local.LARGEST_REQUEST + 1))
    assert (told.status_code, told.json()["exit_code"]) == (413, 1)


async def test_another_user_is_not_answered(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "is_owner", lambda _peer: False)
    with pytest.raises(RefusedError, match="went away"):
        await ask(path, Double(number=1))


async def test_what_a_customer_is_called_does_not_end_a_line(tmp_path: Path) -> None:
    found = ("Ada\u2028\x85\x1c", "Bob\n")

    async def look(_host: Host, _command: Look, _report: Report[NoReport]) -> Found:
        return Found(found=found)

    path = tmp_path / "milestones.sock"
    async with serving(path, {Look: look}):
        assert (await ask(path, Look())).found == found


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\r\n\r\n",
        b"{}\n",
        b"nonsense\r\n\r\n",
        b'{"operation": "double"}\n',
        b"POST /double HTTP/1.1\r\n\r\n",
        b"POST /double HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{",
        b"POST /double HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nnone",
        b"POST /double HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n[]",
    ],
)
async def test_nonsense_changes_nothing_and_does_no_harm(path: Path, nonsense: bytes) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(nonsense)
    writer.write_eof()
    assert b"200 OK" not in await reader.read()
    writer.close()
    await writer.wait_closed()
    assert await ask(path, Double(number=1)) == Doubled(doubled=2)


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
