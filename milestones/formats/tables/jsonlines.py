"""JSON Lines: one object on each line. Its keys are the headings, in the order in which they first appear."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from milestones.errors import UsageError
from milestones.formats import untrusted
from milestones.formats.tables.table import LONGEST_LINE, MOST_COLUMNS, Broken, Cell, Row, Rows, Table

Lines = Callable[[], Iterator[tuple[int, str | None]]]


def open_lines(kind: str, lines: Lines) -> Table:
    """Read all keys, since any line may have one more. Raises UsageError where they are too many to be columns."""
    headings: dict[str, None] = {}
    for _, line in lines():
        found = _object(line)
        if isinstance(found, dict):
            headings |= dict.fromkeys(found)
        if len(headings) > MOST_COLUMNS:
            raise UsageError(f"Its lines have more than {MOST_COLUMNS} different keys: that is no table.")
    columns = tuple(headings)
    return Table(kind, columns, lambda: _rows(lines, columns))


def _rows(lines: Lines, columns: tuple[str, ...]) -> Rows:
    for number, line in lines():
        if line is not None and not line.strip():
            continue
        found = _object(line)
        if isinstance(found, str):
            yield Broken(number, found)
        else:
            yield Row(number, tuple(_cell(found.get(column)) for column in columns))


def _object(line: str | None) -> dict[str, Any] | str:
    """The object of a line, or why there is none."""
    if line is None:
        return f"The line has more than {LONGEST_LINE:,} characters."
    try:
        found = untrusted.parse(line)
    except ValueError as error:
        return f"The line {error}."
    return found if isinstance(found, dict) else "The line is no JSON object."


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str | int | float):
        return value
    return json.dumps(value)[:LONGEST_LINE]
