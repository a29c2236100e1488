"""``[program.tiers]``: the tiers into which accounts fall by their points."""

from collections.abc import Iterator, Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.program_entry import Cost, Thing, Title, find_repeated
from milestones.config.sections import Table, Whole
from milestones.domain.program import MOST_TIERS, Content, ThingKind, Value, Wanted


class LevelTable(Thing):
    """``[[program.tiers.levels]]``: a tier above the base tier, from so many points on."""

    points: Cost
    description: str | None = Field(default=None, max_length=70)

    def definition(self) -> Wanted:
        """As the plan compares it."""
        fields: dict[str, Value] = {"title": self.title, "points": self.points}
        if self.description is not None:
            fields["description"] = self.description
        return self.to_wanted(ThingKind.TIER, Content(fields))


class BaseTierTable(Table):
    """``base``: how the base tier is shown, in which everybody begins."""

    title: Title | None = None
    description: str | None = Field(default=None, max_length=70)


class TiersTable(Table):
    """``[program.tiers]``. status: only when active do they count. window: months whose points count."""

    status: Literal["active", "paused", "draft", "disabled"] | None = None
    window: Whole | None = Field(default=None, ge=1, le=36)
    base: BaseTierTable = BaseTierTable()
    levels: tuple[LevelTable, ...] | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_tiers_faults(self.levels or ()))
        return self

    def settings(self) -> dict[str, Value]:
        """What is said of all tiers."""
        said: dict[str, Value] = {
            "status": self.status,
            "window": self.window,
            "base.title": self.base.title,
            "base.description": self.base.description,
        }
        return {key: value for key, value in said.items() if value is not None}


def _tiers_faults(levels: Sequence[LevelTable]) -> Iterator[Fault]:
    yield from find_repeated(levels, ("levels",))
    if len(levels) > MOST_TIERS:
        yield Fault(("levels",), f"has {len(levels)}; Wix takes {MOST_TIERS} beside the base tier")
    first: dict[int, int] = {}
    for position, level in enumerate(levels):
        if level.points in first:
            other = first[level.points]
            yield Fault(
                ("levels", position, "points"),
                f"is {level.points}, as of levels[{other}]; each needs its own",
            )
        first.setdefault(level.points, position)
