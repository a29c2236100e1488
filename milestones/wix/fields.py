"""How Wix spells things, and the base of every model (docs/wix-api.md, 0).

Models are frozen and forgiving: an unknown field is ignored, a missing or null one takes its default, an unknown state
reads as ``UNKNOWN``. What a model insists on is what nothing can be done without, such as an account's revision.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator
from pydantic.alias_generators import to_camel

from milestones.formats import untrusted


def _readable(read: Callable[[Any], Any], what: str) -> BeforeValidator:
    """A value that is insisted on."""

    def read_or_refused(value: Any) -> Any:
        found = read(value)
        if found is None:
            raise ValueError(what)
        return found

    return BeforeValidator(read_or_refused)


def maybe_object(value: Any) -> Any:
    """An object, or an empty one: for what can be done without."""
    return value if isinstance(value, BaseModel) else untrusted.fields(value) or {}


Revision = Annotated[
    int,
    _readable(untrusted.revision, "a revision is a whole number, as a number or as digits in a string"),
    PlainSerializer(str, return_type=str, when_used="json-unless-none"),
]
"""A 64-bit integer that Wix sends as a string, or as a number for contacts; compare it as an integer only."""

Instant = Annotated[
    datetime,
    _readable(untrusted.moment, "a moment is an ISO 8601 text or a number of milliseconds since 1970"),
]
"""A moment in UTC: ISO 8601 with up to nanoseconds (cut to microseconds), or epoch milliseconds in either spelling."""

MaybeInstant = Annotated[datetime | None, BeforeValidator(untrusted.moment)]
"""A moment in UTC; None where none can be read."""

Text = Annotated[str, _readable(untrusted.text, "a text is not empty and holds what a database can keep")]
"""An id, a name or an address, of which any database can keep every character."""

MaybeText = Annotated[str | None, BeforeValidator(untrusted.text)]
"""As ``Text``; None where none can be read."""

PointAmount = Annotated[int, _readable(untrusted.points, "points are a whole number of 32 bits")]
"""A number of points."""

Tally = Annotated[int, BeforeValidator(lambda value: untrusted.whole(value) or 0)]
"""A number on which nothing depends: 0 where none can be read."""


def wire_time(moment: datetime) -> str:
    """The moment as Wix's filters take it: ISO 8601, UTC, milliseconds. Rounded down, so that "since" misses nothing."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire_milliseconds(moment: datetime) -> int:
    """The moment as coupons take it: milliseconds since 1970."""
    return (moment - untrusted.EPOCH) // timedelta(milliseconds=1)


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
