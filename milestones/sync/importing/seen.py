"""What is said of a file whose columns cannot be told: what was seen of it, so that a person finds what to mend."""

from collections.abc import Sequence

from milestones.errors import UsageError
from milestones.formats.tables.table import Row, Table
from milestones.sync.importing.fields import ALIASES, Columns, Field, heading_form

_CELLS, _SHEETS, _LONGEST = 8, 20, 30
"""How much of it is quoted: cells of the first row, names of sheets, and characters of each."""

_LOOKED_AT = 50
"""Rows among which headings may stand too low."""


def require_first(name: str, table: Table, rows: Sequence[Row]) -> None:
    """Raise UsageError where nothing can be read, or where the headings stand below something else, such as a title."""
    if not rows:
        raise UsageError(f"{name} has no rows that can be read: there is nothing to import.{_sheets(table)}")
    if table.headings or _list_fields(rows[0]):
        return
    below = next((row for row in rows[1:_LOOKED_AT] if len(_list_fields(row)) > 1), None)
    if below is not None:
        raise UsageError(
            f"The headings of {name} seem to stand in line {below.line}. They must stand in the first row: delete what "
            f"stands above them, and give the file again.{_sheets(table)}"
        )


def require_rows(name: str, table: Table, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Raise UsageError where nothing stands below the headings."""
    if not rows:
        raise UsageError(
            f"{name} has a row of headings and nothing below it: there is nothing to import. "
            f"The row holds {_quoted(columns)}.{_sheets(table)}"
        )


def require_person(name: str, table: Table, columns: Columns) -> None:
    """Raise UsageError where no column tells whose the points are."""
    if columns.places.keys() & {Field.MAIL, Field.PHONE, Field.CONTACT}:
        return
    if Field.ID in columns.places:
        raise UsageError(
            f"The file names customers by {columns.name(Field.ID)!r} alone, an id of the other program that Wix does not "
            "know. Export it with mail addresses or telephone numbers, or put a column of addresses beside it. "
            f"{_seen(table, columns)}"
        )
    raise UsageError(
        f"No column of {name} tells whose the points are. {_seen(table, columns)} Or say which column holds the mail "
        "address: --column mail=HEADING."
    )


def require_points(name: str, table: Table, columns: Columns) -> None:
    """Raise UsageError where no column tells points, and none whether a customer wants mail."""
    if columns.places.keys().isdisjoint({Field.BALANCE, Field.AMOUNT, Field.CONSENT}):
        raise UsageError(
            f"No column of {name} tells how many points. {_seen(table, columns)} Or say which column holds them: --column "
            "balance=HEADING."
        )


def _list_fields(row: Row) -> set[Field]:
    """The fields for which cells of a row would be headings."""
    forms = {heading_form(str(cell)) for cell in row.cells}
    return {of for of, aliases in ALIASES.items() if not forms.isdisjoint(aliases)}


def _seen(table: Table, columns: Columns) -> str:
    """No cell of a customer's: where the first row is none of headings, only how many there are."""
    if table.headings:
        return f"Its entries hold {_quoted(columns.headings)}."
    if not columns.has_headings:
        return (
            f"Its first row is none of headings, and has {len(columns.headings)} cells. Headings must stand in the first "
            f"row.{_sheets(table)}"
        )
    return f"Its first row holds {_quoted(columns.headings)}, and headings must stand there.{_sheets(table)}"


def _sheets(table: Table) -> str:
    if not table.sheets:
        return ""
    others = "sheets" if len(table.sheets) > 1 else "another sheet"
    name = table.sheets[0].replace("'", "'\\''")
    return f" The workbook has {others} beside this one, {_quoted(table.sheets, _SHEETS)}: --sheet '{name}' reads it."


def _quoted(texts: Sequence[str], most: int = _CELLS) -> str:
    told = [text.strip() for text in texts if text.strip()]
    some = [repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…") for text in told[:most]]
    more = [f"{len(told) - most} more"] if len(told) > most else []
    return ", ".join([*some, *more]) or "nothing"
