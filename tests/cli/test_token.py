"""``token``: made and shown once, listed without its secret, revoked; also without a daemon."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.filled import filled


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return filled(tmp_path / "shop")


def test_it_stands_alone_on_stdout_and_is_not_shown_again(call: Call, path: Path) -> None:
    made = call(
        "token", "create", "till-2", "--scope", "points", "--scope", "redeem", "--expires", "90d", "-c", path
    )
    assert made.code == 0
    token = made.out.strip()
    assert token.startswith("mst_")
    assert "only time" in made.err
    listed = call("token", "list", "-c", path)
    assert "till-2" in listed.out
    assert "points, redeem" in listed.out.replace("\n", " ")
    assert token not in listed.out
    assert token.rpartition("_")[2] not in call("token", "list", "--json", "-c", path).out
    [line] = json.loads(call("token", "list", "--json", "-c", path).out)
    assert (line["state"], line["scopes"], line["last_used_at"]) == ("in_force", ["points", "redeem"], None)
    gone = call("token", "revoke", token, "-c", path)
    assert (gone.code, "till-2" in gone.out, token in gone.out) == (0, True, False)
    assert json.loads(call("token", "list", "--json", "-c", path).out)[0]["state"] == "revoked"
    again = call("token", "revoke", "till-2", "-c", path)
    assert (again.code, "is in force" in again.err) == (2, True)


def test_what_cannot_be_is_said_in_a_sentence(call: Call, path: Path) -> None:
    assert call("token", "create", "shop", "--scope", "read", "-c", path).code == 0
    for arguments, sentence in {
        ("shop", "--scope", "read"): "There is a token 'shop' already",
        ("a b", "--scope", "read"): "letters and digits of ASCII",
        ("", "--scope", "read"): "letters and digits of ASCII",
        ("x" * 61, "--scope", "read"): "letters and digits of ASCII",
        ("other", "--scope", "all"): "'all' is not one of",
        ("other",): "Missing option '--scope'",
        ("other", "--scope", "read", "--expires", "soon"): "--expires must be a duration",
        ("other", "--scope", "read", "--expires", "0d"): "--expires must be a duration",
        ("other", "--scope", "read", "--expires", "9999d"): "at most ten years",
    }.items():
        called = call("token", "create", *arguments, "-c", path)
        assert called.code == 2, arguments
        assert sentence in " ".join(called.err.split()), called.err
    tokens = json.loads(call("token", "list", "--json", "-c", path).out)
    assert [one["title"] for one in tokens if one["state"] == "in_force"] == ["shop"]


def test_a_name_that_was_revoked_may_be_given_again(call: Call, path: Path) -> None:
    for _ in range(2):
        assert call("token", "create", "turnstile", "--scope", "admin", "-c", path).code == 0
        assert call("token", "revoke", "turnstile", "-c", path).code == 0
