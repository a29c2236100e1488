"""``milestones outbox``."""

import asyncio
import io
import json
from pathlib import Path

import pytest

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.store.database.daemon_lock import hold_lock
from tests.builders import SITE
from tests.cli.conftest import Call
from tests.cli.filled import daemon_of, filled
from tests.shop import Shop


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


async def held_by_breaker(shop: Shop) -> None:
    await shop.observe(960, 1010, account="account-carol")
    await shop.set("badge", state=State.HELD, verdict=Verdict.BREAKER)


def states(call: Call, path: Path) -> dict[str, int]:
    told = json.loads(call("outbox", "list", "--json", "--config", path).out)
    counts: dict[str, int] = told["counts"]
    return counts


def test_the_list_counts_states_and_says_why(call: Call, path: Path) -> None:
    called = call("outbox", "list", "--config", path)
    assert called.code == 0, called.err
    assert called.out.startswith("done 3  cancelled 1")
    assert "cancelled Has not agreed" in " ".join(called.out.split())


def test_the_list_begins_with_what_must_not_be_overlooked(call: Call, path: Path) -> None:
    path.write_text(path.read_text().replace('"live"', '"shadow"'))
    call("pause", "--config", path)
    shown = " ".join(call("outbox", "list", "--config", path).out.split())
    assert shown.startswith("! Shadow mode: everything is decided and recorded, and nothing is sent")
    assert shown.index("Everything is paused") < shown.index("done 3")


