"""``milestones db`` and ``milestones rejected``."""

import json
import sqlite3
from pathlib import Path

import pytest

from milestones.store.database.daemon_lock import hold_lock
from milestones.store.people import rejected
from tests.builders import NOW, SITE
from tests.cli.conftest import Call
from tests.cli.filled import filled
from tests.ingest import tokens
from tests.shop import Shop, write_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop", kept)


async def kept(shop: Shop) -> None:
    known = tokens.token(tokens.claims("wix.of.no.interest", {"secret": "x"}))
    async with shop.store.write() as tx:
        await rejected.add(tx, SITE, "wix.of.no.interest", "It was new.", known, NOW)
        await rejected.add(
            tx, None, None, "The token's payload is not valid JSON.", tokens.genuine(b"\xff"), NOW
        )


class TestDatabase:
    def test_a_sound_one_passes(self, call: Call, path: Path) -> None:
        called = call("db", "check", "--config", path)
        assert called.code == 0, called.out
        assert "schema: It is of this version." in called.out

    def test_one_that_is_missing_is_wrong(self, call: Call, tmp_path: Path) -> None:
        called = call("db", "check", "--json", "--config", write_config(tmp_path / "shop"))
        assert called.code == 1
        assert json.loads(called.out)["checks"][0]["told"].startswith("There is none yet")

    def test_one_that_lost_rows_is_wrong(self, call: Call, path: Path) -> None:
        with sqlite3.connect(path.parent / "var" / "milestones.db") as database:
            database.execute("DELETE FROM observations")
        database.close()
        called = call("db", "check", "--config", path)
        assert called.code == 1
        assert "2 account(s) lack the newest stretch of their history" in " ".join(called.out.split())

    def test_a_file_that_is_no_database_is_wrong(self, call: Call, tmp_path: Path) -> None:
        path = write_config(tmp_path / "shop")
        (tmp_path / "shop" / "var").mkdir()
        (tmp_path / "shop" / "var" / "milestones.db").write_text("this is a letter and no database" * 100)
        assert call("db", "check", "--config", path).code == 1
        assert call("outbox", "list", "--config", path).code == 1

    def test_upgrade_makes_an_empty_one(self, call: Call, tmp_path: Path) -> None:
        path = write_config(tmp_path / "shop")
        assert call("db", "upgrade", "--config", path).out.endswith("milestones.db was made.\n")
        assert call("db", "upgrade", "--config", path).out.endswith("is of this version already.\n")
        assert call("db", "check", "--config", path).code == 0

    def test_upgrade_refuses_while_somebody_works_on_it(self, call: Call, path: Path) -> None:
        with hold_lock(f"sqlite:///{path.parent / 'var' / 'milestones.db'}"):
            called = call("db", "upgrade", "--config", path)
        assert called.code == 1
        assert "is in use by process" in called.err


class TestRejected:
    def test_they_are_listed_with_their_reason(self, call: Call, path: Path) -> None:
        assert "It was new." in call("rejected", "list", "--config", path).out
        told = json.loads(call("rejected", "list", "--json", "--config", path).out)
        assert [(row["id"], row["reason"]) for row in told][-1] == (1, "It was new.")

    def test_one_is_shown_as_it_came(self, call: Call, path: Path) -> None:
        assert '"eventType\\": \\"wix.of.no.interest\\"' in call("rejected", "show", 1, "--config", path).out
        assert call("rejected", "show", 2, "--config", path).code == 0
        assert "Invalid value for 'ID'" in call("rejected", "show", 2**63, "--config", path).err
        assert "Nothing is kept under 9." in call("rejected", "show", 9, "--config", path).err

    def test_what_would_steer_the_terminal_is_shown_and_not_sent(self, call: Call, tmp_path: Path) -> None:
        async def hostile(shop: Shop) -> None:
            body = tokens.token({"data": "\x9b31m \u202e [link=x] \ud800 Zoë"})
            async with shop.store.write() as tx:
                await rejected.add(tx, SITE, "a", "It was new.", body, NOW)

        path = filled(tmp_path / "hostile", hostile)
        for options in ((), ("--json",)):
            called = call("rejected", "show", 1, *options, "--config", path)
            assert called.code == 0, called.err
            assert "\\u009b31m \\u202e [link=x] \\ud800 Zoë" in called.out

    def test_replay_takes_what_is_understood_now(self, call: Call, path: Path) -> None:
        called = call("rejected", "replay", "--config", path)
        assert called.out.splitlines()[0] == (
            "0 webhooks and accounts understood and recorded, 1 of a kind that nobody needs, 1 still not understood."
        )
        assert len(json.loads(call("rejected", "list", "--json", "--config", path).out)) == 1

    def test_none_is_good_news(self, call: Call, tmp_path: Path) -> None:
        path = filled(tmp_path / "another")
        assert call("rejected", "list", "--config", path).out == "Everything was understood.\n"
