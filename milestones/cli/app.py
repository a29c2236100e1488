"""The program ``milestones``: its commands, and the boundary behind which an error is a sentence.

To add a command, write ``milestones/cli/<name>.py`` with an ``app = typer.Typer()`` in it, and one line below. An ``app``
with one function is that command; with several, or with a callback, it is a group of them. Such a file imports at its
top whatever it needs: it is imported only when its command is called, so that ``--help`` stays quick. What only some
uses of it need, and takes long to import, stands in the function that uses it; ``tests/cli/test_imports.py`` holds this.
Raise ``MilestonesError`` for what a person can do something about; do not print it.
"""

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from milestones.errors import ConfigurationError, MilestonesError

COMMANDS: dict[str, str] = {
    "init": "Write config.toml, the mail templates and a systemd unit.",
    "check": "Validate the configuration and the templates.",
    "run": "Run the daemon.",
    "demo": "Run the daemon on a lively simulated shop, with the dashboard opened.",
    "status": "Show whether it runs, and what wants a person.",
    "explain": "Why a customer did or did not get something.",
    "accounts": "Whose points are known, and what they were given.",
    "rewards": "What points buy: redeemed for coupons, and spent at a checkout.",
    "outbox": "What is owed, what became of it, and a person's word on it.",
    "sync": "Other loyalty programs: brought over from a file, or kept in step with this one.",
    "optout": "Who must not be mailed, whatever Wix says.",
    "scan": "Look for near customers now, or show what that would decide.",
    "preview": "Show a template as a mail, or send it to oneself.",
    "pause": "Keep back what is due.",
    "resume": "Go on after a pause or a hold.",
    "reload": "Put the configuration into force as it is now.",
    "rejected": "Webhooks and accounts that could not be understood.",
    "backfill": "Give a milestone to everybody who was above it already.",
    "verify": "Recompute every grant from the log, and compare.",
    "earn": "Points for what happens elsewhere: a rule tried out, and what is known of services.",
    "program": "The loyalty program from a file: what differs, making it so, writing the file.",
    "db": "The database: its version, and whether it is sound.",
    "token": "Who may call the API, and for what.",
    "password": "Set the dashboard's password.",
    "sandbox": "Run the simulated Wix alone.",
}
"""Each command, in the order of the help, with its line there. Its file has its name."""

_COMPLETION = ("install_completion", "show_completion")

_PLAIN = None
"""Typer draws boxes around help and errors unless told so, and takes longer to import what draws than for all else."""

TRACEBACK = "MILESTONES_TRACEBACK"
"""Set it to 1 to see where an error that nobody expected arose."""


class LazyGroup(TyperGroup):
    """Shows the table of commands without importing any, and imports the one that is called."""

    def __init__(self, **settings: Any) -> None:
        stand_ins = {name: TyperCommand(name, help=line) for name, line in COMMANDS.items()}
        super().__init__(**{**settings, "commands": stand_ins})

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]
        """For a call, the command itself in place of its stand-in."""
        name, stand_in, rest = super().resolve_command(ctx, args)
        if name is None or stand_in is None:
            return name, stand_in, rest
        return name, _load(name), rest


def _load(name: str) -> Any:
    command = get_command(import_module(f"milestones.cli.{name}").app)
    # Typer takes each file's app for a program of its own, with shell completion to install.
    command.params = [one for one in command.params if one.name not in _COMPLETION]
    for one in (command, *getattr(command, "commands", {}).values()):
        one.rich_markup_mode = _PLAIN
    return command


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=_PLAIN,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"milestones {version('milestones')}")
        raise typer.Exit


@app.callback()
def milestones(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """A daemon for Wix Loyalty: says that a milestone is near, and gives what was promised when it is reached."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 wrong usage or configuration. Errors are sentences on stderr."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A customer's name may hold what the terminal's encoding lacks. On stderr Python does this by itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    given = sys.argv[1:] if arguments is None else list(arguments)
    if any(not _is_text(argument) for argument in given):
        _say("An argument is no text in UTF-8, so nothing here can have that name.")
        sys.exit(2)
    try:
        app(args=given, prog_name="milestones")
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last boundary: whatever it is becomes a sentence
        sys.exit(_complain(_innermost(error)))


def _is_text(argument: str) -> bool:
    """Python hands on bytes that are none as half characters, which no database and no encoding takes."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _innermost(error: Exception) -> Exception:
    """What a task group has wrapped, where it is one error."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


_NO_FOLDER = "The folder that this was called in is gone. Change to another, or name the configuration by its whole path (--config)."


def _complain(error: Exception) -> int:
    """Say what is wrong; returns the exit code."""
    match error:
        case ConfigurationError(faults=[_, _, *_] as faults):
            _say(f"{error}\n{len(faults)} faults.")
            return error.exit_code
        case MilestonesError():
            _say(str(error) if _has_folder() else f"{error}\n{_NO_FOLDER}")
            return error.exit_code
        case FileNotFoundError() if not _has_folder():
            _say(_NO_FOLDER)
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            _say(f"{where}{error.strerror or error}.")
        case _:
            _confess(error)
    return 1


def _has_folder() -> bool:
    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def _confess(error: Exception) -> None:
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error)
        return
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    # The error's own text is left out: nobody has judged what is in it.
    _say(
        f"This is a fault of the program: {type(error).__name__} at {place}. "
        f"Run it again with {TRACEBACK}=1 to see more, and report it."
    )


def _say(sentence: str) -> None:
    typer.echo(sentence, err=True)
