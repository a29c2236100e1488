"""``milestones rewards``: without a daemon, on the simulated Wix that runs as long as the command."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.test_program import CONFIG


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLUMNS", "140")
    path = tmp_path / "config.toml"
    (tmp_path / "templates").mkdir()
    path.write_text(CONFIG)
    return path


def test_rewards_are_shown_with_what_they_cost_as_wix_has_them(call: Call, path: Path) -> None:
    listed = call("rewards", "list", "-c", path)
    assert (listed.code, listed.err) == (0, "")
    rewards = json.loads(call("rewards", "list", "--json", "-c", path).out)["rewards"]
    assert rewards
    for one in rewards:
        assert one["name"] in listed.out
        assert one["id"] in listed.out
    first = rewards[0]
    shown = call("rewards", "show", first["id"][:8], "-c", path)
    assert (shown.code, shown.err) == (0, "")
    for price in first["prices"]:
        assert f"{price['points']:,} points" in shown.out
        assert price["worth"] in shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("show", "no such thing"), 2, "There is no reward 'no such thing'; there are"),
        (("redeem", "ada@example.com", "10% off"), 1, "No account with this address is known"),
        (("apply", "x"), 2, "Give either a reward, with the account that pays for it, or"),
        (("discounts", "x"), 2, "A checkout is named by its id"),
        (("apply", "x", "--points", "many"), 2, "--points"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    call: Call, path: Path, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    called = call("rewards", *arguments, "-c", path)
    assert (called.code, called.out) == (code, "")
    assert sentence in " ".join(called.err.split())
    assert "Traceback" not in called.err


def test_a_checkout_has_no_discount_until_one_is_applied(call: Call, path: Path) -> None:
    called = call("rewards", "discounts", "0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42", "-c", path)
    assert (called.code, called.out) == (0, "Wix tells of no loyalty discount of this checkout.\n")