def test_a_question_does_not_stand_in_an_answer_for_a_machine(
    call: Call, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    called = call("outbox", "retry", "--state", "cancelled", "--json", "--config", path)
    assert json.loads(called.out)["moved"] == 1
    assert "This would retry 1 action" in called.err


def test_the_list_narrows(call: Call, path: Path) -> None:
    for narrowed in (
        ("--state", "cancelled"),
        ("--verdict", "not_subscribed"),
        ("--kind", "email", "--state", "cancelled"),
    ):
        told = json.loads(call("outbox", "list", "--json", "--config", path, *narrowed).out)
        assert [action["account_id"] for action in told["actions"]] == ["account-bob"]
    assert (
        json.loads(call("outbox", "list", "--json", "--limit", 1, "--config", path).out)["actions"][0]["id"]
        == 4
    )


def test_codes_that_nobody_was_told_of_are_listed(call: Call, tmp_path: Path) -> None:
    async def refused(shop: Shop) -> None:
        await shop.set("email", state=State.CANCELLED, verdict=Verdict.SUPPRESSED)

    path = filled(tmp_path / "shop", refused)
    told = json.loads(call("outbox", "list", "--untold", "--json", "--config", path).out)
    assert [(action["kind"], action["state"]) for action in told["actions"]] == [("coupon", "done")]
    path = filled(tmp_path / "another")
    assert "Somebody was told of every code" in call("outbox", "list", "--untold", "--config", path).out


def test_one_action_is_shown_whole(call: Call, path: Path) -> None:
    called = call("outbox", "show", 3, "--config", path)
    assert "#3  A mail was sent: You did it." in called.out
    assert "#1 coupon done: 10% off for 1,000 stars" in called.out
    assert '"template": "milestone-reached"' in called.out
    assert "Attempts\n  1. " in called.out
    told = json.loads(call("outbox", "show", 1, "--json", "--config", path).out)
    assert [other["id"] for other in told["awaited_by"]] == [3]
    assert [(one["number"], one["state"]) for one in told["tries"]] == [(1, "done")]
    missing = call("outbox", "show", 99, "--config", path)
    assert (missing.code, missing.out) == (2, "")
    assert "There is no action #99" in missing.err


def test_the_newest_attempts_of_what_is_not_done_are_explained(call: Call, tmp_path: Path) -> None:
    async def failing(shop: Shop) -> None:
        shop.channels["coupon"].answers = [ChannelError(f"Wix said no {number}.") for number in range(1, 6)]
        await shop.observe(950, 1020, account="account-eve")
        for _ in range(5):
            await shop.drain()
            shop.later(hours=3)

    path = filled(tmp_path / "shop", failing)
    explained = call("explain", "account-eve", "--config", path).out
    assert "2 earlier attempts: milestones outbox show" in explained
    shown = [line.split(". ")[0].strip() for line in explained.splitlines() if " s: Wix said no" in line]
    assert shown == ["3", "4", "5"]


class TestOrders:
    def test_a_number_is_enough(self, call: Call, path: Path) -> None:
        called = call("outbox", "retry", 4, "--config", path)
        assert called.out == "1 action to be done again; now 1 available.\n"
        assert states(call, path) == {"available": 1, "done": 3}

    def test_what_cannot_be_is_said_and_fails(self, call: Call, path: Path) -> None:
        called = call("outbox", "cancel", 1, "--config", path)
        assert (called.code, called.out) == (1, "#1 is done already.\n")

    def test_many_are_asked_about_first(
        self, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = filled(tmp_path / "shop", held_by_breaker)
        monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
        refused = call("outbox", "release", "--verdict", "breaker", "--config", path)
        assert refused.code == 1
        assert "This would release 2 actions:" in refused.err
        assert states(call, path)["held"] == 2
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        assert call("outbox", "release", "--verdict", "breaker", "--config", path).code == 0
        assert "held" not in states(call, path)

    def test_or_not_where_a_person_said_so(self, call: Call, tmp_path: Path) -> None:
        path = filled(tmp_path / "shop", held_by_breaker)
        called = call("outbox", "release", "--milestone", "stars-1000", "--yes", "--json", "--config", path)
        assert json.loads(called.out)["moved"] == 2

    def test_without_a_choice_nothing_is_done(self, call: Call, path: Path) -> None:
        called = call("outbox", "cancel", "--config", path)
        assert called.code == 2
        assert called.err.startswith("Say what to cancel: the numbers of actions; or --milestone")
        assert call("outbox", "cancel", 1, "--all", "--config", path).code == 2

    def test_of_many_only_failures_are_retried_unless_told_otherwise(self, call: Call, path: Path) -> None:
        assert "There is nothing to retry" in call("outbox", "retry", "--all", "--config", path).err
        called = call("outbox", "retry", "--verdict", "not_subscribed", "--yes", "--config", path)
        assert called.out.startswith("1 action to be done again")

    def test_unknown_fates_are_resolved(self, call: Call, tmp_path: Path) -> None:
        async def lost(shop: Shop) -> None:
            await shop.set("email", state=State.UNKNOWN, verdict=Verdict.LOST_ANSWER)

        path = filled(tmp_path / "shop", lost)
        assert call("outbox", "resolve", 3, "--as", "done", "--config", path).out.endswith("now 1 done.\n")
        assert call("outbox", "resolve", 4, "--as", "again", "--config", path).out.endswith(
            "now 1 available.\n"
        )
        assert call("outbox", "resolve", 4, "--as", "maybe", "--config", path).code == 2

    def test_a_daemon_that_holds_the_database_and_does_not_answer_is_named(
        self, call: Call, path: Path
    ) -> None:
        with hold_lock(f"sqlite:///{path.parent / 'var' / 'milestones.db'}"):
            called = call("outbox", "retry", 4, "--config", path)
        assert called.code == 1
        assert "is in use by process" in called.err

    async def test_a_running_daemon_carries_them_out(self, call: Call, tmp_path: Path) -> None:
        path = await asyncio.to_thread(filled, tmp_path / "shop")
        async with daemon_of(path) as shop:
            called = await asyncio.to_thread(call, "outbox", "retry", 4, "--config", path)
            assert called.code == 0, called.err
            assert [outcome.wake for outcome in shop.outcomes] == [{SITE}]
            refused = await asyncio.to_thread(call, "outbox", "retry", 4, "--config", path)
            assert (refused.code, refused.out) == (1, "#4 is due by itself.\n")


@pytest.mark.parametrize("number", ["0", "-1", "9223372036854775808", "x"])
@pytest.mark.parametrize(
    "command", [("show",), ("retry",), ("release",), ("hold",), ("cancel",), ("resolve", "--as", "done")]
)
def test_a_number_that_no_action_can_have_is_wrong_usage(
    call: Call, shop: Path, command: tuple[str, ...], number: str
) -> None:
    called = call("outbox", *command, "--config", shop / "config.toml", "--", number)
    assert (called.code, called.out) == (2, "")
    assert "Invalid value for" in called.err


def test_before_the_first_start_there_is_a_sentence(call: Call, shop: Path) -> None:
    called = call("outbox", "list", "--config", shop / "config.toml")
    assert called.code == 1
    assert called.err.endswith("milestones.db does not exist yet. `milestones run` makes it.\n")
    assert call("outbox", "retry", 1, "--config", shop / "config.toml").code == 1
