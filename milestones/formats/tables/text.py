"""Text with separators, in any encoding and dialect that can be told for certain. Nothing is given by flag."""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from milestones.domain.characters import remove_unseen
from milestones.errors import UsageError
from milestones.formats.tables import jsonlines
from milestones.formats.tables.table import LONGEST_LINE, MOST_COLUMNS, Broken, Row, Rows, Table

_CHUNK = 1024 * 1024
_SAMPLE = 64 * 1024

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
"""The first line by which spreadsheets tell each other the delimiter."""

_MARKUP = {
    re.compile(
        r"<(!doctype|html|head|meta|body|table|style|div|title)\b|<!--|mime-version:", re.IGNORECASE
    ): "a web page (HTML)",
    re.compile(r"<\?xml|<[a-z:]+>", re.IGNORECASE): "an XML document",
}
"""How a page begins that a program calls a workbook: spreadsheets open it, and nobody sees what it is."""

_LONGEST_RECORD = 20
"""Lines that a quoted cell may go over; a quotation mark that nobody closed would take the rest of the file."""

_NAMES = {
    "utf-8-sig": "UTF-8",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "cp1252": "Windows-1252",
}


def open_text(path: Path) -> Table:
    """Recognise a text: JSON Lines, or rows with a separator. Raises UsageError and OSError."""
    encoding = _find_encoding(path)
    with _opened(path, encoding) as file:
        start = _first_line(_Lines(file))
    if start is None:
        raise UsageError(f"{path.name} holds nothing but blank lines: there is nothing to import.")
    number, line = start
    told = _NAMES[encoding]
    for begins, what in _MARKUP.items():
        if begins.match(line.lstrip()):
            raise UsageError(
                f"{path.name} is {what} and no table, whatever its name says. Open it in a spreadsheet and save it as a "
                "workbook (xlsx) or as CSV."
            )
    if line.lstrip().startswith("["):
        raise UsageError(
            f"{path.name} is one JSON document. Write each of its entries on a line of its own (JSON Lines), as "
            f"`jq -c '.[]' {path.name}` does."
        )
    if line.lstrip().startswith("{"):
        return jsonlines.open_lines(f"JSON Lines in {told}", lambda: _numbered(path, encoding))
    if separator := _SEPARATOR_LINE.fullmatch(line.strip()):
        delimiter, number = separator[1], number + 1
    else:
        delimiter = max(_DELIMITERS, key=lambda one: _count_outside_quotes(line, one))
    between = _DELIMITERS.get(delimiter, f"{delimiter!r}")
    return Table(
        f"text in {told}, separated by {between}", (), lambda: _rows(path, encoding, number, delimiter)
    )


def _find_encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(_SAMPLE)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        if 4 * start.count(0) >= len(start):
            # UTF-16 without its mark: in text that is mostly ASCII, every other byte is 0.
            return "utf-16-be" if start[0] == 0 else "utf-16-le"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        try:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "cp1252"
    return "utf-8-sig"


def _opened(path: Path, encoding: str) -> TextIO:
    # What is in no encoding stays visible, and is refused where it counts: no address holds such a character.
    return io.TextIOWrapper(path.open("rb"), encoding=encoding, errors="replace", newline="")


@dataclass(slots=True)
class _Lines:
    """Lines with their numbers, of which some may be given back. A line without an end comes as None."""

    file: TextIO
    number: int = 0
    back: deque[tuple[int, str | None]] = field(default_factory=deque)

    def next(self) -> tuple[int, str | None] | None:
        """The next line without its end; None after the last."""
        if self.back:
            return self.back.popleft()
        line = self.file.readline(LONGEST_LINE)
        if not line:
            return None
        self.number += 1
        if len(line) < LONGEST_LINE or line.endswith(("\n", "\r")):
            return self.number, line.rstrip("\r\n")
        while (rest := self.file.readline(LONGEST_LINE)) and not rest.endswith(("\n", "\r")):
            pass
        return self.number, None


def _first_line(lines: _Lines) -> tuple[int, str] | None:
    """The first that holds something."""
    while (following := lines.next()) is not None:
        number, line = following
        if line is None:
            raise UsageError(f"Line {number} has more than {LONGEST_LINE:,} characters: that is no table.")
        if remove_unseen(line).strip():
            return number, line
    return None


def _numbered(path: Path, encoding: str) -> Iterator[tuple[int, str | None]]:
    with _opened(path, encoding) as file:
        lines = _Lines(file)
        while (following := lines.next()) is not None:
            yield following


def _count_outside_quotes(line: str, delimiter: str) -> int:
    return "".join(line.split('"')[::2]).count(delimiter)


def _rows(path: Path, encoding: str, first: int, delimiter: str) -> Rows:
    with _opened(path, encoding) as file:
        lines = _Lines(file)
        while (following := lines.next()) is not None:
            number, line = following
            if number < first or line == "":
                continue
            if line is None:
                yield Broken(number, f"The line has more than {LONGEST_LINE:,} characters.")
                continue
            cells = _record(line, lines, delimiter)
            if len(cells) > MOST_COLUMNS:
                yield Broken(number, f"The line has more than {MOST_COLUMNS} cells.")
            elif any(remove_unseen(cell).strip() for cell in cells):
                yield Row(number, tuple(cells))


def _record(line: str, lines: _Lines, delimiter: str) -> list[str]:
    """The cells of the row that begins with this line. A quoted cell may go over several; one that no later line closes
    was opened by mistake, and ends with its line.
    """
    if '"' not in line:
        return line.split(delimiter)
    parts, taken = [line], list[tuple[int, str | None]]()
    while True:
        try:
            (cells,) = csv.reader(["\n".join(parts)], delimiter=delimiter, strict=True)
        except (csv.Error, ValueError):
            following = lines.next() if len(parts) < _LONGEST_RECORD else None
            if following is not None:
                taken.append(following)
            if following is None or following[1] is None:
                lines.back.extendleft(reversed(taken))
                return line.split(delimiter)
            parts.append(following[1])
        else:
            return cells
