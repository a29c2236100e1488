"""A file of whom not to mail, from whatever wrote it. Every row yields an address or a key, or is named by its line:
a row that is passed over in silence is a person who goes on being mailed.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from milestones.domain.characters import remove_unseen
from milestones.errors import UsageError
from milestones.formats.mail_addresses import is_address

COLUMNS = ("address_key", "reason", "recorded_at")
"""Of an export."""

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_LINE_END = re.compile(r"\r\n|\r|\n")
"""No others: U+2028 and the like stand within notes."""

_DELIMITERS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
"""The first line by which spreadsheets tell each other the delimiter."""

_BETWEEN = re.compile(r"""[\s,;|<>"()\[\]{}]+""")
_AROUND = "'`\u2018\u2019\u201c\u201d.:"
_LABEL = re.compile(r"\A(?:(?:mailto|e-?mail|mail|to|internet|pref|type=\w+)[:=])+|\?.*\Z", re.IGNORECASE)
"""What stands before an address in links, cards and logs, and is no part of it."""
_AT = str.maketrans("\uff20\ufe6b", "@@")

_NO_TEXT = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"\x1f\x8b", b"%PDF")
"""With what workbooks, archives and documents begin."""

_HEADINGS = (
    re.compile(
        r"addresskey|e?mail(?:address|addresse|adresse?|adres)?[0-9]*(?:value)?|courriel|correoelectronico"
        r"|adresseelectronique|epost(?:adress)?|メール.*"
    ),
    re.compile(r".*(?:email|mail)(?:address|addresse|adresse?|adres)?[0-9]*|subscriber|recipient"),
    # An address may be postal: it counts only where no other heading names mail.
    re.compile(r"add?resse?[0-9]*"),
)
"""Of the column that counts, as letters and digits alone, the surest first."""

_LONGEST_RECORD = 20
"""Lines that a quoted note may go over; a quotation mark that nobody closed would take the rest of the file."""


@dataclass(frozen=True, slots=True)
class Entries:
    """Who is to be put on the list: by address, or by the keys of an export.

    refused: lines, counted from 1, that hold neither. is_utf8: whether the whole file could be read as text.
    """

    addresses: tuple[str, ...]
    keys: tuple[str, ...]
    refused: tuple[int, ...] = ()
    is_utf8: bool = True

    def parts(self, size: int) -> Iterable["Entries"]:
        """Addresses and keys in portions that one command can carry."""
        for start in range(0, len(self.addresses), size):
            yield Entries(self.addresses[start : start + size], ())
        for start in range(0, len(self.keys), size):
            yield Entries((), self.keys[start : start + size])


def entries(data: bytes) -> Entries:
    """What a file says: addresses or keys in the columns whose headings name mail; without headings, anywhere.

    Raises UsageError where nothing tells which column counts, or where there is nothing at all.
    """
    if data.startswith(_NO_TEXT):
        raise UsageError(
            "The file is a workbook, an archive or a document, and no text. Save the list as CSV. Nothing was imported."
        )
    text, is_utf8 = _decode(data)
    lines = _LINE_END.split(text)
    first = next((number for number, line in enumerate(lines) if not _is_blank([line])), None)
    if first is not None and (separator := _SEPARATOR_LINE.fullmatch(lines[first].strip())):
        delimiter, first = separator[1], first + 1
    elif first is not None:
        delimiter = max(_DELIMITERS, key=lines[first].count)
    else:
        raise UsageError("The file is empty. Nothing was imported.")
    rows = list(_records(lines, first, delimiter))
    columns, further = _columns(rows[0][1]) if rows else ([], [])
    result: dict[bool, dict[str, None]] = {True: {}, False: {}}
    refused = []
    for number, cells in rows[1:] if columns else rows:
        values = _values(cells, columns, further)
        if values is None:
            refused.append(number)
        for value in values or ():
            result["@" in value][value] = None
    return Entries(tuple(result[True]), tuple(result[False]), tuple(refused), is_utf8)


def _decode(data: bytes) -> tuple[str, bool]:
    """The text. Of what is in no encoding that can be told for certain, everything in ASCII stays readable."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace"), True
    if 4 * data.count(0) >= len(data) > 0:
        # UTF-16 without its mark: in text that is mostly ASCII, every other byte is 0.
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", "replace"), True
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        return data.decode("utf-8-sig", "replace"), False


def _records(lines: Sequence[str], first: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows with something in them, each with the line at which it begins."""
    number = first
    while number < len(lines):
        count, cells = _record(lines, number, delimiter)
        if not _is_blank(cells):
            yield number + 1, cells
        number += count


def _record(lines: Sequence[str], number: int, delimiter: str) -> tuple[int, list[str]]:
    """How many lines the row goes over, and its cells. A line with an address in it is never taken for a note's."""
    for count in range(1, min(_LONGEST_RECORD, len(lines) - number) + 1):
        if count > 1 and _holds_something(lines[number + count - 1], delimiter):
            break
        try:
            cells = next(
                csv.reader(["\n".join(lines[number : number + count])], delimiter=delimiter, strict=True), []
            )
        except csv.Error:
            continue
        return count, cells
    return 1, lines[number].split(delimiter)


def _holds_something(line: str, delimiter: str) -> bool:
    return "@" in line.translate(_AT) or any(_KEY.fullmatch(cell.strip()) for cell in line.split(delimiter))


def _is_blank(cells: Iterable[str]) -> bool:
    return not any(remove_unseen(cell).strip() for cell in cells)


def _columns(headings: Sequence[str]) -> tuple[list[int], list[int]]:
    """The columns that count, and further ones that may hold more; none where the first row is no row of headings."""
    if any("@" in heading.translate(_AT) or _KEY.fullmatch(heading.strip()) for heading in headings):
        return [], []
    names = [_heading(heading) for heading in headings]
    for place, pattern in enumerate(_HEADINGS):
        if named := [number for number, name in enumerate(names) if pattern.fullmatch(name)]:
            further = [number for number, name in enumerate(names) if "mail" in name and number not in named]
            return named, further if place < len(_HEADINGS) - 1 else []
    if len(headings) > 1:
        raise UsageError(
            "The file has several columns and none is headed address, email or address_key. Name the one that counts. "
            "Nothing was imported."
        )
    return [], []


def _heading(text: str) -> str:
    """In lower case, without accents and whatever is no letter or digit."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", text.casefold())))


def _values(cells: Sequence[str], columns: Sequence[int], further: Sequence[int]) -> list[str] | None:
    """The addresses or keys of a row; None where it has none, or where one of them cannot be read."""
    looked_at = [cells[number] for number in columns if number < len(cells)] if columns else cells
    more = [cells[number] for number in further if number < len(cells)]
    result: list[str] = []
    for counts, cell in [(True, cell) for cell in looked_at] + [(False, cell) for cell in more]:
        addresses = [_bare(part) for part in _BETWEEN.split(cell.translate(_AT)) if "@" in part]
        if not all(map(_is_whole, addresses)):
            return None
        is_other = not addresses and not _is_blank([cell]) and not _KEY.fullmatch(cell.strip())
        if is_other and columns and counts:
            return None
        result += addresses
    return result or [key for cell in looked_at if _KEY.fullmatch(key := cell.strip())] or None


def _bare(candidate: str) -> str:
    return _LABEL.sub("", candidate.strip(_AROUND)).strip(_AROUND)


def _is_whole(address: str) -> bool:
    """Whether it is one address, and no pattern of many, with the dot in its domain that every customer's has."""
    return (
        is_address(address)
        and "*" not in address
        and "." in remove_unseen(address).rpartition("@")[2].strip(".")
    )
