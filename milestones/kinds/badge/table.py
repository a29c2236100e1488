"""``badge = "Star customer"`` or ``badge = {...}``: a badge as a shop writes it."""

from typing import Self

from pydantic import Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.rewards import RewardTable, TemplateUses
from milestones.config.sections import Flag
from milestones.kinds.badge.payload import Badge


class BadgeReward(RewardTable):
    """``badge``: a badge of the members' area, by its title or its id. ``create`` makes a missing one.

    title: as long as Wix takes one (docs/wix-api.md, 2.13).
    """

    shorthand = "title"

    title: str | None = Field(default=None, min_length=1, max_length=50)
    id: str | None = Field(default=None, min_length=1)
    create: Flag = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.title is None) == (self.id is None):
            faulty([Fault((), "needs exactly one of title and id")])
        if self.create and self.title is None:
            faulty([Fault(("create",), "needs the title of the badge; an id is given by Wix")])
        return self

    def definition(self, uses: TemplateUses) -> Badge:
        """As the rules know it."""
        del uses
        return Badge(self.title, self.id, self.create)


TABLE = BadgeReward
