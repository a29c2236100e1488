"""``status``, ``pause`` and ``resume``: with a daemon, without one, and without the secrets of the configuration."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from milestones.cli import render
from milestones.store.database import heartbeat
from tests.cli.conftest import Call
from tests.cli.filled import daemon_of, filled
from tests.shop import Shop


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


class TestStatus:
    def test_without_a_daemon_it_tells_what_is_on_disk(self, call: Call, path: Path) -> None:
        called = call("status", "--config", path)
        assert called.code == 0
        assert called.out.startswith("No daemon is running.")
        assert "The Corner Shop active" in called.out
        assert "not complete yet" in called.out
        told = json.loads(call("status", "--json", "--config", path).out)
        assert (told["daemon"], told["database"], told["standing"]["due"]) == (None, "current", 0)

    def test_before_the_first_start_it_is_no_failure(self, call: Call, shop: Path) -> None:
        called = call("status", "--config", shop / "config.toml")
        assert called.code == 0
        assert "does not exist yet" in " ".join(called.out.split())

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"no database, but long enough to be taken for one" * 20, "the file is no SQLite database"),
            (None, "var/milestones.db was written by a newer version"),
        ],
    )
    def test_a_database_that_cannot_be_read_is_a_failure(
        self, call: Call, path: Path, content: bytes | None, sentence: str
    ) -> None:
        file = path.parent / "var/milestones.db"
        if content is not None:
            file.write_bytes(content)
        else:
            with closing(sqlite3.connect(file)) as database, database:
                database.execute("UPDATE alembic_version SET version_num = '9999'")
        called = call("status", "--config", path)
        assert called.code == 1
        assert called.out.startswith("No daemon is running.")
        assert sentence in called.out
        machine = call("status", "--json", "--config", path)
        assert (machine.code, json.loads(machine.out)["standing"]) == (1, None)
        assert sentence in json.loads(machine.out)["database"]

    def test_shadow_mode_and_only_to_are_said_loudly(self, call: Call, path: Path) -> None:
        text = path.read_text().replace('"live"', '"shadow"')
        path.write_text(text.replace("[mail]", '[mail]\nonly_to = ["*@example.com"]'))
        first, second, *_ = call("status", "--config", path).out.splitlines()
        assert first.startswith(" !  Shadow mode:")
        assert "Mail leaves only for *@example.com" in f"{first} {second} {_}"

    async def test_with_a_daemon_it_says_so_and_whether_the_file_has_changed(
        self, call: Call, tmp_path: Path
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path):
            called = await asyncio.to_thread(call, "status", "--config", path)
            assert called.out.startswith("The daemon is running (process ")
            assert "has changed" not in called.out
            path.write_text(path.read_text().replace("2 per 7d", "3 per 7d"))
            called = await asyncio.to_thread(call, "status", "--config", path)
            assert "config.toml has changed since it was read" in called.out

    async def test_a_callback_that_is_mistyped_in_wix_is_said_loudly(
        self, call: Call, tmp_path: Path
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            shop.mistyped = 1_200
            called = await asyncio.to_thread(call, "status", "--config", path)
            assert called.out.startswith(" !  1,200 webhooks of Wix came")
            told = await asyncio.to_thread(call, "status", "--json", "--config", path)
            assert json.loads(told.out)["daemon"]["mistyped_callbacks"] == 1_200


@pytest.mark.parametrize("columns", ["0", "1", "19"])
def test_a_terminal_without_a_width_hides_nothing(monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert {render.console(stderr=stderr).width for stderr in (False, True)} == {render.WIDTH}


class TestPauses:
    def test_pause_and_resume(self, call: Call, path: Path) -> None:
        assert (
            call("pause", "stars-1000", "--config", path).out == "stars-1000 is paused on The Corner Shop.\n"
        )
        assert "The milestone stars-1000 is paused" in call("status", "--config", path).out
        assert call("pause", "--config", path).out == "Everything is paused on The Corner Shop.\n"
        assert call("resume", "--config", path).out == (
            "Everything goes on on The Corner Shop.\nStill paused by themselves: stars-1000.\n"
        )
        assert call("resume", "stars-1000", "--config", path).code == 0
        assert "paused" not in call("status", "--config", path).out

    def test_what_does_not_exist_is_a_sentence(self, call: Call, path: Path) -> None:
        assert "No site has a milestone 'stars'" in call("pause", "stars", "--config", path).err
        assert "There is no site 'other'" in call("pause", "--site", "other", "--config", path).err

    def test_a_hold_is_shown_and_ends_with_resume(self, call: Call, tmp_path: Path) -> None:
        async def hold(shop: Shop) -> None:
            async with shop.store.write() as tx:
                await heartbeat.hold(tx, "The machine slept.")

        path = filled(tmp_path / "shop", hold)
        assert "Nothing is sent or given until" in call("status", "--config", path).out
        assert call("resume", "--continued", "--config", path).out.startswith("The hold has ended.\n")
        assert "Nothing is sent" not in call("status", "--config", path).out


def without_its_secret(path: Path) -> None:
    secret = 'username = "me"\npassword = { env = "NOT_SET_HERE" }\n'
    path.write_text(path.read_text().replace("[policy]", f"{secret}\n[policy]"))


class TestWithoutSecrets:
    """They are the daemon's, and whoever types a command need not have them."""

    async def test_a_running_daemon_takes_orders_all_the_same(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path):
            without_its_secret(path)
            for command in (("pause",), ("resume",), ("rejected", "replay"), ("reload",)):
                called = await asyncio.to_thread(call, *command, "--config", path)
                assert called.code == 0, called.err

    def test_what_asks_wix_in_its_place_says_what_is_missing(self, call: Call, path: Path) -> None:
        without_its_secret(path)
        called = call("scan", "--config", path)
        assert called.code == 2
        assert (
            "mail.password: refers to the environment variable NOT_SET_HERE, which is not set" in called.err
        )
