"""What every reader of tables yields, and the choice of the reader: by what a file holds, and never by its name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from milestones.errors import UsageError

Cell = str | int | float
"""A text as it stands there, or a number where the file tells that it is one."""

LONGEST_LINE = 1024 * 1024
"""Characters. Nobody's row is longer, and one that has no end must not fill the memory."""

MOST_COLUMNS = 500


@dataclass(frozen=True, slots=True)
class Row:
    """A row that could be cut into cells. line: counted from 1, as editors and spreadsheets count."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not. why: a sentence."""

    line: int
    why: str


Rows = Iterator[Row | Broken]


@dataclass(frozen=True, slots=True)
class Table:
    """A file as a table.

    kind: in words, such as ``text in UTF-8, separated by semicolons``. headings: of a file that names its columns whatever
    stands in its first row (JSON Lines); empty where the first row may be one of headings. rows: reads the file from its
    beginning, in constant memory but for workbooks. sheets: of a workbook, those that are not read.
    """

    kind: str
    headings: tuple[str, ...]
    rows: Callable[[], Rows]
    sheets: tuple[str, ...] = ()


_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NO_TABLES = {
    b"\x1f\x8b": "an archive",
    b"%PDF": "a PDF document",
    b"{\\rtf": "a document (RTF)",
    b"BZh": "an archive",
    b"\xfd7zXZ": "an archive",
}


def open_table(path: Path, sheet: str | None = None) -> Table:
    """Recognise a file. sheet: the sheet of a workbook, by its name; its first by default.

    Raises UsageError with a sentence for what is no table, and OSError.
    """
    with path.open("rb") as file:
        start = file.read(8)
        size = _size(file)
    if size == 0:
        raise UsageError(f"{path.name} is empty: there is nothing to import.")
    if start.startswith((_ZIP, _OLE)):
        # Only here: a text needs none of it.
        from milestones.formats.tables.workbook import open_workbook  # noqa: PLC0415

        return open_workbook(path, sheet, zipped=start.startswith(_ZIP))
    for magic, what in _NO_TABLES.items():
        if start.startswith(magic):
            raise UsageError(f"{path.name} is {what}. Give the table that is in it, as CSV or as a workbook.")
    from milestones.formats.tables.text import open_text  # noqa: PLC0415

    table = open_text(path)
    if sheet is not None:
        raise UsageError(f"{path.name} is a text and has no sheets; leave --sheet away.")
    return table


def _size(file: BinaryIO) -> int:
    return file.seek(0, 2)
