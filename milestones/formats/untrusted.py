"""Values of JSON that nobody vouches for. Every door reads them here, webhook and answer alike: what one could not keep,
another must not let in.

None is the answer for what cannot be read; whether it can be done without is the caller's to know.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Fields = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

LONGEST_TEXT = 500
"""Characters of an id, a name or an address; Wix's own limits are lower."""

LARGEST_POINTS = 2**31 - 1
"""Point amounts are 32-bit integers (docs/wix-api.md, 0)."""

_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(9100, 1, 1, tzinfo=UTC)
"""Time is added to moments and taken from them; near the ends of the calendar that is no time any more."""

_WHOLE = re.compile(r"-?[0-9]{1,4000}")
_EPOCH_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")


def parse(document: str | bytes) -> Any:
    """The JSON in ``document``. Raises ValueError with a predicate; nesting that exhausts the stack is no JSON here.

    One broken value spoils no other: bytes that are no UTF-8 stay as half characters, which ``text`` does not take,
    and a number too long for Python stays text, which ``whole`` does not take.
    """
    try:
        try:
            return json.loads(document)
        except ValueError:
            if isinstance(document, bytes):
                document = document.decode("utf-8", "surrogateescape")
            return json.loads(document, parse_int=_short_integer)
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except ValueError:
        raise ValueError("is not valid JSON") from None


def _short_integer(digits: str) -> int | str:
    return int(digits) if _WHOLE.fullmatch(digits) else digits


def fields(value: Any) -> Fields | None:
    """An object, or a string that holds one: Wix spells it both ways (docs/wix-api.md, 4.3)."""
    if isinstance(value, str):
        try:
            value = parse(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def text(value: Any) -> str | None:
    """A short text, not empty, that any database can keep."""
    return value if storable(value) and value and len(value) <= LONGEST_TEXT else None


def storable(value: Any) -> bool:
    """Whether it is a text that any database can keep: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str) or "\0" in value:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def whole(value: Any) -> int | None:
    """A whole number however it is spelled, of at most 4,000 digits."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    return None


def points(value: Any) -> int | None:
    """A number of points that Wix can mean. What Wix leaves out is 0; what is no number is not guessed at."""
    amount = 0 if value is None else whole(value)
    return amount if amount is not None and abs(amount) <= LARGEST_POINTS else None


def revision(value: Any) -> int | None:
    """A revision: a whole number from 0."""
    number = whole(value)
    return number if number is not None and number >= 0 else None


def moment(value: Any) -> datetime | None:
    """A moment in UTC: ISO 8601, cut to microseconds, or milliseconds since 1970 in either spelling.

    One before 1900 or after 9099 is none.
    """
    try:
        found = _moment(value)
    except (ValueError, OverflowError):
        return None
    return found if found is not None and _EARLIEST <= found < _LATEST else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, str) and not _EPOCH_MILLISECONDS.fullmatch(value.strip()):
        value = datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    if isinstance(value, str):
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return EPOCH + timedelta(milliseconds=value)
    return None


def microseconds(told: datetime | None) -> int:
    """Microseconds since 1970, 0 where no moment was told: the form in which stamps compare."""
    return 0 if told is None else (told - EPOCH) // timedelta(microseconds=1)
