"""The program as a whole: its help, and what becomes of errors."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from milestones.cli import app as program
from milestones.errors import ConfigurationError, MilestonesError, UsageError
from tests.cli.conftest import Call


def test_the_help_names_every_command(call: Call) -> None:
    called = call("--help")
    assert called.code == 0
    for name in program.COMMANDS:
        assert name in called.out


def test_every_file_with_a_command_in_it_is_known() -> None:
    folder = Path(program.__file__).parent
    files = {path.stem for path in folder.glob("*.py") if "\napp = typer.Typer(" in path.read_text()}
    assert files - {"app"} == set(program.COMMANDS)


@pytest.mark.parametrize("name", program.COMMANDS)
def test_every_command_can_be_imported_and_has_help(call: Call, name: str) -> None:
    assert isinstance(import_module(f"milestones.cli.{name}").app, typer.Typer)
    called = call(name, "--help")
    assert called.code == 0
    assert "install-completion" not in called.out


def test_no_command_is_imported_for_the_help() -> None:
    code = "import sys, milestones.cli.app; print([m for m in sorted(sys.modules) if m.startswith('milestones.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    expected = ["cli", "cli.app", "errors", "observability", "observability.hangups"]
    assert done.stdout.strip() == str([f"milestones.{name}" for name in expected])


def test_a_command_that_does_not_exist_is_wrong_usage(call: Call) -> None:
    called = call("chek")
    assert called.code == 2
    assert "Did you mean 'check'?" in called.err


def test_an_argument_that_is_no_text_is_wrong_usage(call: Call) -> None:
    called = call("explain", os.fsdecode(b"j\xf6rg"))
    assert called == (2, "", "An argument is no text in UTF-8, so nothing here can have that name.\n")


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (MilestonesError("It failed."), 1, "It failed.\n"),
        (UsageError("Call it otherwise."), 2, "Call it otherwise.\n"),
        (ConfigurationError(["one", "two"]), 2, "one\ntwo\n2 faults.\n"),
        (ExceptionGroup("tasks", [ExceptionGroup("tasks", [UsageError("No.")])]), 2, "No.\n"),
        (KeyboardInterrupt(), 130, ""),
        (PermissionError(13, "Permission denied", "/root/x"), 1, "/root/x: Permission denied.\n"),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    call: Call, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentence: str
) -> None:
    def fail(**_: object) -> None:
        raise error

    monkeypatch.setattr(program, "app", fail)
    assert call("check") == (code, "", sentence)


def test_a_fault_of_ours_names_its_place_and_none_of_its_values(
    call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise KeyError("ada@example.com")

    monkeypatch.setattr(program, "app", fail)
    called = call("check")
    assert called.code == 1
    assert called.err.startswith("This is a fault of the program: KeyError at test_app.py:")
    assert "ada@example.com" not in called.err
    monkeypatch.setenv(program.TRACEBACK, "1")
    assert "Traceback" in call("check").err


@pytest.mark.parametrize(("command", "code"), [("status", 1), ("pause", 1), ("check", 2), ("run", 2)])
def test_a_folder_that_is_gone_is_said(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    called = call(command)
    assert called.code == code
    assert "The folder that this was called in is gone. Change to another" in called.err
