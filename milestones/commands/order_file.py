"""A table of orders, as somebody wrote it: exact headings, and every row an order or named by its line."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from milestones.commands.models.order_rows import Ordered, OrderRow
from milestones.domain.characters import remove_unseen
from milestones.errors import UsageError
from milestones.formats.tables.table import Broken, Cell, Row, open_table

_WHO = ("account", "contact", "email")
_NEW = ("first_name", "last_name", "phone", "key")
_COLUMNS: Mapping[Ordered, tuple[str, ...]] = {
    Ordered.ADJUST: (*_WHO, "by", "to", "reason", *_NEW),
    Ordered.EARN: (*_WHO, "points", "description", *_NEW),
    Ordered.CREATE: ("contact", "email", *_NEW),
}
_TEXT = {Ordered.ADJUST: "reason", Ordered.EARN: "description"}
"""The column that may stand in an option instead, if all rows say the same."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,15}")
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 60
"""Characters of a file's name in a key."""


@dataclass(slots=True)
class OrderFile:
    """Its rows. refused: why others are no orders, by line."""

    rows: list[OrderRow] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


_TWICE = "If both are meant, give each a key of its own in a column key."


class _RowError(Exception):
    """A sentence about a row."""


def read_orders(path: Path, what: Ordered, text: str | None) -> OrderFile:
    """The orders of a file. text: the reason or the description of all rows, where no column has it.

    Raises UsageError for what is no such table, and OSError.
    """
    table = open_table(path)
    rows = table.rows()
    headings = table.headings or _first_row(path, next(rows, None))
    columns = _find_columns(path, what, headings, has_text=text is not None)
    result, lines = OrderFile(), dict[str, int]()
    for row in rows:
        if isinstance(row, Broken):
            result.refused[row.line] = row.why
            continue
        try:
            order = _read_row(path.name, what, row, columns, text)
        except _RowError as fault:
            result.refused[row.line] = str(fault)
            continue
        if (before := lines.setdefault(order.key, row.line)) != row.line:
            result.refused[row.line] = f"It is the same order as line {before}. {_TWICE}"
        else:
            result.rows.append(order)
    return result


def _first_row(path: Path, first: Row | Broken | None) -> Sequence[str]:
    if not isinstance(first, Row):
        raise UsageError(f"{path.name} has no row of headings that could be read.")
    return [str(cell) for cell in first.cells]


def _find_columns(path: Path, what: Ordered, headings: Sequence[str], *, has_text: bool) -> Mapping[str, int]:
    """Where each column stands, by its heading. Raises UsageError."""
    known = _COLUMNS[what]
    found: dict[str, int] = {}
    for place, heading in enumerate(headings):
        name = remove_unseen(heading).strip()
        if not name:
            continue
        if name not in known or name in found:
            why = "stands there twice" if name in found else "is none of them"
            raise UsageError(f"The headings of {path.name} are {', '.join(known)}; {name[:40]!r} {why}.")
        found[name] = place
    wanted = [set(_WHO) & set(known)]
    if what is Ordered.ADJUST:
        wanted.append({"by", "to"})
    if what is Ordered.EARN:
        wanted.append({"points"})
    if what in _TEXT and not has_text:
        wanted.append({_TEXT[what]})
    for one in wanted:
        if found.keys().isdisjoint(one):
            choice = " or ".join(name for name in known if name in one)
            raise UsageError(f"{path.name} has no column {choice}. The first row holds the headings.")
    return found


def _read_row(name: str, what: Ordered, row: Row, columns: Mapping[str, int], text: str | None) -> OrderRow:
    """Raises _RowError."""
    astray = [cell for place, cell in enumerate(row.cells) if place not in columns.values()]
    if any(remove_unseen(str(cell)).strip() for cell in astray):
        raise _RowError("It has more cells than there are headings; what holds a separator stands in quotes.")
    cells = {
        heading: row.cells[place] if place < len(row.cells) else "" for heading, place in columns.items()
    }
    told = {heading: remove_unseen(str(cell)).strip() for heading, cell in cells.items()}
    if sum(bool(told.get(who)) for who in _WHO) != 1:
        raise _RowError("It must say whom it is for, by exactly one of account, contact and email.")
    numbers = {of: _number(of, cells[of]) for of in ("by", "to", "points") if told.get(of)}
    if what is Ordered.EARN and "points" not in numbers:
        raise _RowError("It does not say how many points.")
    words = told.get(_TEXT.get(what, ""), "") or text or ""
    of_person = {of: told.get(of, "") for of in (*_WHO, "first_name", "last_name", "phone")}
    key = told.get("key") or _key(name, [what, words, *of_person.values(), *numbers.items()])
    return OrderRow(line=row.line, key=key, text=words, **of_person, **numbers)


def _number(of: str, cell: Cell) -> int:
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    written = remove_unseen(str(cell)).strip()
    if isinstance(cell, float) or not _WHOLE.fullmatch(written):
        raise _RowError(f"Its {of} is no whole number without separators, such as 1000 or -50.")
    return int(written)


def _key(name: str, told: Sequence[object]) -> str:
    """The same for the same row of a file of the same name."""
    digest = hashlib.sha256(json.dumps([name, told]).encode()).hexdigest()[:32]
    return f"{_UNFIT.sub('_', name)[:_LONGEST_NAME]}:{digest}"
