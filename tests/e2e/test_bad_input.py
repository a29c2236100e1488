"""Whoever is wrong gets a sentence, and nothing is lost: what a person configures, and what the machine lacks."""

import os
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from milestones.store.database.daemon_lock import hold_lock
from tests.e2e.floor import configured, ordered, refused, rewrite
from tests.process import Shop, shop

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("bad_input"),
    pytest.mark.slow,
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("wix"), customers=50, seed=3, time_scale=3600.0) as running:
        await running.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield running


FAULTY = """
[[milestones]]
key = "stars"
title = "Stars"
threshold = 1000

[milestones.near]
within = 2000
template = "almost-their"

[[milestones]]
key = "stars"
title = "Stars again"
threshold = 2000

[[milestones.rewards]]
email = "broken"
"""


class TestConfiguration:
    async def test_every_fault_is_a_line_with_its_place_before_anything_begins(
        self, wix: Shop, tmp_path: Path
    ) -> None:
        daemon = configured(tmp_path, wix, FAULTY, {str(_templates()): "templates"})
        broken = tmp_path / "templates" / "broken"
        broken.mkdir(parents=True)
        for part in ("subject.txt", "body.txt", "body.html"):
            (broken / part).write_text("Hello\n{{ customer.nickname }}" if part == "body.txt" else "Hello")
        told = await refused(daemon, "check", code=2)
        line = {text: number for number, text in enumerate(daemon.config.read_text().splitlines(), start=1)}
        window, second = line["within = 2000"], line['title = "Stars again"'] - 1
        assert f"config.toml:{window}:" in told
        assert "almost-their" in told
        assert f"config.toml:{second}:" in told
        assert "broken/body.txt:2: customer.nickname is not a variable" in told
        assert "4 faults." in told
        assert "faults." in await refused(daemon, "run", code=2)
        assert not (tmp_path / "milestones.db").exists()

    @pytest.mark.parametrize(
        ("arguments", "part"),
        [
            (["run", "--fast"], "No such option: --fast"),
            (["chekc"], "Did you mean 'check'?"),
            (["outbox", "list", "--state", "lost"], "'lost' is not one of"),
            (["outbox", "list", "--limit", "none"], "unable to parse string as an integer"),
            (["outbox", "release"], "Say what to release"),
            (["outbox", "show"], "Missing argument 'ID'"),
            (["db", "upgrade", "now"], "unexpected extra argument"),
        ],
    )
    async def test_a_wrong_call_is_told_with_exit_code_2(
        self, wix: Shop, tmp_path: Path, arguments: list[str], part: str
    ) -> None:
        told = await refused(configured(tmp_path, wix), *arguments, code=2)
        assert part in " ".join(told.replace("│", "").split())

    async def test_a_port_that_is_taken_is_told_with_how_to_change_it(
        self, wix: Shop, tmp_path: Path
    ) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as other:
            daemon = configured(tmp_path, wix)
            text = daemon.config.read_text().splitlines()
            listen = next(line for line in text if line.startswith("listen"))
            rewrite(daemon, {listen: f'listen = "127.0.0.1:{other.getsockname()[1]}"'})
            told = await refused(daemon, "run")
        assert "is taken by another program, or by another daemon" in told
        assert "MILESTONES_DAEMON__LISTEN" in told


def _templates() -> Path:
    return Path(__file__).parents[2] / "templates"


class TestDatabase:
    async def test_one_that_another_daemon_holds_is_refused_with_its_process(
        self, wix: Shop, tmp_path: Path
    ) -> None:
        daemon = configured(tmp_path, wix)
        with hold_lock(f"sqlite:///{tmp_path / 'milestones.db'}"):
            told = await refused(daemon, "run")
            assert f"is in use by process {os.getpid()}" in told
            assert "stop that process" in await refused(daemon, "db", "upgrade")
        assert "was made" in await ordered(daemon, "db", "upgrade")

    @pytest.mark.parametrize(
        ("statement", "sentence"),
        [
            ("CREATE TABLE customers (id INTEGER)", "holds tables of another program"),
            ("UPDATE alembic_version SET version_num = '9999'", "written by a newer version of milestones"),
        ],
    )
    async def test_one_of_another_program_or_a_newer_version_is_left_as_it_is(
        self, wix: Shop, tmp_path: Path, statement: str, sentence: str
    ) -> None:
        daemon, path = configured(tmp_path, wix), tmp_path / "milestones.db"
        if statement.startswith("UPDATE"):
            await ordered(daemon, "db", "upgrade")
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
        before = path.read_bytes()
        for command in (["run"], ["db", "upgrade"], ["outbox", "list"], ["resume"]):
            assert sentence in await refused(daemon, *command)
        code, out, _ = await daemon.command("db", "check")
        assert code == 1
        assert sentence in " ".join(out.split())
        assert path.read_bytes() == before

    async def test_a_file_that_is_no_database_is_left_as_it_is(self, wix: Shop, tmp_path: Path) -> None:
        daemon, path = configured(tmp_path, wix), tmp_path / "milestones.db"
        path.write_text("Dear diary, " * 1_000)
        for command in (["run"], ["db", "upgrade"], ["status"]):
            code, out, err = await daemon.command(*command)
            assert "Traceback" not in out + err
            assert "the file is no SQLite database" in out + err
            assert code == 1
        assert path.read_text() == "Dear diary, " * 1_000

    async def test_a_folder_in_the_place_of_the_file_is_a_sentence(self, wix: Shop, tmp_path: Path) -> None:
        daemon = configured(tmp_path, wix)
        (tmp_path / "milestones.db").mkdir()
        assert "the file cannot be opened" in await refused(daemon, "run")
