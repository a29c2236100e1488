"""``status``, ``pause``, ``resume``, ``reload``, ``backfill``, ``verify`` and ``scan``: with a daemon and without one."""

import asyncio
import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from milestones.cli import render
from milestones.errors import ChannelError
from milestones.store.database import heartbeat
from tests.builders import ACCOUNT
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


FAULTS = {
    "a threshold": lambda text: text.replace("threshold = 1000", 'threshold = "x"'),
    "no TOML": lambda text: text + "\n[[[",
    "half written": lambda text: text[: len(text) // 3],
    "empty": lambda _text: "",
    "no text": lambda _text: "\ud800",
    "gone": None,
}


class TestAFaultyFile:
    """Where a daemon runs, it is asked, whatever became of the file: the emergency stop above all."""

    @pytest.mark.parametrize("fault", FAULTS)
    async def test_orders_and_looks_go_on(self, call: Call, tmp_path: Path, fault: str) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        spoil = FAULTS[fault]
        async with daemon_of(path):
            if spoil is None:
                path.unlink()
            else:
                path.write_bytes(spoil(path.read_text()).encode(errors="surrogatepass"))
            for command in (
                ("pause",),
                ("status",),
                ("explain", "bob@example.com"),
                ("accounts", "list"),
                ("outbox", "list"),
                ("rejected", "list"),
                ("verify",),
                ("resume",),
            ):
                called = await asyncio.to_thread(call, *command, "--config", path)
                assert called.code == 0, (command, called.err)
                if command == ("status",):
                    assert "goes on with the configuration that it read before" in called.out
                    assert "Everything is paused" in called.out

    async def test_a_socket_elsewhere_is_found_in_what_is_no_toml(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        path.write_text(
            path.read_text().replace("[daemon]", '[daemon]\nsocket = "elsewhere.sock"  # short', 1)
        )
        async with daemon_of(path):
            path.write_text(path.read_text() + "\n[[[")
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    async def test_the_socket_of_the_environment_is_used_when_the_file_is_gone(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        path.write_text(path.read_text().replace("[daemon]", '[daemon]\nsocket = "elsewhere.sock"', 1))
        async with daemon_of(path):
            path.unlink()
            monkeypatch.setenv("MILESTONES_DAEMON__SOCKET", "elsewhere.sock")
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    @pytest.mark.parametrize(
        ("was", "variable", "value"),
        [
            ("", "MILESTONES_NOTHING__AT_ALL", ""),
            ("", "MILESTONES_DAEMON__SOCKET", ""),
            ("elsewhere.sock", "milestones_daemon__socket", "elsewhere.sock"),
        ],
    )
    async def test_a_daemon_is_found_that_began_before_the_file_named_another_socket(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was: str, variable: str, value: str
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        text = path.read_text()
        path.write_text(text.replace("[daemon]", f'[daemon]\nsocket = "{was}"', 1) if was else text)
        async with daemon_of(path):
            moved = text.replace("[daemon]", '[daemon]\nsocket = "var/moved.sock"', 1)
            path.write_text(moved.replace("threshold = 1000", 'threshold = "x"'))
            monkeypatch.setenv(variable, value)
            called = await asyncio.to_thread(call, "pause", "--config", path)
            assert called.code == 0, called.err

    async def test_the_daemon_of_another_file_in_the_folder_is_not_asked(
        self, call: Call, tmp_path: Path
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        other = path.with_name("other.toml")
        other.write_text(path.read_text() + "\n[[[")
        async with daemon_of(path):
            called = await asyncio.to_thread(call, "status", "--config", other)
            assert called.code == 2

    def test_without_a_daemon_the_faults_are_told(self, call: Call, path: Path) -> None:
        path.write_text(path.read_text().replace("threshold = 1000", 'threshold = "x"'))
        called = call("pause", "--config", path)
        assert called.code == 2
        assert "threshold" in called.err


class TestReload:
    def test_without_a_daemon_there_is_nothing_to_do(self, call: Call, path: Path) -> None:
        called = call("reload", "--config", path)
        assert called.code == 1
        assert called.err.startswith("No daemon is running; `milestones run` reads the configuration")

    async def test_the_daemon_answers_with_what_is_in_force(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            called = await asyncio.to_thread(call, "reload", "--config", path)
            assert called.out == f"The configuration {shop.settings.hash} is in force.\n"

    async def test_a_faulty_file_is_refused_before_anybody_is_asked(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            path.write_text(path.read_text().replace("threshold = 1000", "threshold = 10"))
            called = await asyncio.to_thread(call, "reload", "--config", path)
            assert called.code == 2
            assert "milestones[0]" in called.err
            assert shop.reloads == 0


class TestBackfill:
    def test_before_every_account_was_read_it_says_that_there_may_be_more(
        self, call: Call, path: Path
    ) -> None:
        called = call("backfill", "stars-1000", "--config", path)
        assert called == (
            0,
            "Nobody that is known is above it who was not given it.\n",
            "The Corner Shop: the first reading of all accounts is not complete, so there may be more.\n",
        )

    def test_it_shows_the_count_and_asks_before_anything_is_given(
        self, call: Call, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
        refused = call("backfill", "again-500", "--config", path)
        assert (refused.code, refused.out.strip()) == (1, "")
        assert "The Corner Shop: 2 accounts would be given it, 2 times in all.\n" in refused.err
        assert "Give it to all of them? [y/N]:" in refused.err
        assert grants(path) == ["stars-1000"]
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
        agreed = call("backfill", "again-500", "--config", path)
        assert (agreed.code, agreed.out.strip()) == (0, "The Corner Shop: given 2 times.")
        assert grants(path) == ["again-500", "again-500", "stars-1000"]

    def test_yes_is_not_asked_and_a_second_time_there_is_nobody_left(self, call: Call, path: Path) -> None:
        called = call("backfill", "again-500", "--yes", "--json", "--config", path)
        assert (called.code, [site["grants"] for site in json.loads(called.out)["sites"]]) == (0, [2])
        assert "Give it" not in called.err
        again = call("backfill", "again-500", "--config", path)
        assert (again.code, again.out) == (0, "Nobody that is known is above it who was not given it.\n")
        assert grants(path) == ["again-500", "again-500", "stars-1000"]

    def test_a_milestone_that_does_not_exist_is_a_sentence(self, call: Call, path: Path) -> None:
        called = call("backfill", "stars", "--config", path)
        assert called.code == 2
        assert "No site has a milestone 'stars'" in called.err


def grants(path: Path) -> list[str]:
    """Milestones that were given, sorted."""
    with closing(sqlite3.connect(path.parent / "var/milestones.db")) as database:
        return sorted(row[0] for row in database.execute("SELECT milestone FROM grants"))


class TestVerify:
    def test_what_agrees_is_said_and_is_no_failure(self, call: Call, path: Path) -> None:
        called = call("verify", "--config", path)
        assert (called.code, called.err) == (0, "")
        assert called.out == "1 grant of 2 accounts: compared with the log.\nEverything agrees.\n"
        told = json.loads(call("verify", "--json", "--config", path).out)
        assert (told["grants"], told["accounts"], told["differences"]) == (1, 2, [])

    def test_differences_are_shown_with_their_evidence_and_fail(self, call: Call, path: Path) -> None:
        with closing(sqlite3.connect(path.parent / "var/milestones.db")) as database, database:
            database.execute("UPDATE grants SET value = 5000")
        called = call("verify", "--config", path)
        assert called.code == 1
        shown = " ".join(called.out.split())
        assert "1 difference:" in shown
        assert (
            f"{ACCOUNT} stars-1000 was given at revision 2 with 5000 points, and the log says: no such state."
            in shown
        )
        machine = call("verify", "--json", "--config", path)
        assert machine.code == 1
        assert [one["what"] for one in json.loads(machine.out)["differences"]] == ["grant_without_evidence"]


class TestScan:
    async def test_the_daemon_scans(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path):
            called = await asyncio.to_thread(call, "scan", "--json", "--config", path)
        assert [scan["kind"] for scan in json.loads(called.out)["scans"]] == ["reached", "near"]

    async def test_a_site_that_cannot_be_asked_is_named_and_the_others_are_scanned_and_resumed(
        self, call: Call, tmp_path: Path
    ) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            await shop.take_on("elsewhere", "The Other Shop")
            shop.refused["elsewhere"] = ChannelError("The key was not accepted.")
            scanned = await asyncio.to_thread(call, "scan", "--config", path)
            async with shop.store.write() as tx:
                await heartbeat.hold(tx, "It may be a copy.")
            resumed = await asyncio.to_thread(call, "resume", "--rewound", "--config", path)
            again = await asyncio.to_thread(call, "resume", "--site", "elsewhere", "--config", path)
        assert scanned.code == 1
        assert "The Other Shop: The key was not accepted." in scanned.out
        assert "reached" in scanned.out
        assert resumed.code == 0
        assert "Everything goes on on The Corner Shop.\n" in resumed.out
        assert "`milestones resume --site 'The Other Shop'`" in resumed.out
        assert again.code == 1
        assert again.err.startswith("Nothing goes on, since Wix could not be asked what has changed.")

    def test_without_one_the_command_does_it_itself(self, call: Call, shop: Path) -> None:
        config = shop / "config.toml"
        text = (
            config.read_text().replace("port = 8090", "port = 0").replace("customers = 500", "customers = 60")
        )
        config.write_text(text.replace('state_file = "var/sandbox.json"', 'state_file = "sandbox.json"'))
        called = call("scan", "--dry-run", "--config", config)
        assert called.code == 0, called.err
        assert "Nothing was recorded and nothing was sent." in " ".join(called.out.split())
        assert call("outbox", "list", "--config", config).out == "Nothing is in the outbox.\n"
        called = call("scan", "--config", config)
        assert called.code == 0, called.err
        assert "reached" in called.out
        assert (
            call("outbox", "list", "--kind", "email", "--config", config).out != "There is no such action.\n"
        )

    def test_no_database_is_made_for_a_site_that_does_not_exist(self, call: Call, shop: Path) -> None:
        called = call("scan", "nowhere", "--config", shop / "config.toml")
        assert called.code == 2
        assert "There is no site 'nowhere'; the configuration names The Corner Shop." in called.err
        assert not (shop / "var/milestones.db").exists()
