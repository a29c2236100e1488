"""How answers look: times in the shop's zone, states in colours, and JSON for machines."""

import json
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import typer
from pydantic_core import to_jsonable_python
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape
from rich.table import Table

from milestones.commands.models.command import UnderWay

if TYPE_CHECKING:
    # Whoever shows none need not import what reads them.
    from milestones.views.attempts import AttemptLine

_COLOURS = {
    "available": "cyan",
    "waiting": "cyan",
    "running": "cyan",
    "done": "green",
    "discarded": "red",
    "cancelled": "dim",
    "held": "yellow",
    "unknown": "red",
}


LARGEST_ID = 2**63 - 1
"""Of a row; a larger one no database takes."""

_STEERING = (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""Characters that move a cursor, colour a line, or turn it around: C0, DEL, C1, and the overrides of direction."""

_SHOWN_AS = {code: "\ufffd" for code in _STEERING if chr(code) not in "\n\t"}
_IN_JSON = {code: f"\\u{code:04x}" for code in _STEERING if code >= 0x7F}
"""JSON escapes the others itself."""


NARROWEST, WIDTH = 20, 80
"""Columns under which a terminal's word on its width is not believed, and what is taken instead."""


def console(*, stderr: bool = False) -> Console:
    """Where answers go, or with ``stderr`` questions. Made for each command, so that it sees the terminal as it is."""
    result = Console(highlight=False, soft_wrap=False, stderr=stderr)
    if result.width < NARROWEST:
        # COLUMNS=0, as some service managers and editors set it, would show nothing at all.
        result.width = WIDTH
    return result


def tell_under_way(report: UnderWay) -> None:
    """Say for how much that has begun a command waits; beside the answer, which is for a script."""
    typer.echo(f"Waiting for {report.under_way:,} under way to end.", err=True)


def print_json(answer: Any) -> None:
    """Print an answer for a machine: times in ISO 8601 UTC, everything else as it is."""
    typer.echo(_json(answer))


def _json(value: Any) -> str:
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    return json.dumps(to_jsonable_python(value), indent=2, ensure_ascii=not unicode).translate(_IN_JSON)


def print_data(shown: Console, data: Any) -> None:
    """Print something from outside as JSON for a person, in colours where there are any."""
    shown.print(JSONHighlighter()(_json(data)), soft_wrap=True)


def when(moment: datetime | None, zone: tzinfo, *, seconds: bool = False) -> str:
    """A time as the shop reads its clock."""
    if moment is None:
        return "at an unknown time"
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b %Y %H:%M:%S}" if seconds else f"{local.day} {local:%b %Y %H:%M}"


def span(length: timedelta) -> str:
    """A length of time in its largest fitting unit."""
    seconds = int(length.total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            number = seconds // size
            return f"{number:,} {unit}{'s' if number > 1 else ''}"
    return "less than a second"


def state(name: str) -> str:
    """A state, in its colour."""
    colour = _COLOURS.get(name)
    return f"[{colour}]{name}[/]" if colour else escape(name)


def printable(value: Any) -> str:
    """Anything from outside without what would steer the terminal: a customer may call himself anything."""
    return str(value).translate(_SHOWN_AS)


def text(value: Any) -> str:
    """The same for Rich, which must not read markup in it."""
    return escape(printable(value))


def table(*columns: str, right: tuple[str, ...] = ()) -> Table:
    """A plain table; columns named in ``right`` hold numbers."""
    made = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left", overflow="fold")
    return made


def pairs(values: Mapping[str, str]) -> Table:
    """Names and values below each other; empty values are left out."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in values.items():
        if value:
            grid.add_row(name, value)
    return grid


def banner(shown: Console, notices: list[str]) -> None:
    """Print what must not be overlooked, before everything else."""
    for notice in notices:
        shown.print(f"[bold black on yellow] ! [/] [bold]{escape(notice)}[/]")
    if notices:
        shown.print()


def pair(name: str, value: str, *, width: int = 9) -> Table:
    """One indented line: a name, and a value that keeps to its column."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=0)
    grid.add_column(style="dim", width=width, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row("", name, value)
    return grid


def attempt(one: "AttemptLine", zone: tzinfo) -> str:
    """An attempt of an action as a line."""
    took = "the end is not known" if one.seconds is None else f"{one.seconds:.1f} s"
    return f"{one.number}. {when(one.began_at, zone, seconds=True)}, {took}: {text(one.sentence)}"
