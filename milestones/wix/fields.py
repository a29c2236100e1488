"""How Wix spells things, and the base of every model (docs/wix-api.md, 0).

Models are frozen and forgiving: an unknown field is ignored, a missing or null one takes its default, an unknown state
reads as ``UNKNOWN``. What a model insists on is what nothing can be done without, such as an account's revision.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator
from pydantic.alias_generators import to_camel

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[0-9]{1,4000}")
_EPOCH_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")


def _revision(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ValueError("a revision is a whole number, as a number or as digits in a string")


def _instant(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    try:
        if isinstance(value, str) and not _EPOCH_MILLISECONDS.fullmatch(value.strip()):
            return _instant(datetime.fromisoformat(value.strip()))
        return _EPOCH + timedelta(milliseconds=int(value))
    except (TypeError, ValueError, OverflowError):
        raise ValueError("a moment is an ISO 8601 text or a number of milliseconds since 1970") from None


Revision = Annotated[
    int, BeforeValidator(_revision), PlainSerializer(str, return_type=str, when_used="json-unless-none")
]
"""A 64-bit integer that Wix sends as a string, or as a number for contacts; compare it as an integer only."""

Instant = Annotated[datetime, BeforeValidator(_instant)]
"""A moment in UTC: ISO 8601 with up to nanoseconds (cut to microseconds), or epoch milliseconds in either spelling."""


def wire_time(moment: datetime) -> str:
    """The moment as Wix's filters take it: ISO 8601, UTC, milliseconds. Rounded down, so that "since" misses nothing."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire_milliseconds(moment: datetime) -> int:
    """The moment as coupons take it: milliseconds since 1970."""
    return (moment - _EPOCH) // timedelta(milliseconds=1)


class State(StrEnum):
    """A state of Wix's. Subclasses have a member ``UNKNOWN``, which any word that we do not know reads as."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:  # noqa: ARG003
        return cls["UNKNOWN"]


class Entity(BaseModel):
    """Something that Wix describes: camelCase there, snake_case here."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if value is not None}
        return data


class Editable(Entity):
    """Something that Wix lets us replace as a whole: fields that we do not know must survive being written back."""

    model_config = ConfigDict(extra="allow")

    def wire(self, *, without: set[str] | None = None) -> dict[str, Any]:
        """The JSON to send. ``without`` names fields, in our spelling, that only Wix may write."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=without)
