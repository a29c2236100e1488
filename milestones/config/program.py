"""``[program]``: the loyalty program that a site should have, as the file says it, and its way into the rules.

What the file does not name is left as it is on the site. Of a list that it has (``[[program.earn]]``, ...), what the
site has beside it is left alone too, unless `milestones program apply --prune` is told to remove it.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.program_earn import EarnTable
from milestones.config.program_entry import MOST_ENTRIES, Colour, Thing, alone, find_repeated
from milestones.config.program_rewards import RewardTable
from milestones.config.program_tiers import LevelTable, TiersTable
from milestones.config.sections import Flag, Table, Whole
from milestones.domain.program import TRIGGERS, Content, Program, ThingKind, Value, Wanted


class IconTable(Table):
    """``icon``: an image as Wix describes one. Its address alone may stand for it."""

    id: str | None = Field(default=None, min_length=1, max_length=500)
    url: str | None = Field(default=None, min_length=1, max_length=2000)
    width: Whole | None = Field(default=None, ge=1, le=100_000)
    height: Whole | None = Field(default=None, ge=1, le=100_000)

    @model_validator(mode="after")
    def _names_an_image(self) -> Self:
        if self.id is None and self.url is None:
            faulty([Fault((), "needs the id or the url of the image")])
        return self


class ExpiryTable(Table):
    """``expiry``: after so many months without activity, so many percent of the points go."""

    enabled: Flag | None = None
    months: Whole | None = Field(default=None, ge=1, le=12)
    percent: Whole | None = Field(default=None, ge=1, le=100)


class BadgeTable(Thing):
    """``[[program.badges]]``: a badge of the members' area."""

    description: str | None = Field(default=None, max_length=1500)
    background: Colour | None = None
    text: Colour | None = None

    def definition(self) -> Wanted:
        """As the plan compares it."""
        said: dict[str, Value] = {
            "description": self.description,
            "background": self.background,
            "text": self.text,
        }
        fields: dict[str, Value] = {"title": self.title}
        fields |= {key: value for key, value in said.items() if value is not None}
        return self.to_wanted(ThingKind.BADGE, Content(fields))


class ProgramTable(Table):
    """``[program]``. name, points: what the program and its points are called. active: whether customers take part."""

    name: str | None = Field(default=None, min_length=2, max_length=50)
    points: str | None = Field(default=None, min_length=1, max_length=20)
    icon: Annotated[IconTable, alone("url", IconTable, str)] | None = None
    active: Flag | None = None
    expiry: ExpiryTable = ExpiryTable()
    earn: tuple[EarnTable, ...] | None = Field(default=None, max_length=MOST_ENTRIES)
    rewards: tuple[RewardTable, ...] | None = Field(default=None, max_length=MOST_ENTRIES)
    tiers: TiersTable = TiersTable()
    badges: tuple[BadgeTable, ...] | None = Field(default=None, max_length=MOST_ENTRIES)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_program_faults(self))
        return self

    def definition(self) -> Program:
        """As the plan compares it."""
        details: dict[str, Value] = {
            "name": self.name,
            "points": self.points,
            "expiry.months": self.expiry.months,
            "expiry.percent": self.expiry.percent,
        }
        if self.icon is not None:
            details |= {f"icon.{key}": value for key, value in self.icon.model_dump().items()}
        return Program(
            details={key: value for key, value in details.items() if value is not None},
            active=self.active,
            expires=self.expiry.enabled,
            settings=self.tiers.settings(),
            tiers=_definitions(self.tiers.levels),
            badges=_definitions(self.badges),
            earn=_definitions(self.earn),
            rewards=_definitions(self.rewards),
        )


def _definitions(
    entries: Iterable[LevelTable | BadgeTable | EarnTable | RewardTable] | None,
) -> tuple[Wanted, ...] | None:
    return None if entries is None else tuple(entry.definition() for entry in entries)


def _program_faults(program: ProgramTable) -> Iterator[Fault]:
    for key in ("name", "points"):
        value = getattr(program, key)
        if value is not None and (not value.strip() or not value.isprintable()):
            yield Fault((key,), "must be a text that can be seen, on one line")
    yield from find_repeated(program.earn or (), ("earn",))
    yield from find_repeated(program.rewards or (), ("rewards",))
    yield from find_repeated(program.badges or (), ("badges",))
    first: dict[str, int] = {}
    for position, earn in enumerate(program.earn or ()):
        if earn.trigger in first and earn.trigger in TRIGGERS:
            sentence = f"is {earn.trigger}, as of earn[{first[earn.trigger]}]; Wix keeps one rule for it"
            yield Fault(("earn", position, "on"), sentence)
        first.setdefault(earn.trigger, position)
