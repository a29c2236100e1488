"""Which column is what: by its heading, as other programs spell it, by what it holds, or by a person's word.

Two columns that may both be the balance are never chosen between: the wrong one doubles what customers have.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import NoReturn

from milestones.errors import UsageError
from milestones.formats.tables.table import Cell


class Field(StrEnum):
    """What a column may be. The names are those of ``--column NAME=HEADING``."""

    MAIL = "mail"
    PHONE = "phone"
    CONTACT = "contact"
    """A contact's id in Wix."""
    BALANCE = "balance"
    AMOUNT = "amount"
    """Points to be added."""
    NAME = "name"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    CONSENT = "consent"
    ID = "id"
    """Another program's, which Wix does not know."""
    PENDING = "pending"
    EXPIRY = "expiry"
    WHEN = "when"


ALIASES: Mapping[Field, frozenset[str]] = {
    Field.MAIL: frozenset(
        [
            "email",
            "emails",
            "mail",
            "emailaddress",
            "customeremail",
            "shopifycustomeremail",
            "mailadresse",
            "emailadresse",
            "courriel",
            "correo",
        ]
    ),
    Field.PHONE: frozenset(
        [
            "phone",
            "phonenumber",
            "mobile",
            "mobilenumber",
            "mobilephone",
            "cell",
            "telephone",
            "telefon",
            "handy",
        ]
    ),
    Field.CONTACT: frozenset(("contactid", "wixcontactid")),
    Field.BALANCE: frozenset(
        [
            "points",
            "pointsbalance",
            "pointbalance",
            "balance",
            "currentbalance",
            "currentpointsbalance",
            "pointsapproved",
            "approvedpoints",
            "loyaltypoints",
            "pointsamount",
            "availablepoints",
            "pointsavailable",
            "currentpoints",
            "activestamps",
            "stampbalance",
            "numberofpoints",
            "punkte",
            "punktestand",
        ]
    ),
    Field.AMOUNT: frozenset(["addpoints", "amount", "bonuspoints", "pointstoadd", "adjustment"]),
    Field.NAME: frozenset(("fullname", "customername")),
    Field.FIRST_NAME: frozenset(("firstname", "givenname", "vorname")),
    Field.LAST_NAME: frozenset(("lastname", "surname", "familyname", "nachname")),
    Field.CONSENT: frozenset(
        [
            "emailsubscriptionstatus",
            "optinemail",
            "emailoptin",
            "acceptsemailmarketing",
            "acceptsmarketing",
            "optedin",
            "optin",
            "subscribed",
            "newsletter",
        ]
    ),
    Field.ID: frozenset(
        [
            "id",
            "customerid",
            "shopifycustomerid",
            "sourceid",
            "merchantid",
            "memberid",
            "customerprofileid",
            "profileintegrationid",
            "identifier",
            "cardnumber",
            "accountnumber",
            "exportid",
            "code",
        ]
    ),
    Field.PENDING: frozenset(("pointspending", "pendingpoints", "pendingbalance")),
    Field.EXPIRY: frozenset(("pointsexpiry", "pointsexpireat", "expirydate", "expiresat", "expirationdate")),
    Field.WHEN: frozenset(("appliedat", "approvedat", "transactiondate", "createdat", "date", "when")),
}
"""Headings in the form of ``heading_form``. What is spent, pending, or ever earned is no balance and stands in none."""

_NAMES_A_NAME = "name"
"""The first name where a last name stands beside it (as Loyoly writes it), and else the whole."""

_NEEDED_ONCE = (Field.MAIL, Field.PHONE, Field.CONTACT, Field.BALANCE, Field.AMOUNT, Field.CONSENT)
"""Of two columns for one of these nobody can know which counts. Of other fields the first does."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands, counted from 0, and what the columns are called. unused: columns that are not imported."""

    headings: tuple[str, ...]
    places: Mapping[Field, int]
    has_headings: bool
    guessed: frozenset[Field] = field(default_factory=frozenset)

    @property
    def unused(self) -> list[str]:
        """The headings of columns that nothing is made of."""
        kept = {*self.places.values()} - {
            self.places.get(one) for one in (Field.ID, Field.EXPIRY, Field.WHEN)
        }
        return [
            heading for place, heading in enumerate(self.headings) if place not in kept and heading.strip()
        ]

    def name(self, of: Field) -> str:
        """What the column of a field is called."""
        return self.headings[self.places[of]]

    def get(self, cells: Sequence[Cell], of: Field) -> Cell:
        """The cell of a field; empty where there is none."""
        place = self.places.get(of)
        return cells[place] if place is not None and place < len(cells) else ""


