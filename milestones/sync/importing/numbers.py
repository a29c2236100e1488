"""Numbers of points, understood or refused and never misread.

What a comma or a point between digits means is a matter of the whole column: ``52,620`` alone can be a grouped number or
one with a fraction, and what stands in the other rows tells which. The column is looked at first; then its numbers are
read, all in one way.
"""

import math
import re
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum

from milestones.formats.tables.table import Cell

_BLANKS = "\u0020\u00a0\u202f\u2009'\u2019"
"""What groups thousands and is never a decimal point: blanks, and the apostrophe of Swiss files."""

_MARKS = ",."

_NUMBER = re.compile(rf"(?P<sign>[-+\u2212]?)(?P<digits>[0-9][0-9{_MARKS}{_BLANKS}]*)")
_GROUPED = re.compile(r"[0-9]{1,3}(?:(?P<mark>[^0-9])[0-9]{3})(?:(?P=mark)[0-9]{3})*")
_SCIENTIFIC = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?[eE][-+]?[0-9]{1,3}")

_LONGEST = 40
"""Characters of a number. Longer ones are no points."""


class Rounding(StrEnum):
    """What becomes of a fraction of a point."""

    REFUSE = "refuse"
    DOWN = "down"
    UP = "up"
    NEAREST = "nearest"


_RULES = {Rounding.DOWN: ROUND_FLOOR, Rounding.UP: ROUND_CEILING, Rounding.NEAREST: ROUND_HALF_UP}


class NumberError(Exception):
    """A cell that is no number of points. The text is a sentence."""


def is_scientific(cell: Cell) -> bool:
    """Whether a spreadsheet has shortened it to a power of ten, by which its last digits are lost."""
    return isinstance(cell, str) and _SCIENTIFIC.fullmatch(cell.strip()) is not None


@dataclass(slots=True)
class Style:
    """How a column writes its numbers, gathered row by row (``look``) and then in force (``read``).

    groups, decimals: a line where the mark groups thousands beyond doubt, and one where it begins a fraction beyond doubt.
    either: one where it may do both. plain: one with a number of four digits and more that is not grouped.
    """

    groups: dict[str, int] = field(default_factory=dict)
    decimals: dict[str, int] = field(default_factory=dict)
    either: dict[str, int] = field(default_factory=dict)
    plain: int | None = None

    def look(self, cell: Cell, line: int) -> None:
        """Learn from one cell."""
        if not isinstance(cell, str) or (match := _match(cell)) is None:
            return
        digits = match["digits"]
        marks = [mark for mark in digits if mark in _MARKS]
        if not marks:
            if digits.isdigit() and len(digits) > 3 and self.plain is None:
                self.plain = line
            return
        last = marks[-1]
        if len(set(marks)) == 2:
            other = next(mark for mark in _MARKS if mark != last)
            self.groups.setdefault(other, line)
            self.decimals.setdefault(last, line)
        elif len(marks) > 1:
            self.groups.setdefault(last, line)
        elif _GROUPED.fullmatch(digits) and not digits.startswith("0"):
            self.either.setdefault(last, line)
        else:
            self.decimals.setdefault(last, line)

    def fault(self, heading: str) -> str | None:
        """Why nobody can tell how the column is to be read, as a sentence; None where it can be told."""
        for mark, line in (self.either | self.groups).items():
            word = "comma" if mark == "," else "point"
            if (other := self.decimals.get(mark)) is not None:
                return (
                    f"In the column {heading!r} a {word} groups thousands in line {line} and begins a fraction in line "
                    f"{other}. Write its numbers in one way, such as 52620."
                )
        point = self.either.get(".")
        if (
            point is not None
            and "." not in self.groups
            and "," not in self.decimals
            and self.plain is not None
        ):
            return (
                f"In the column {heading!r} line {point} has a number with a point and three digits behind it, which may "
                f"be thousands or a fraction, and line {self.plain} has thousands without a point. Write its numbers in "
                "one way, such as 52620."
            )
        return None

    def describe(self) -> str | None:
        """How the marks are read, where there are any."""
        grouping = sorted(self.groups.keys() | self.either.keys())
        told = [
            f"{_word(mark)} groups thousands (line {(self.either | self.groups)[mark]})" for mark in grouping
        ]
        told += [
            f"{_word(mark)} begins a fraction (line {self.decimals[mark]})" for mark in sorted(self.decimals)
        ]
        return " and ".join(told) if told else None

    def read(self, cell: Cell, rounding: Rounding = Rounding.REFUSE) -> int | None:
        """The points of a cell; None where it is empty, which is not 0. Raises NumberError."""
        if isinstance(cell, str) and not cell.strip():
            return None
        value = self._exact(cell)
        whole = int(value.to_integral_value(ROUND_FLOOR))
        if value == whole:
            return whole
        if rounding is Rounding.REFUSE:
            raise NumberError(
                f"{_shown(cell)} is no whole number of points; --round says what becomes of fractions."
            )
        return int(value.to_integral_value(_RULES[rounding]))

    def _exact(self, cell: Cell) -> Decimal:
        if isinstance(cell, int):
            return Decimal(cell)
        if isinstance(cell, float):
            if not math.isfinite(cell):
                raise NumberError("It is no number.")
            return Decimal(repr(cell))
        if is_scientific(cell):
            raise NumberError(f"{_shown(cell)} was shortened by a spreadsheet; its last digits are lost.")
        match = _match(cell)
        if match is None:
            raise NumberError(f"{_shown(cell)} is no number.")
        digits = match["digits"]
        decimal = next((mark for mark in _MARKS if mark in self.decimals and mark in digits), None)
        before, _, fraction = digits.partition(decimal) if decimal is not None else (digits, "", "")
        plain = before.isdigit() or _is_grouped(before)
        if not plain or (decimal is not None and not fraction.isdigit()):
            raise NumberError(f"{_shown(cell)} is no number: its digits are not grouped by threes.")
        whole = "".join(filter(str.isdigit, before))
        value = Decimal(f"{whole}.{fraction or 0}")
        return -value if match["sign"] in {"-", "\u2212"} else value


def _match(cell: str) -> re.Match[str] | None:
    text = cell.strip().strip(_BLANKS)
    return _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None


def _is_grouped(text: str) -> bool:
    return _GROUPED.fullmatch(text) is not None and not text.startswith("0")


def _word(mark: str) -> str:
    return "a comma" if mark == "," else "a point"


def _shown(cell: Cell) -> str:
    text = str(cell).strip()
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
