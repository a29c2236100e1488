"""``milestones explain`` and ``milestones accounts``."""

import json
from pathlib import Path

import pytest

from tests.builders import ACCOUNT
from tests.cli.conftest import Call
from tests.cli.filled import filled
from tests.shop import Shop


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "80")
    return filled(tmp_path / "shop")


def test_why_a_customer_got_a_coupon_is_told_line_by_line(call: Call, path: Path) -> None:
    called = call("explain", "ada@example.com", "--config", path)
    assert called.code == 0, called.err
    for part in (
        "Ada <ada@example.com>",
        "balance 1,010, earned 1,010 (revision 2)",
        "from 960 to 1,010, over 1,000, at revision 2",
        "given      Given once.",
        "#1 coupon done",
        "#3 email done 20 Nov 2026 09:15: You did it",
        "next       It is given once, so nothing follows.",
        "500 stars saved again-500",
    ):
        assert part in called.out
    assert max(map(len, called.out.splitlines())) <= 80


def test_why_a_customer_got_no_mail_is_told_with_the_verdict(call: Call, path: Path) -> None:
    called = call("explain", "account-bob", "stars-1000", "--config", path)
    told = " ".join(called.out.split())
    assert "Bob [bold] <bob@example.com>" in told
    assert "not given 50 are missing: 950 of 1,000." in told
    assert "#4 email cancelled" in told
    assert "not_subscribed: Has not agreed to mail from the shop" in told
    assert "reminder now not_subscribed" in told
    assert "again-500" not in told


def test_a_machine_gets_every_account_that_is_meant(call: Call, path: Path) -> None:
    (told,) = json.loads(call("explain", ACCOUNT, "--json", "--config", path).out)
    assert told["person"]["email"] == "ada@example.com"
    assert [story["key"] for story in told["stories"]] == ["stars-1000", "again-500"]
    assert told["history"][0]["balance"] == 960


def test_nobody_and_nothing_are_sentences(call: Call, path: Path) -> None:
    called = call("explain", "carol@example.com", "--config", path)
    assert (called.code, called.out) == (1, "")
    assert called.err.startswith("No account with this address is known.")
    called = call("explain", ACCOUNT, "stars-2000", "--config", path)
    assert called.code == 2
    assert "There is no milestone 'stars-2000' here; the keys are stars-1000, again-500." in called.err


def test_accounts_are_listed_by_points(call: Call, path: Path) -> None:
    called = call("accounts", "list", "--config", path)
    assert called.out.index("ada@example.com") < called.out.index("bob@example.com")
    told = json.loads(call("accounts", "list", "--json", "--limit", 1, "--config", path).out)
    assert [account["name"] for account in told] == ["Ada"]


def test_those_near_a_milestone_are_listed_with_what_is_missing(call: Call, path: Path) -> None:
    told = json.loads(call("accounts", "list", "--near", "stars-1000", "--json", "--config", path).out)
    assert [(account["id"], account["missing"]) for account in told] == [("account-bob", 50)]
    called = call("accounts", "list", "--near", "again-500", "--config", path)
    assert called.code == 2
    assert "No milestone 'again-500' has a near window; those with one are stars-1000." in called.err


OF_ANOTHER = """
[[sites]]
name = "The Other Shop"
instance_id = "elsewhere"

[[sites.milestones]]
key = "stars-1000"
title = "Here it takes 2,000"
threshold = 2000
near = { within = 100, template = "almost-there" }
"""


def test_near_is_what_each_site_calls_near(call: Call, tmp_path: Path) -> None:
    async def another(shop: Shop) -> None:
        await shop.take_on("elsewhere", "The Other Shop")
        await shop.observe(930, 1930, site="elsewhere", account="account-carol")
        await shop.observe(970, site="elsewhere", account="account-dave")

    path = filled(tmp_path / "shop", another)
    path.write_text(path.read_text() + OF_ANOTHER)

    def near(*options: str) -> list[tuple[str, int]]:
        called = call("accounts", "list", "--near", "stars-1000", "--json", *options, "--config", path)
        return [(account["id"], account["missing"]) for account in json.loads(called.out)]

    assert near() == [("account-carol", 70), ("account-bob", 50)]
    assert near("--site", "the other shop") == [("account-carol", 70)]
    assert near("--limit", "1") == [("account-carol", 70)]


def test_one_account_is_shown_with_what_it_was_given(call: Call, path: Path) -> None:
    called = call("accounts", "show", "ada@example.com", "--config", path)
    assert "stars-1000 on 20 Nov 2026 09:15, at 1,010" in called.out
    (told,) = json.loads(call("accounts", "show", "account-bob", "--json", "--config", path).out)
    assert [reminder["value"] for reminder in told["reminders"]] == [950]
