"""The kinds of value that a configuration holds, and how they are written in TOML.

Each reads its text and says in one sentence what it expected.
"""

import re
from contextlib import suppress
from datetime import time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from milestones.domain import cron
from milestones.domain.policy import QuietHours, Rate

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_DURATION = re.compile(r"([1-9][0-9]{0,6})([smhd])")
_RATE = re.compile(r"([1-9][0-9]{0,6}) per (.+)")
_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_LONGEST = timedelta(days=36_500)


def duration(value: Any) -> timedelta:
    """``30s``, ``15m``, ``1h``, ``7d``. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value) if isinstance(value, str) else None
    result = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None
    if result is None or result > _LONGEST:
        raise ValueError('must be a duration such as "30s", "15m", "1h" or "7d"')
    return result


def plural(number: int, one: str, many: str | None = None) -> str:
    """Such as "1 action" and "2,000 actions"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def duration_text(value: timedelta) -> str:
    """A duration as it is written: in the largest unit that leaves no rest."""
    seconds = int(value.total_seconds())
    unit = next(unit for unit in reversed(_UNITS) if seconds % _UNITS[unit] == 0)
    return f"{seconds // _UNITS[unit]}{unit}"


def rate(value: Any) -> Rate:
    """``1 per 7d``. Raises ValueError."""
    if isinstance(value, Rate):
        return value
    match = _RATE.fullmatch(value) if isinstance(value, str) else None
    if match is not None:
        with suppress(ValueError):
            return Rate(int(match[1]), duration(match[2]))
    raise ValueError('must be a rate such as "1 per 7d"')


def rate_text(value: Rate) -> str:
    """As it is written."""
    return f"{value.times} per {duration_text(value.period)}"


def _quiet_hours(value: Any) -> QuietHours:
    if isinstance(value, QuietHours):
        return value
    match = _HOURS.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('must be two times of day such as "21:00-08:00"')
    first, second, third, fourth = map(int, match.groups())
    if (first, second) == (third, fourth):
        raise ValueError("start and end are the same, so it is never or always quiet; leave it out for never")
    return QuietHours(time(first, second), time(third, fourth))


def _schedule(value: Any) -> timedelta | str:
    if not isinstance(value, str) or len(value.split()) == 1:
        try:
            return duration(value)
        except ValueError:
            raise ValueError(
                'must be a duration such as "1h", or a cron expression such as "0 9 * * *"'
            ) from None
    try:
        cron.parse(value)
    except ValueError as error:
        raise ValueError(f"is no cron expression that can be used: {error}") from None
    return value


def _timezone(value: Any) -> ZoneInfo:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(value)
    except (KeyError, ValueError, TypeError, OSError):
        raise ValueError(
            'is no time zone that this machine knows; write one such as "Europe/Berlin"'
        ) from None


def _money(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("must be an amount of money such as 5 or 4.99")  # noqa: TRY004 - pydantic wants ValueError
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("must be an amount of money such as 5 or 4.99") from None
    if not amount.is_finite() or amount <= 0 or amount.as_tuple().exponent < -2 or amount > 10**9:  # type: ignore[operator]
        raise ValueError("must be more than 0, with at most two decimals")
    return amount


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Duration = Annotated[
    timedelta, PlainValidator(duration), PlainSerializer(duration_text), _text("^[1-9][0-9]*[smhd]$", "7d")
]
RateText = Annotated[
    Rate,
    PlainValidator(rate),
    PlainSerializer(rate_text),
    _text("^[1-9][0-9]* per [1-9][0-9]*[smhd]$", "1 per 7d"),
]
QuietHoursText = Annotated[
    QuietHours,
    PlainValidator(_quiet_hours),
    PlainSerializer(lambda hours: f"{hours.start:%H:%M}-{hours.end:%H:%M}"),
    _text("^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$", "21:00-08:00"),
]
Schedule = Annotated[
    timedelta | str,
    PlainValidator(_schedule),
    PlainSerializer(lambda value: value if isinstance(value, str) else duration_text(value)),
    WithJsonSchema({"type": "string", "examples": ["1h", "0 9 * * *"]}),
]
"""An interval, or a cron expression of five fields (``domain.cron``), kept as text."""
Zone = Annotated[
    ZoneInfo,
    PlainValidator(_timezone),
    PlainSerializer(lambda zone: zone.key),
    WithJsonSchema({"type": "string", "examples": ["Europe/Berlin"]}),
]
Money = Annotated[
    Decimal,
    PlainValidator(_money),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]
