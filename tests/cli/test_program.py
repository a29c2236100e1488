"""``milestones program``: without a daemon, on the simulated Wix that runs as long as the command."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.cli.conftest import Call

CONFIG = """
[daemon]
mode = "live"
[wix]
sandbox = true
query_lag = "1s"
[[sites]]
name = "The Corner Shop"
[mail]
transport = "folder"
folder = "var/mail"
sender = "Shop <shop@example.com>"
[sandbox]
port = 0
customers = 0
state_file = "var/sandbox.json"
"""

PROGRAM = """
[program]
name = "Corner [bold]Stars"
[[program.rewards]]
title = "15% off everything"
coupon = { percent_off = 20, scope = "stores" }
cost = 1500
at = { Gold = 1000 }
[[program.badges]]
title = "Star"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    (tmp_path / "templates").mkdir()
    path.write_text(CONFIG + PROGRAM)
    return path


def test_a_program_is_planned_applied_and_planned_again(call: Call, config: Path) -> None:
    shown = call("program", "plan", "-c", config)
    assert shown.code == 2, shown
    out = " ".join(shown.out.split())
    assert '~ Change the reward "15% off everything". percent_off 15 → 20 cost in Gold 1500 → 1000' in out
    assert '+ Create the badge "Star". title "Star"' in out
    assert 'name "Star Club" → "Corner [bold]Stars"' in out, "what stands in the file is no markup"
    assert "3 steps." in out
    told = json.loads(call("program", "plan", "--json", "-c", config).out)["sites"][0]
    assert [(step["kind"], step["verb"]) for step in told["steps"]] == [
        ("program", "change"),
        ("badge", "create"),
        ("reward", "change"),
    ]
    done = call("program", "apply", "--yes", "-c", config)
    assert done.code == 0, done
    assert "3 steps done" in done.out
    again = call("program", "plan", "-c", config)
    assert (again.code, again.err) == (0, "")
    assert "Nothing differs." in again.out
    assert call("program", "apply", "-c", config).code == 0, "nothing to ask"


def test_check_says_what_the_file_wants_of_the_program(call: Call, config: Path) -> None:
    assert "Corner [bold]Stars: 1 reward, 1 badge" in call("check", "-c", config).out
    config.write_text(CONFIG)
    assert "program" not in json.loads(call("check", "--json", "-c", config).out)["summary"]


def test_apply_asks_and_a_no_changes_nothing(
    call: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: Any, **__: Any) -> bool:
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", no)
    called = call("program", "apply", "-c", config)
    assert called.code == 1
    assert 'Create the badge "Star"' in called.out
    assert call("program", "plan", "-c", config).code == 2


def test_the_file_that_export_writes_is_what_the_site_has(call: Call, config: Path) -> None:
    target = config.parent / "program.toml"
    assert call("program", "export", "--output", target, "-c", config).code == 0
    assert call("program", "export", "--output", target, "-c", config).code == 1, "it writes over nothing"
    config.write_text(CONFIG + target.read_text())
    assert call("check", "-c", config).code == 0
    called = call("program", "plan", "--prune", "-c", config)
    assert called.code == 0, called
    assert call("program", "export", "-c", config).out == target.read_text()


def test_what_cannot_be_is_said_and_nothing_is_done(call: Call, config: Path) -> None:
    config.write_text(CONFIG + PROGRAM.replace("Gold", "Platinum"))
    shown = call("program", "plan", "-c", config)
    assert shown.code == 2
    sentence = 'names the tier "Platinum", which neither the site nor the file has.'
    assert sentence in " ".join(shown.out.split())
    called = call("program", "apply", "--yes", "-c", config)
    assert called.code == 1
    assert sentence in called.err
    assert json.loads(call("program", "plan", "--json", "-c", config).out)["sites"][0]["steps"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "has no [program] for The Corner Shop. `milestones program export` writes one"),
        ("[program]\nnam = 1\n", "program.nam: unknown key; did you mean 'name'?"),
    ],
)
def test_a_file_without_a_program_or_with_a_fault_is_a_sentence(
    call: Call, config: Path, text: str, sentence: str
) -> None:
    config.write_text(CONFIG + text)
    for command in ("plan", "apply"):
        called = call("program", command, "-c", config)
        assert called.code == 2
        assert sentence in called.err
