"""A file as a whole: what its columns are, how its numbers are written, and what is said above the dry run."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from milestones.errors import UsageError
from milestones.formats.tables.table import Broken, Row, Table, open_table
from milestones.sync.importing import seen
from milestones.sync.importing.fields import Columns, Field, find_columns
from milestones.sync.importing.numbers import NumberError, Style, is_scientific
from milestones.sync.importing.rows import Choices, Entry, Rejected, read_row

_SAMPLE = 200

_AT_ONCE = 2000
"""Rows after which whoever waits is told."""

_SHORTENED = (Field.PHONE, Field.ID, Field.CONTACT)
"""Columns in which a shortened number leaves nobody knowing whose the row is."""


@dataclass(slots=True)
class Aside:
    """What the file tells beside points that are imported: such as are not approved yet, and such as would expire; who
    agreed to mail of another program; and who wants none and has no address by which that could be kept.
    """

    pending: int = 0
    expiring_rows: int = 0
    expiring: int = 0
    willing: int = 0
    unreachable: int = 0


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file that can be imported. size: how many rows it has beside the headings."""

    path: Path
    table: Table
    columns: Columns
    style: Style
    choices: Choices
    size: int
    aside: Aside = field(default_factory=Aside)

    @property
    def has_points(self) -> bool:
        """Whether a column holds points; else it tells of refusals of mail alone."""
        return not {Field.BALANCE, Field.AMOUNT}.isdisjoint(self.columns.places)

    @property
    def has_dates(self) -> bool:
        """Whether each row has a time, as in a history."""
        return Field.WHEN in self.columns.places

    def list_rows(self) -> Iterator[Row | Broken]:
        """The rows, without the headings."""
        rows = self.table.rows()
        return islice(rows, 1, None) if self.columns.has_headings and not self.table.headings else rows

    def read(self) -> Iterator[tuple[Entry | Rejected, Row | Broken]]:
        """What each row says, beside the row itself. Counts ``aside`` anew."""
        for name in Aside.__dataclass_fields__:
            setattr(self.aside, name, 0)
        for row in self.list_rows():
            found = read_row(row, self.columns, self.style, self.choices)
            if found is None:
                continue
            if isinstance(row, Row) and isinstance(found, Entry):
                self._count(row, found)
            yield found, row

    def _count(self, row: Row, entry: Entry) -> None:
        self.aside.willing += entry.unwilling is False
        self.aside.unreachable += entry.unwilling is True and not entry.mail
        if Field.PENDING in self.columns.places:
            try:
                self.aside.pending += self.style.read(self.columns.get(row.cells, Field.PENDING)) or 0
            except NumberError:
                return
        if str(self.columns.get(row.cells, Field.EXPIRY)).strip() and entry.points:
            self.aside.expiring_rows += 1
            self.aside.expiring += entry.points


def open_file(
    path: Path,
    chosen: Mapping[Field, str],
    choices: Choices,
    *,
    sheet: str | None = None,
    mode: str | None = None,
    on_rows: Callable[[int], None] = lambda _number: None,
) -> ImportFile:
    """Look through a whole file once. mode: ``set`` or ``add``, where a person said which. on_rows: is told of each
    thousands of rows.

    Raises UsageError where it cannot be told for certain what it says, and OSError.
    """
    table = open_table(path, sheet)
    first = list(islice((row for row in table.rows() if isinstance(row, Row)), _SAMPLE))
    seen.require_first(path.name, table, first)
    headings, sample, has_headings = _split(table, first)
    seen.require_rows(path.name, table, headings, sample)
    rows = [row.cells for row in sample]
    columns = find_columns(headings, rows, chosen, has_headings=has_headings)
    seen.require_person(path.name, table, columns)
    found = ImportFile(path, table, columns, Style(), choices, 0)
    columns, size = _look_through(found, on_rows)
    seen.require_points(path.name, table, columns)
    adds = Field.AMOUNT in columns.places if mode is None else mode == "add"
    return replace(found, columns=columns, size=size, choices=replace(choices, adds=adds))


def _split(table: Table, first: list[Row]) -> tuple[tuple[str, ...], list[Row], bool]:
    if table.headings:
        return table.headings, first, True
    texts = [str(cell).strip() for cell in first[0].cells]
    named = any(any(map(str.isalpha, text)) for text in texts) and not any("@" in text for text in texts)
    return (tuple(texts), first[1:], True) if named else ((), first, False)


def _look_through(file: ImportFile, on_rows: Callable[[int], None]) -> tuple[Columns, int]:
    """Gather how numbers are written. Returns the columns without one of two for points that is empty throughout."""
    columns, size = file.columns, 0
    both = [of for of in (Field.BALANCE, Field.AMOUNT) if of in columns.places]
    told: dict[Field, int] = {}
    for row in file.list_rows():
        size += 1
        if size % _AT_ONCE == 0:
            on_rows(_AT_ONCE)
        if isinstance(row, Broken):
            continue
        for of in _SHORTENED:
            _refuse_shortened(row, columns, of)
        for of in both:
            cell = columns.get(row.cells, of)
            file.style.look(cell, row.line)
            if str(cell).strip() not in {"", "0"}:
                told.setdefault(of, row.line)
    if both and (fault := file.style.fault(columns.name(both[0]))) is not None:
        raise UsageError(fault)
    if len(both) < 2:
        return columns, size
    if len(told) == 2:
        balance, amount = (columns.name(of) for of in both)
        raise UsageError(
            f"The file has points to be set in {balance!r} (line {told[Field.BALANCE]}) and points to be added in "
            f"{amount!r} (line {told[Field.AMOUNT]}), and one import does one of both. Say which: "
            f"--column balance='{balance}' or --column amount='{amount}'."
        )
    empty = next((of for of in both if of not in told), Field.AMOUNT)
    places = {of: place for of, place in columns.places.items() if of is not empty}
    return replace(columns, places=places), size


def _refuse_shortened(row: Row, columns: Columns, of: Field) -> None:
    cell = columns.get(row.cells, of)
    if is_scientific(cell):
        raise UsageError(
            f"Line {row.line}, column {columns.name(of)!r}: {cell!r} was shortened by a spreadsheet, and its last digits "
            "are lost. Export the file again, and do not open it in a spreadsheet before it is imported."
        )
