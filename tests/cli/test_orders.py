"""``milestones accounts adjust``, as a person calls it."""

import json
from pathlib import Path

import pytest

from milestones.domain.policy import Breaker
from tests.cli.conftest import Call
from tests.cli.filled import filled


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "120")
    return filled(tmp_path / "shop")


def test_without_a_daemon_it_is_recorded_for_the_next_and_told_everywhere(call: Call, path: Path) -> None:
    order = ("accounts", "adjust", "ada@example.com", "--by", "-5", "--reason", "A late [bill]", "--key", "k")
    called = call(*order, "--config", path)
    assert called.code == 0, called.err
    number = called.out.partition("#")[2].partition(" ")[0]
    assert f"#{number} An adjustment by -5 points is due: A late [bill]." in called.out
    assert "the next `milestones run` does it" in called.out
    again = call(*order, "--config", path, "--json")
    assert (json.loads(again.out)["created"], json.loads(again.out)["actions"][0]["id"]) == (
        False,
        int(number),
    )
    assert "adjust: A late [bill]" in call("outbox", "list", "--config", path).out
    assert "order/" in call("outbox", "show", number, "--config", path).out
    assert "What was ordered" in call("explain", "ada", "--config", path).out
    assert call("db", "check", "--config", path).code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--reason", "x"), "Give either an amount"),
        (("--reason", "x", "--by", "1", "--to", "1"), "Give either an amount"),
        (("--reason", "x", "--by", "0"), "and not by 0"),
        (("--reason", "", "--by", "1"), "The reason is empty"),
        (("--reason", "x", "--to", "1000000000"), "A balance is 0 to 999,999,999 points"),
        (("--reason", "x", "--by", "1", "--key", "a b"), "A key has 1 to 200"),
        (("--reason", "x", "--by", "many"), "'--by'"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_a_wrong_usage(
    call: Call, path: Path, options: tuple[str, ...], sentence: str
) -> None:
    called = call("accounts", "adjust", "ada@example.com", *options, "--config", path)
    assert (called.code, called.out) == (2, "")
    assert sentence in called.err
    assert "Traceback" not in called.err


def test_points_that_are_earned_are_an_order_as_well(call: Call, path: Path) -> None:
    earn = ("accounts", "earn", "ada@example.com", "50", "--key", "k", "--config", path)
    called = call(*earn, "--description", "A [review]")
    assert called.code == 0, called.err
    assert "50 points are due: A [review]." in called.out
    refused = call(*earn, "--description", "Another")
    assert (refused.code, "for something else" in refused.err) == (2, True)
    for points, sentence in (("0", "1 to 9,999,999"), ("10000000", "1 to 9,999,999"), ("many", "'N'")):
        wrong = call("accounts", "earn", "ada@example.com", points, "--description", "x", "--config", path)
        assert (wrong.code, sentence in wrong.err) == (2, True), wrong.err


def test_somebody_new_is_made_an_account_by_the_next_daemon(call: Call, path: Path) -> None:
    create = ("accounts", "create", "--email", "new@example.com", "--key", "k", "--config", path)
    called = call(*create, "--create-contact", "--first-name", "[New]")
    assert called.code == 0, called.err
    assert "A contact is due: found by its address, or made." in called.out
    assert "A loyalty account waits: found by its contact, or opened." in called.out
    listed = call("outbox", "list", "--config", path).out
    assert "contact: found by its address, or made" in listed
    assert call("db", "check", "--config", path).code == 0
    assert call("status", "--config", path).code == 0
    earn = ("accounts", "earn", "new@example.com", "5", "--description", "x", "--config", path)
    refused = call(*earn).err
    assert "No account with this address is known" in refused
    assert (
        "Something is ordered for it, and its contact was not found yet: `milestones outbox show" in refused
    )
    assert call(*earn, "--create-contact").code == 0
    for options in ((), ("--email", "x"), ("--email", "a@b.c", "--contact", "d")):
        wrong = call("accounts", "create", *options, "--config", path)
        assert (wrong.code, "Traceback" in wrong.err) == (2, False), wrong.err


def test_what_was_ordered_is_listed_and_moved_by_its_source(call: Call, path: Path) -> None:
    call("accounts", "adjust", "ada@example.com", "--by", "5", "--reason", "A bill", "--config", path)
    assert "adjust: A bill" in call("outbox", "list", "--source", "cli", "--config", path).out
    assert "There is no such action" in call("outbox", "list", "--source", "import", "--config", path).out
    assert "1 action held" in call("outbox", "hold", "--source", "cli", "--yes", "--config", path).out
    assert "1 action released" in call("outbox", "release", "--source", "cli", "--yes", "--config", path).out
    told = call("explain", "ada@example.com", "--config", path).out
    assert "A person holds it." in told
    assert "A person released it." in told
    wrong = call("outbox", "release", "--source", "nobody", "--config", path)
    assert (wrong.code, "--source" in wrong.err) == (2, True)


def test_a_file_is_looked_at_before_and_ordered_once(call: Call, path: Path, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text(
        "email,by,reason\nada@example.com,5,A [bill]\nnobody@example.com,5,x\nada@example.com,0,x\n"
    )
    order = ("accounts", "adjust", "--file", file, "--config", path)
    call(*order, "--dry-run")
    dry = call(*order, "--dry-run")
    assert (dry.code, dry.out) == (1, "1 row would be ordered; 0 ordered before; 2 refused.\n"), dry.err
    assert "line 3: No account of this mail address is known" in dry.err
    assert "line 4: Points are adjusted by" in dry.err
    first = call(*order)
    assert (first.code, "1 row ordered; 0 ordered before; 2 refused." in first.out) == (1, True)
    again = json.loads(call(*order, "--json").out)
    assert (again["new"], again["known"], sorted(again["refused"])) == (0, 1, ["3", "4"])
    allowed = call(*order, "--create-contact")
    assert "1 row ordered; 1 ordered before; 1 refused." in allowed.out
    assert "adjust: A [bill]" in call("outbox", "list", "--source", "import", "--config", path).out


def test_what_the_breaker_holds_of_a_file_is_not_taken_for_done(
    call: Call, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Breaker, "limit", lambda _self, _accounts: 1)
    file = tmp_path / "points.csv"
    file.write_text("email,by,reason\nada@example.com,5,x\nbob@example.com,5,x\n")
    order = ("accounts", "adjust", "--file", file, "--config", path)
    dry = call(*order, "--dry-run")
    assert (dry.code, "1 of them would be held by the breaker" in dry.out) == (0, True)
    done = call(*order, "--json")
    assert (done.code, json.loads(done.out)["held"]) == (1, 1)
    assert "The breaker holds 1 order" in done.err
    assert "`milestones outbox release --source import --verdict breaker` lets them go." in done.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("adjust",), "Give ACCOUNT and --reason, or a file with --file"),
        (("earn", "ada"), "Give N and --description, or a file"),
        (("adjust", "ada", "--file", "x.csv"), "leave ACCOUNT away"),
        (("adjust", "--by", "0", "--file", "x.csv"), "leave --by away"),
        (("create", "--email", "a@b.c", "--file", "x.csv"), "leave --email away"),
        (("adjust", "ada", "--by", "1", "--reason", "x", "--dry-run"), "--dry-run is of a file"),
        (("adjust", "--file", "/nowhere/x.csv"), "/nowhere/x.csv cannot be read: No such file"),
        (("adjust", "--file", "/"), "/ cannot be read: Is a directory"),
    ],
)
def test_a_file_and_one_account_exclude_each_other(
    call: Call, path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    called = call("accounts", *arguments, "--config", path)
    assert (called.code, called.out) == (2, "")
    assert sentence in called.err, called.err
