"""The local socket, asked as a command line asks it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import ClassVar

import pytest

from milestones.cli.client import RefusedError, ask
from milestones.commands.host import Host
from milestones.commands.models.command import Command, NoReport, Report
from milestones.web import local
from tests.web.commanded import (
    Broken,
    Count,
    Counted,
    Double,
    Doubled,
    Fly,
    Found,
    Look,
    Named,
    Nothing,
    Wrong,
    client,
    serving,
)


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
