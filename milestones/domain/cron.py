"""Cron expressions of five fields, in local time: which moments one means, also on days that clocks are changed.

As in every cron, 0 and 7 are both Sunday. What a local time means is computed from the calendar, day by day, and never
by adding to the last moment: hours that are skipped or come twice would move or swallow the next one.
"""

import re
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(?:\*|([0-9]{1,4}|[a-z]{3})(?:-([0-9]{1,4}|[a-z]{3}))?)(?:/([0-9]{1,4}))?", re.ASCII)
_RAREST = timedelta(days=366 * 41)
"""29 February falls on one day of the week every 28 years, and every 40 where a century lies between."""


@dataclass(frozen=True, slots=True)
class _Field:
    """whole: the last value that ``*`` stands for. first_name: the value of the first name."""

    what: str
    lowest: int
    highest: int
    whole: int
    names: tuple[str, ...] = ()
    first_name: int = 0


_FIELDS = (
    _Field("minutes", 0, 59, 59),
    _Field("hours", 0, 23, 23),
    _Field("days of the month", 1, 31, 31),
    _Field("months", 1, 12, 12, _MONTHS, 1),
    _Field("days of the week", 0, 7, 6, _DAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """What an expression names. weekdays: 0 is Sunday."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, after: datetime, zone: tzinfo) -> datetime:
        """The first moment (UTC) after a given one.

        A local time that clocks skip counts as much after the gap as it lies in it: 2:30 is then 3:30. One that comes
        twice counts the first time, except where every hour is named: an hourly schedule stays hourly.
        """
        # The day before too: clocks that skip midnight, or a day, move its last times into this one.
        day = after.astimezone(zone).date() - timedelta(days=1)
        last = day + _RAREST
        while day <= last:
            # For the same reason the first times of the next day may come before the last of this one.
            both = (_moments(self, day, zone), _moments(self, day + timedelta(days=1), zone))
            if found := [
                moments[place] for moments in both if (place := bisect(moments, after)) < len(moments)
            ]:
                return min(found)
            day += timedelta(days=1)
        raise AssertionError("an expression that never comes is refused when it is read")

    def includes(self, day: date) -> bool:
        """Whether a day is among those that are named."""
        return day.day in self.days and day.month in self.months and day.isoweekday() % 7 in self.weekdays


@lru_cache(maxsize=16)
def _moments(cron: Cron, day: date, zone: tzinfo) -> Sequence[datetime]:
    """The moments (UTC) that the times of a local day mean, in their order."""
    if not cron.includes(day):
        return ()
    hourly = len(cron.hours) == 24
    found = set()
    for hour in cron.hours:
        for minute in cron.minutes:
            local = datetime.combine(day, time(hour, minute), zone)
            # Of a time in a gap, this is as long after it (PEP 495).
            first = local.astimezone(UTC)
            found.add(first)
            if hourly and (second := local.replace(fold=1).astimezone(UTC)) > first:
                found.add(second)
    return sorted(found)


@lru_cache(maxsize=64)
def parse(text: str) -> Cron:
    """Reads five fields: numbers, names, lists, ranges and steps. Raises ValueError with a sentence for what is none
    of these, and for what would never come.
    """
    fields = text.lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"it has {len(fields)} fields and needs 5: minute, hour, day of the month, month, day of the week"
        )
    minutes, hours, days, months, weekdays = map(_values, fields, _FIELDS)
    if "*" not in {fields[2][0], fields[4][0]}:
        # Every cron takes either, and people mean those that are both.
        raise ValueError("it names days of the month and days of the week; name one of them")
    if not any(day <= _LONGEST[month - 1] for month in months for day in days):
        raise ValueError("it never comes: none of its months has such a day")
    return Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays))


def _values(text: str, field: _Field) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _range(part, field))


def _range(part: str, field: _Field) -> range:
    place = f"{part!r} in the {field.what}"
    found = _PART.fullmatch(part)
    if found is None:
        raise ValueError(f"{place}: write a number, a list (1,3), a range (1-5), a step (*/2) or *")
    first, last, step = found.groups()
    if first is None:
        low, high = field.lowest, field.whole
    elif last is None and step is not None:
        raise ValueError(f"{place}: a step needs a range before it")
    else:
        low = _value(first, field, place)
        high = low if last is None else _value(last, field, place)
        if last == "sun" and low > high:
            high = field.highest
    if high < low:
        raise ValueError(f"{place}: the range ends before it begins")
    if step is not None and not 1 <= int(step) <= high - low:
        # Cron would take it, and come once in each hour where somebody wrote every 90 minutes.
        raise ValueError(f"{place}: the step must be from 1 to {high - low}; to have one value, name it")
    return range(low, high + 1, int(step or 1))


def _value(text: str, field: _Field, place: str) -> int:
    if text.isdigit():
        value = int(text)
        if not field.lowest <= value <= field.highest:
            raise ValueError(f"{place}: must be from {field.lowest} to {field.highest}")
        return value
    if text not in field.names:
        raise ValueError(f"{place}: {text!r} is no name of one")
    return field.names.index(text) + field.first_name
