"""What the entries of ``[program]`` have in common, and how their values are written."""

import re
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, PlainValidator, WithJsonSchema

from milestones.config.faults import Fault
from milestones.config.sections import Number, Table, Whole
from milestones.domain.program import Content, ThingKind, Wanted

MOST_POINTS = 9_999_999
MOST_ENTRIES = 1_000
"""Of one list: far more than a shop has, and few enough to compare in no time."""


def _require_visible(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("must be a text that can be seen, on one line")
    return value


def _id(value: str) -> str:
    if not all("!" <= character <= "~" for character in value):
        raise ValueError("is no id; `milestones program export` shows those of the site")
    return value


def _colour(value: str) -> str:
    if not re.fullmatch("#[0-9A-Fa-f]{6}", value):
        raise ValueError('must be a colour such as "#796EFF"')
    return value.upper()


def _quantity(value: Any) -> Decimal:
    """Money by which points are counted, with as many decimals as Wix takes."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise ValueError("must be an amount of money such as 1 or 0.5")  # noqa: TRY004 - pydantic wants ValueError
    try:
        amount = Decimal(str(value))
    except ArithmeticError:
        raise ValueError("must be an amount of money such as 1 or 0.5") from None
    if not amount.is_finite() or not 0 < amount <= 10**9:
        raise ValueError("must be more than 0, and 1,000,000,000 at most")
    return amount


def alone(key: str, table: type[Table], *kinds: type) -> BeforeValidator:
    """A table whose one important key may stand alone: ``at = { Gold = 80 }``."""

    def as_table(value: Any) -> Any:
        return {key: value} if isinstance(value, kinds) and not isinstance(value, bool) else value

    return BeforeValidator(as_table, json_schema_input_type=int | str | table)


Title = Annotated[str, Field(min_length=1, max_length=50), AfterValidator(_require_visible)]
"""As long as Wix takes one, of rules, rewards, tiers and badges alike (docs/wix-api.md, 2)."""

WixId = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_id)]
Cost = Annotated[Whole, Field(ge=1, le=MOST_POINTS)]
Awarded = Annotated[Whole, Field(ge=0, le=MOST_POINTS)]
Percent = Annotated[Number, Field(gt=0, le=100)]
Colour = Annotated[str, AfterValidator(_colour)]
Quantity = Annotated[
    Decimal,
    PlainValidator(_quantity),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}]}),
]


class Thing(Table):
    """What all entries have: a title, by which the site's is found; its id, where the title does not tell it from
    others; and the title that it had before.
    """

    title: Title
    id: WixId | None = None
    was: Title | None = None

    def to_wanted(self, kind: ThingKind, content: Content) -> Wanted:
        return Wanted(kind, self.title, content, self.id, self.was)


def find_repeated(entries: Sequence[Thing], where: tuple[str, ...]) -> Iterator[Fault]:
    """Titles, ids and former titles that could mean two things."""
    titles: dict[str, int] = {}
    ids: dict[str, int] = {}
    former: dict[str, int] = {}
    for position, entry in enumerate(entries):
        other = titles.setdefault(entry.title, position)
        if other != position and (entry.id is None or entries[other].id is None):
            yield Fault(
                (*where, position, "title"),
                f"'{entry.title}' is used twice; {where[-1]}[{other}] has it too. Tell them apart by their ids",
            )
        if entry.id is not None and ids.setdefault(entry.id, position) != position:
            yield Fault((*where, position, "id"), f"is that of {where[-1]}[{ids[entry.id]}] too")
        if entry.was is not None and former.setdefault(entry.was, position) != position:
            yield Fault((*where, position, "was"), f"is that of {where[-1]}[{former[entry.was]}] too")
