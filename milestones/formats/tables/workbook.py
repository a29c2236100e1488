"""Workbooks: xlsx, xls and ods. A sheet is in memory as a whole, so what would unpack to very much is refused."""

import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from milestones.domain.characters import remove_unseen
from milestones.errors import UsageError
from milestones.formats.tables.table import MOST_COLUMNS, Broken, Cell, Row, Rows, Table

MOST_UNPACKED = 512 * 1024 * 1024
"""Bytes. A sheet of a million rows has less than half of it."""

MOST_PARTS = 10_000

_CHUNK = 1024 * 1024


def open_workbook(path: Path, sheet: str | None, *, zipped: bool) -> Table:
    """Recognise a workbook. Raises UsageError for what is none, for one that is too large, and for an unknown sheet."""
    if path.stat().st_size > MOST_UNPACKED:
        raise _too_large(path)
    if zipped:
        _refuse_bomb(path)
    try:
        # By what it holds: a workbook that is named .csv is one all the same.
        book = CalamineWorkbook.from_filelike(BytesIO(path.read_bytes()))
        names = list(book.sheet_names)
        name = sheet if sheet is not None else next(iter(names), "")
        if name not in names:
            raise UsageError(
                f"{path.name} has no sheet {name!r}; it has {', '.join(map(repr, names)) or 'none'}."
            )
        found = book.get_sheet_by_name(name)
    except CalamineError as error:
        raise UsageError(f"{path.name} cannot be read as a workbook. Save it anew, or as CSV.") from error
    others = f", the first of {len(names)}" if sheet is None and len(names) > 1 else ""

    def rows() -> Rows:
        # Rows before the first that holds anything are not told of.
        first = (found.start[0] if found.start else 0) + 1
        for number, cells in enumerate(found.iter_rows(), start=first):
            told = tuple(_cell(cell) for cell in cells)
            if len(told) > MOST_COLUMNS:
                yield Broken(number, f"The row has more than {MOST_COLUMNS} cells.")
            elif any(remove_unseen(str(cell)).strip() for cell in told):
                yield Row(number, told)

    return Table(
        f"the sheet {name!r} of a workbook{others}", (), rows, tuple(one for one in names if one != name)
    )


def _refuse_bomb(path: Path) -> None:
    """Unpack it once, as far as is allowed: what a file says of its own size may be untrue."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS:
                raise UsageError(f"{path.name} has {len(parts):,} parts: that is no workbook of a shop.")
            if sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise _too_large(path)
            for part in parts:
                with archive.open(part) as unpacked:
                    while chunk := unpacked.read(_CHUNK):
                        total += len(chunk)
                        if total > MOST_UNPACKED:
                            raise _too_large(path)
    # A RuntimeError: it is locked, or packed in a way that zipfile does not know (NotImplementedError is one).
    except (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError) as error:
        raise UsageError(
            f"{path.name} is damaged or locked by a password. Save it anew without one, or as CSV."
        ) from error


def _too_large(path: Path) -> UsageError:
    return UsageError(
        f"{path.name} unpacks to more than {MOST_UNPACKED // 1024 // 1024} MB. Save the sheet as CSV, of any size."
    )


def _cell(value: Any) -> Cell:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str | int | float):
        return value
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return str(value) if isinstance(value, timedelta) else ""
