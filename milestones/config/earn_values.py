"""How the values of ``[[earn]]`` are written: expressions, places, secrets, limits."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

from pydantic import PlainSerializer, PlainValidator, SecretStr, ValidationInfo, WithJsonSchema

from milestones.config.references import REFERENCE_SCHEMA, one_line_secret, reference_of
from milestones.config.values import rate, rate_text
from milestones.domain.earn import MOST_POINTS, Once, Part, Place
from milestones.domain.policy import Rate
from milestones.formats.expressions import JmesPath

_AND = "customer and "


class Limit(NamedTuple):
    """``once_per``, read."""

    once: Once
    value: JmesPath | None = None

    @property
    def written(self) -> str:
        """As it stands in the file."""
        return self.once.value if self.value is None else f"{_AND}{self.value.text}"


def _expression(value: Any) -> JmesPath:
    if isinstance(value, JmesPath):
        return value
    if not isinstance(value, str):
        raise ValueError("must be an expression in quotes, such as \"event == 'created'\"")  # noqa: TRY004 - pydantic wants ValueError
    return JmesPath.parse(value)


def _place(value: Any) -> Place:
    if isinstance(value, Place):
        return value
    if isinstance(value, str):
        return Place(Part.EVENT, value, JmesPath.parse(value))
    if isinstance(value, Mapping) and len(value) == 1:
        ((part, name),) = value.items()
        if part == "header" and isinstance(name, str) and _is_header(name):
            return Place(Part.HEADER, name.lower())
        if part == "body" and isinstance(name, str):
            return Place(Part.BODY, name, JmesPath.parse(name))
    raise ValueError('must be an expression in quotes, { header = "NAME" } or { body = "EXPRESSION" }')


def _written_place(place: Place) -> Any:
    return place.name if place.part is Part.EVENT else {place.part.value: place.name}


def _is_header(name: str) -> bool:
    return (
        bool(name) and all(character.isalnum() or character in "-_" for character in name) and name.isascii()
    )


def header_name(value: Any) -> str:
    """The name of a header, in small letters. Raises ValueError."""
    if not isinstance(value, str) or not _is_header(value):
        raise ValueError('must be the name of a header such as "x-signature"')
    return value.lower()


def _one_or_more(value: Any) -> tuple[Any, ...]:
    """What is written alone or in a list; a tuple is what was read before, or a default."""
    if value == []:
        raise ValueError("must not be an empty list")
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _secrets(value: Any, info: ValidationInfo) -> tuple[SecretStr, ...]:
    return tuple(one_line_secret(one, info) for one in _one_or_more(value))


def _places(value: Any) -> tuple[Place, ...]:
    return tuple(_place(one) for one in _one_or_more(value))


def _texts(value: Any) -> tuple[str, ...]:
    result = _one_or_more(value)
    if not all(isinstance(one, str) and one for one in result):
        raise ValueError("must be a text in quotes, or a list of such")
    return result


def _points(value: Any) -> int | JmesPath:
    if isinstance(value, int) and not isinstance(value, bool):
        if not 1 <= value <= MOST_POINTS:
            raise ValueError(f"must be 1 to {MOST_POINTS}")
        return value
    if isinstance(value, str | JmesPath):
        return _expression(value)
    raise ValueError("must be a number of points, or an expression in quotes that finds it")


def _limit(value: Any) -> Limit:
    if isinstance(value, Limit):
        return value
    if value in (Once.EVENT.value, Once.CUSTOMER.value):
        return Limit(Once(value))
    if isinstance(value, str) and value.startswith(_AND):
        return Limit(Once.CUSTOMER_AND_VALUE, JmesPath.parse(value.removeprefix(_AND).strip()))
    raise ValueError('must be "event", "customer", or "customer and " with an expression behind it')


def _caps(value: Any) -> tuple[Rate, ...]:
    return tuple(rate(one) for one in _one_or_more(value))


def _one_or_list(schema: Mapping[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema, {"type": "array", "items": schema, "minItems": 1}]})


_PLACE_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        *(
            {
                "type": "object",
                "properties": {part: {"type": "string"}},
                "required": [part],
                "additionalProperties": False,
            }
            for part in ("header", "body")
        ),
    ]
}

Expression = Annotated[
    JmesPath,
    PlainValidator(_expression),
    PlainSerializer(lambda expression: expression.text),
    WithJsonSchema({"type": "string", "examples": ["event == 'created'"]}),
]
PlaceText = Annotated[
    Place, PlainValidator(_place), PlainSerializer(_written_place), WithJsonSchema(_PLACE_SCHEMA)
]
Places = Annotated[
    tuple[Place, ...],
    PlainValidator(_places),
    PlainSerializer(lambda places: [_written_place(place) for place in places]),
    _one_or_list(_PLACE_SCHEMA),
]
Secrets = Annotated[
    tuple[SecretStr, ...],
    PlainValidator(_secrets),
    PlainSerializer(lambda secrets: [reference_of(secret) for secret in secrets]),
    _one_or_list(REFERENCE_SCHEMA),
]
HeaderName = Annotated[str, PlainValidator(header_name), WithJsonSchema({"type": "string"})]
HeaderValues = Annotated[
    tuple[str, ...], PlainValidator(_texts), PlainSerializer(list), _one_or_list({"type": "string"})
]
PointsOrExpression = Annotated[
    int | JmesPath,
    PlainValidator(_points),
    PlainSerializer(lambda points: points if isinstance(points, int) else points.text),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_POINTS}, {"type": "string"}]}
    ),
]
LimitText = Annotated[
    Limit,
    PlainValidator(_limit),
    PlainSerializer(lambda limit: limit.written),
    WithJsonSchema({"type": "string", "examples": ["customer", "customer and payload.object.id"]}),
]

Caps = Annotated[
    tuple[Rate, ...],
    PlainValidator(_caps),
    PlainSerializer(lambda caps: [rate_text(cap) for cap in caps]),
    _one_or_list({"type": "string", "pattern": "^[1-9][0-9]* per [1-9][0-9]*[smhd]$"}),
]
"""Points within a period, such as "60 per 30d"."""
