"""Reading JSON that nobody vouches for: what is wrong becomes a sentence, never another kind of exception.

Sentences name fields and never show their values, which may be personal data.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from milestones.errors import MilestonesError

Fields = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LONGEST_TEXT = 500
"""Characters of an id, a name or an address; Wix's own limits are lower."""

_log = structlog.get_logger(__name__)

_WHOLE = re.compile(r"-?[0-9]{1,4000}")


class UnreadableError(MilestonesError):
    """A genuine event that cannot be understood, or not be recorded: it is kept, with ``reason``, for a person.

    site_id, event_type, event_id: as far as they could be read.
    """

    def __init__(
        self,
        reason: str,
        *,
        site_id: str | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
    ) -> None:
        self.reason = reason
        self.site_id = site_id
        self.event_type = event_type
        self.event_id = event_id
        super().__init__(reason)


def blamed(
    error: Exception, site_id: str | None, event_type: str | None, event_id: str | None
) -> UnreadableError:
    """What to keep of an exception that nobody foresaw. Its message may quote the event, and so a person: the log
    gets its kind and place instead.
    """
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame is not None else "unknown"
    kind = type(error).__name__
    _log.error(
        "event_not_recordable",
        site=site_id,
        event_id=event_id,
        event_type=event_type,
        error=kind,
        place=place,
    )
    return UnreadableError(
        f"Recording the event failed with {kind}.",
        site_id=site_id,
        event_type=event_type,
        event_id=event_id,
    )


def parsed(document: str | bytes, what: str) -> Any:
    """The JSON in ``document``. Nesting that exhausts the stack and numbers that exhaust Python are no JSON here."""
    try:
        return json.loads(document)
    except RecursionError:
        raise UnreadableError(f"{what} is nested too deeply.") from None
    except ValueError:
        raise UnreadableError(f"{what} is not valid JSON.") from None


def fields(value: Any, what: str) -> Fields:
    """An object, or a string that holds one: Wix spells it both ways (docs/wix-api.md, 4.3)."""
    if isinstance(value, str):
        value = parsed(value, what)
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is not an object.")
    return value


def maybe_fields(value: Any) -> Fields:
    """An object or a string that holds one, or nothing where it is neither: for what can be done without."""
    try:
        return fields(value, "It")
    except UnreadableError:
        return {}


def text(where: Fields, name: str) -> str | None:
    """A text that any database can keep (no NUL, no half of a surrogate pair), or None."""
    value = where.get(name)
    if not isinstance(value, str) or not value or len(value) > LONGEST_TEXT or "\0" in value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def whole(value: Any) -> int | None:
    """A whole number however it is spelled, of any length that Python reads, or None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return None


def moment(value: Any) -> datetime | None:
    """A moment in UTC: ISO 8601, cut to microseconds, or milliseconds since 1970. None for anything else."""
    try:
        if isinstance(value, str):
            told = datetime.fromisoformat(value)
            return told.replace(tzinfo=UTC) if told.tzinfo is None else told.astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return EPOCH + timedelta(milliseconds=value)
    except (ValueError, OverflowError):
        return None
    return None


def microseconds(told: datetime | None) -> int:
    """Microseconds since 1970, 0 where no moment was told: the form in which stamps compare."""
    return 0 if told is None else (told - EPOCH) // timedelta(microseconds=1)