def heading_form(heading: str) -> str:
    """In lower case, without accents and whatever is no letter or digit."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", heading.casefold())))


def find_columns(
    headings: Sequence[str],
    sample: Sequence[Sequence[Cell]],
    chosen: Mapping[Field, str],
    *,
    has_headings: bool,
) -> Columns:
    """Say which column is what. sample: some rows. chosen: a person's word, by heading or by number from 1.

    Raises UsageError where it is not certain, and says what to add to the command.
    """
    # A row that is wider has a separator in a cell: it must not make a column for what it cuts off.
    width = len(headings) if has_headings else Counter(map(len, sample)).most_common(1)[0][0]
    names = tuple(headings) if has_headings else tuple(f"column {place + 1}" for place in range(width))
    places = {of: _chosen_place(of, text, names) for of, text in chosen.items()}
    free = [place for place in range(width) if place not in places.values()]
    if has_headings:
        found = _by_heading(names, free, places)
        places = {**found, **places}
    guessed: set[Field] = set()
    if not places.keys() & {Field.MAIL, Field.PHONE, Field.CONTACT}:
        guessed |= _guess_mail(places, sample, width)
    if not has_headings and not places.keys() & {Field.BALANCE, Field.AMOUNT}:
        guessed |= _guess_balance(places, sample, width)
    return Columns(names, places, has_headings, frozenset(guessed))


def _chosen_place(of: Field, text: str, names: Sequence[str]) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= len(names):
        return int(text) - 1
    exact = [place for place, name in enumerate(names) if name.strip() == text.strip()]
    alike = exact or [place for place, name in enumerate(names) if heading_form(name) == heading_form(text)]
    if len(alike) == 1:
        return alike[0]
    near = get_close_matches(text, names, 1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"--column {of}={text}: the file has {'several columns' if alike else 'no column'} of that heading.{hint} A column "
        "may be given by its number too, counted from 1."
    )


def _by_heading(names: Sequence[str], free: Iterable[int], chosen: Mapping[Field, int]) -> dict[Field, int]:
    found: dict[Field, list[int]] = {}
    for place in free:
        for of, aliases in ALIASES.items():
            if of not in chosen and heading_form(names[place]) in aliases:
                found.setdefault(of, []).append(place)
    for place in free:
        if heading_form(names[place]) == _NAMES_A_NAME and place not in chosen.values():
            alone = Field.FIRST_NAME not in found and Field.LAST_NAME not in found
            found.setdefault(Field.NAME if alone else Field.FIRST_NAME, []).append(place)
    if Field.BALANCE not in chosen and Field.AMOUNT in chosen:
        found.pop(Field.BALANCE, None)
    if Field.AMOUNT not in chosen and Field.BALANCE in chosen:
        found.pop(Field.AMOUNT, None)
    for of in _NEEDED_ONCE:
        if len(found.get(of, ())) > 1:
            _refuse_several(of, found[of], names)
    return {of: of_field[0] for of, of_field in found.items()}


def _refuse_several(of: Field, places: Sequence[int], names: Sequence[str]) -> NoReturn:
    alike = len({names[place] for place in places}) < len(places)
    listed = " and ".join(
        f"{place + 1} ({names[place]!r})" if alike else repr(names[place]) for place in places
    )
    first = str(places[0] + 1) if alike else f"'{names[places[0]]}'"
    what = "the balance" if of is Field.BALANCE else f"the {of}"
    raise UsageError(
        f"The columns {listed} may both be {what}, and the wrong one would spoil it for everybody. Say which: "
        f"--column {of}={first}."
    )


def _guess_mail(places: dict[Field, int], sample: Sequence[Sequence[Cell]], width: int) -> set[Field]:
    found = [
        place
        for place in range(width)
        if place not in places.values() and _all(sample, place, lambda cell: "@" in str(cell))
    ]
    if len(found) != 1:
        return set()
    places[Field.MAIL] = found[0]
    return {Field.MAIL}


def _guess_balance(places: dict[Field, int], sample: Sequence[Sequence[Cell]], width: int) -> set[Field]:
    """Of a file without headings, the one column of numbers; of several, none."""
    found = [
        place
        for place in range(width)
        if place not in places.values() and _all(sample, place, lambda cell: any(map(str.isdigit, str(cell))))
    ]
    if len(found) > 1:
        numbers = ", ".join(str(place + 1) for place in found)
        raise UsageError(
            f"The file has no row of headings, and its columns {numbers} all hold numbers. Say which is the balance: "
            f"--column balance={found[0] + 1}."
        )
    if not found:
        return set()
    places[Field.BALANCE] = found[0]
    return {Field.BALANCE}


def _all(sample: Sequence[Sequence[Cell]], place: int, holds: Callable[[Cell], bool]) -> bool:
    told = [cells[place] for cells in sample if place < len(cells) and str(cells[place]).strip()]
    return bool(told) and all(map(holds, told))
