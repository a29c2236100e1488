"""The words on the wire: request models, dates, ids, and how a bad field is named to the caller."""

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from wixsandbox.errors import InvalidError

Document = dict[str, Any]


class Wire(BaseModel):
    """A request or a part of one. Unknown fields are ignored, as the real servers do: the official client repeats
    path parameters inside the body (docs/wix-api.md, 0).
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)

    def document(self) -> Document:
        """The JSON of it, without what is missing."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


class OpenWire(Wire):
    """A part that is kept as it came, fields that are not looked at included."""

    model_config = ConfigDict(extra="allow")


W = TypeVar("W", bound=Wire)

# pydantic's error types and the vendor's names for violated rules
_RULES = {
    "missing": "REQUIRED_FIELD",
    "string_too_short": "MIN_LENGTH",
    "string_too_long": "MAX_LENGTH",
    "too_short": "MIN_SIZE",
    "too_long": "MAX_SIZE",
    "greater_than": "MIN",
    "greater_than_equal": "MIN",
    "less_than": "MAX",
    "less_than_equal": "MAX",
    "string_pattern_mismatch": "FORMAT",
    "literal_error": "INVALID_ENUM_VALUE",
    "enum": "INVALID_ENUM_VALUE",
}


def parse(model: type[W], document: Any) -> W:
    """The request as a model; raises `InvalidError` that names every violated rule."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first, *rest = dict.fromkeys(_violation(one) for one in error.errors(include_url=False))
        invalid = InvalidError(*first)
        for violation in rest:
            invalid.add(*violation)
        raise invalid from error


def _violation(error: Any) -> tuple[str, str, str, str | None]:
    # where a value may have several types, pydantic appends the type that it tried
    parts = [str(part) for part in error["loc"]]
    place = (
        ".".join(part for part in parts if part not in {"int", "str", "float"} and "[" not in part) or "body"
    )
    if error["type"] == "value_error":
        cause = error["ctx"]["error"]
        return place, str(cause), "VALIDATION", None
    rule = _RULES.get(error["type"], "OTHER")
    return place, "must not be empty" if rule == "REQUIRED_FIELD" else error["msg"].lower(), rule, None


def as_list(value: Any) -> Any:
    """A repeated query parameter is a list even when it comes once."""
    return [value] if isinstance(value, str) else value


def _guid(value: str) -> str:
    if not is_guid(value):
        raise ValueError("is not a valid GUID")
    return value


Guid = Annotated[str, AfterValidator(_guid)]
GuidList = Annotated[list[Guid], BeforeValidator(as_list)]
TextList = Annotated[list[str], BeforeValidator(as_list)]


def is_guid(value: str) -> bool:
    """Whether this looks like an id: 8-4-4-4-12 hexadecimal digits."""
    parts = value.split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        digit in "0123456789abcdefABCDEF" for part in parts for digit in part
    )


def derive(*parts: object) -> str:
    """32 hexadecimal digits that depend on the parts only: ids and keys are the same for the same seed."""
    text = ":".join(map(str, parts))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def guid(*parts: object) -> str:
    """An id in GUID form that depends on the parts only."""
    digits = derive(*parts)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


def stamp(moment: datetime) -> str:
    """A date as Wix writes it: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:23] + "Z"


def comparable_date(text: str) -> str:
    """A caller's ISO date in a form that sorts as text beside stored dates without their ``Z``.

    Raises ValueError if it is no date.
    """
    moment = datetime.fromisoformat(text)
    try:
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("is before the first or after the last year") from error
    finest = "milliseconds" if moment.microsecond % 1000 == 0 else "microseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=finest)


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds: the dates of Wix coupons v2."""
    return int(moment.timestamp() * 1000)
