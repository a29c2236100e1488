"""``[[milestones]]``: what the shop promises, as the file says it, and its way into the rules."""

import re
from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.rewards import Reward, TemplateName, TemplateUses
from milestones.config.sections import Table, Whole
from milestones.config.values import Duration, duration
from milestones.domain.milestone import Milestone, Near, Repeat
from milestones.domain.observation import Measure

LARGEST = 999_999_999
"""The most points that an account can have (docs/wix-api.md, 6)."""

Points = Annotated[Whole, Field(ge=1, le=LARGEST)]

_KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


def _key(value: str) -> str:
    if not _KEY.fullmatch(value):
        raise ValueError("must be small letters, digits and hyphens, 63 at most, and not begin with a hyphen")
    return value


class NearTable(Table):
    """``[milestones.near]``: who is told that little is missing.

    within: points below the threshold. remind_every: between two reminders of one approach.
    """

    within: Points
    template: TemplateName
    remind_every: Duration = duration("30d")
    max_reminders: Whole = Field(default=2, ge=1, le=1000)

    def definition(self, uses: TemplateUses) -> Near:
        """As the rules know it."""
        return Near(self.within, self.template, uses(self.template), self.remind_every, self.max_reminders)


class MilestoneTable(Table):
    """``[[milestones]]``: either a threshold, or a ladder with a rung at ``every_points``.

    key: names the milestone for ever; whoever was given it is not given it again, whatever else changes.
    rearm_below: with ``repeat = "every"``, the measure must fall below this before it can be reached anew.
    settle_for: the reward is given only if the threshold is still reached after this time.
    """

    key: Annotated[str, AfterValidator(_key)]
    title: str = Field(min_length=1, max_length=100)
    measure: Measure = Measure.BALANCE
    threshold: Points | None = None
    every_points: Points | None = None
    repeat: Literal["once", "every"] = "once"
    rearm_below: Points | None = None
    settle_for: Duration | None = None
    near: NearTable | None = None
    rewards: tuple[Reward, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_faults(self))
        return self

    @property
    def templates(self) -> tuple[str, ...]:
        """The names of the templates that it needs."""
        mails = [name for reward in self.rewards for name in reward.table.templates()]
        return tuple(dict.fromkeys([*([self.near.template] if self.near else []), *mails]))

    def definition(self, uses: TemplateUses) -> Milestone:
        """As the rules know it."""
        points = self.every_points or self.threshold
        assert points is not None, "validated"
        return Milestone(
            key=self.key,
            title=self.title,
            measure=self.measure,
            threshold=points,
            repeat=Repeat.LADDER if self.every_points is not None else Repeat(self.repeat),
            rewards=tuple(reward.table.definition(uses) for reward in self.rewards),
            near=None if self.near is None else self.near.definition(uses),
            rearm_below=self.rearm_below,
            settle_for=self.settle_for,
        )


def _faults(milestone: MilestoneTable) -> Iterator[Fault]:
    if milestone.threshold is None and milestone.every_points is None:
        yield Fault(("threshold",), "is missing; or give every_points for a ladder")
    if milestone.every_points is not None:
        yield from _ladder_faults(milestone)
    if milestone.near is not None:
        yield from _near_faults(milestone.near, milestone)
    yield from _rearm_faults(milestone)


def _ladder_faults(milestone: MilestoneTable) -> Iterator[Fault]:
    if milestone.threshold is not None:
        yield Fault(
            ("every_points",), "cannot be had with threshold; a ladder has a rung at every so many points"
        )
    if milestone.repeat == "every":
        yield Fault(("repeat",), "cannot be had with every_points; a ladder has a new rung each time")


def _near_faults(near: NearTable, milestone: MilestoneTable) -> Iterator[Fault]:
    name, points = (
        ("every_points", milestone.every_points)
        if milestone.every_points is not None
        else ("threshold", milestone.threshold)
    )
    if points is not None and near.within > points:
        yield Fault(
            ("near", "within"), f"is {near.within}, more than {name} ({points}), so everybody would be near"
        )


def _rearm_faults(milestone: MilestoneTable) -> Iterator[Fault]:
    if milestone.repeat == "once":
        if milestone.rearm_below is not None:
            yield Fault(("rearm_below",), 'needs repeat = "every"')
        return
    if milestone.every_points is not None:
        return
    if milestone.rearm_below is None:
        yield Fault(
            ("rearm_below",),
            'is missing; repeat = "every" needs the points below which it can be reached anew',
        )
    elif milestone.threshold is not None and milestone.rearm_below > milestone.threshold:
        yield Fault(
            ("rearm_below",), f"is {milestone.rearm_below}, more than threshold ({milestone.threshold})"
        )
