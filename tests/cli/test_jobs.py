"""``backfill``, ``verify`` and ``scan``: with a daemon and without one."""

import asyncio
import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from milestones.errors import ChannelError
from milestones.store.database import heartbeat
from tests.builders import ACCOUNT
from tests.cli.conftest import Call
from tests.cli.filled import daemon_of, filled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


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
