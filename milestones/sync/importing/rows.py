"""What a row says: whose points they are, how many, and whether the customer wants no mail; or why it is left out."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from milestones.domain.address import QUOTES
from milestones.domain.characters import remove_unseen
from milestones.domain.order import LONGEST_NAME
from milestones.formats.mail_addresses import address_form, is_address
from milestones.formats.tables.table import Broken, Cell, Row
from milestones.formats.untrusted import LONGEST_TEXT, storable
from milestones.kinds.adjust.payload import MOST_AMOUNT, MOST_BALANCE
from milestones.sync.importing.fields import Columns, Field
from milestones.sync.importing.numbers import NumberError, Rounding, Style
from milestones.sync.importing.phones import read_phone
from milestones.sync.importing.words import is_refusal

_CONTACT_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOBODY = frozenset(("", "n/a", "na", "none", "null", "-", "unknown"))
_MOST_DIGITS = 15
"""Of a telephone number (E.164)."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for a whole file.

    adds: whether points are added to what is there, and not set. sums: whether the rows of one customer are added up.
    region: the country of telephone numbers without one.
    """

    adds: bool = False
    sums: bool = False
    rounding: Rounding = Rounding.REFUSE
    allow_negative: bool = False
    region: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row that can be imported. One of mail, phone and contact_id says whose it is; the mail as it is written there.

    points: None where the row tells none. unwilling: whether the customer told the other program that he wants no mail.
    """

    line: int
    mail: str = ""
    phone: str = ""
    contact_id: str = ""
    points: int | None = None
    first_name: str = ""
    last_name: str = ""
    unwilling: bool | None = None

    @property
    def person(self) -> str:
        """The same for the same customer, however he is spelled."""
        return self.contact_id or (address_form(self.mail) if self.mail else self.phone)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is left out. why: a sentence. entry: as much of it as could be read."""

    line: int
    why: str
    entry: Entry | None = None


class _RowError(Exception):
    """Why a row is left out."""


def read_row(row: Row | Broken, columns: Columns, style: Style, choices: Choices) -> Entry | Rejected | None:
    """Read one row; None for one that concerns nobody and says nothing."""
    if isinstance(row, Broken):
        return Rejected(row.line, row.why)
    entry: Entry | None = None
    try:
        _refuse_odd(row, columns)
        entry = _read_person(row, columns, choices)
        entry = _with_consent(entry, row, columns)
        points = _read_points(row.cells, columns, style, choices)
    except _RowError as error:
        return Rejected(row.line, str(error), entry)
    if points is None and entry.unwilling is None and columns.places.keys() & {Field.BALANCE, Field.AMOUNT}:
        # What is not told contradicts no balance that another row tells; but a sum would lack it.
        why = "It tells no points. An empty cell is not taken for 0."
        return Rejected(row.line, why, entry if choices.sums else None)
    return replace(entry, points=points)


def _text(cells: Sequence[Cell], columns: Columns, of: Field) -> str:
    return str(columns.get(cells, of)).strip()


def _refuse_odd(row: Row, columns: Columns) -> None:
    if any(str(cell).strip() for cell in row.cells[len(columns.headings) :]):
        raise _RowError(
            f"It has {len(row.cells)} cells and the file {len(columns.headings)} columns: a separator stands in a cell "
            "without quotes."
        )
    for of in columns.places:
        text = _text(row.cells, columns, of)
        if not storable(text):
            raise _RowError(f"Its {of} holds characters that no text has.")
        if len(text) > LONGEST_TEXT:
            raise _RowError(f"Its {of} has {len(text):,} characters; nobody's has more than {LONGEST_TEXT}.")
        if text.startswith("="):
            raise _RowError(f"Its {of} is a formula and no value.")


def _read_person(row: Row, columns: Columns, choices: Choices) -> Entry:
    first, last = _read_names(row.cells, columns)
    entry = Entry(row.line, first_name=first, last_name=last)
    contact_id = _text(row.cells, columns, Field.CONTACT)
    if contact_id:
        if not _CONTACT_ID.fullmatch(contact_id):
            raise _RowError("Its contact id is none of Wix's.")
        return replace(entry, contact_id=contact_id.lower())
    mail = _text(row.cells, columns, Field.MAIL)
    if mail.casefold() not in _NOBODY:
        return replace(entry, mail=_read_mail(mail))
    phone = _text(row.cells, columns, Field.PHONE)
    if phone.casefold() in _NOBODY:
        raise _RowError("It tells neither a mail address nor a telephone number.")
    if (number := read_phone(phone, choices.region)) is None:
        digits = sum(map(str.isdigit, phone))
        plain = digits <= _MOST_DIGITS and choices.region is None and not phone.startswith("+")
        hint = " Say of which country such numbers are: --region US." if plain else ""
        raise _RowError(f"Its telephone number cannot be read.{hint}")
    return replace(entry, phone=number)


def _read_mail(text: str) -> str:
    domain = remove_unseen(text).rpartition("@")[2].strip(".")
    if is_address(text) and "*" not in text and "." in domain:
        return text
    mended = text.replace(",", ".").replace(" ", "").strip(f"{QUOTES}<>()[].;").removeprefix("mailto:")
    if mended != text and is_address(mended) and "." in mended.rpartition("@")[2]:
        raise _RowError(f"{text!r} is no mail address; {mended!r} would be one.")
    raise _RowError(f"{text[:80]!r} is no mail address.")


def _read_names(cells: Sequence[Cell], columns: Columns) -> tuple[str, str]:
    """A name is for a contact that is made. One that could not be kept is left away, and keeps no points back."""
    first, last = _text(cells, columns, Field.FIRST_NAME), _text(cells, columns, Field.LAST_NAME)
    if not (first or last):
        first, _, last = _text(cells, columns, Field.NAME).partition(" ")
    return _keepable(first), _keepable(last.strip())


def _keepable(name: str) -> str:
    return name if len(name) <= LONGEST_NAME and name.isprintable() else ""


def _with_consent(entry: Entry, row: Row, columns: Columns) -> Entry:
    text = _text(row.cells, columns, Field.CONSENT)
    try:
        return replace(entry, unwilling=is_refusal(text))
    except ValueError:
        raise _RowError(
            f"{text[:40]!r} in {columns.name(Field.CONSENT)!r} says neither yes nor no, so nobody knows whether the "
            "customer wants mail."
        ) from None


def _read_points(cells: Sequence[Cell], columns: Columns, style: Style, choices: Choices) -> int | None:
    of = Field.AMOUNT if Field.AMOUNT in columns.places else Field.BALANCE
    try:
        points = style.read(columns.get(cells, of), choices.rounding)
    except NumberError as error:
        raise _RowError(str(error)) from None
    if points is None:
        return None
    if choices.adds:
        return _within_amount(points, choices)
    if points < 0:
        raise _RowError(f"{points:,} is below 0, and Wix keeps no such balance.")
    if points > MOST_BALANCE:
        raise _RowError(f"{points:,} is more than Wix keeps: {MOST_BALANCE:,} points.")
    return points


def _within_amount(points: int, choices: Choices) -> int | None:
    if points < 0 and not choices.allow_negative:
        raise _RowError(f"{points:,} takes points away; --allow-negative lets it.")
    if abs(points) > MOST_AMOUNT:
        raise _RowError(f"{points:,} is more than Wix adds at once: {MOST_AMOUNT:,} points.")
    if points == 0:
        raise _RowError("0 points change nothing.")
    return points
