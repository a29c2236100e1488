"""``[[program.earn]]``: what gives points."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from milestones.config.faults import Fault, faulty, nearest
from milestones.config.program_entry import Awarded, Quantity, Thing, Title, alone
from milestones.config.sections import Flag, Table
from milestones.domain.program import (
    LOYALTY_APP,
    MOST_TIERS,
    TRIGGERS,
    Content,
    ThingKind,
    Value,
    Wanted,
    trigger_name,
)


class TriggerTable(Table):
    """``on`` of a trigger without a plain name: the app and the activity, as Wix names them."""

    app: str = Field(min_length=1, max_length=80)
    activity: str = Field(min_length=1, max_length=80)


def _trigger(value: Any) -> Any:
    """A plain name, or Wix's name of a known activity, as the two ids that it stands for."""
    if not isinstance(value, str):
        return value
    for name, trigger in TRIGGERS.items():
        if value in (name, trigger.activity):
            return {"app": (*trigger.apps, LOYALTY_APP)[0], "activity": trigger.activity}
    raise ValueError(
        f"must be one of {', '.join(TRIGGERS)}{nearest(value, TRIGGERS)}; for any other, "
        '{ app = "...", activity = "..." }'
    )


class AwardTable(Table):
    """``at.TIER`` of a rule: what is given to those who are in this tier."""

    points: Awarded
    per_money: Quantity | None = None


class EarnTable(Thing):
    """``[[program.earn]]``: what gives points.

    on: a plain name, or app and activity. points: each time; with per_money, for each such amount of money.
    at: what differs in a tier. field: which amount of the event counts.
    """

    on: Annotated[TriggerTable, BeforeValidator(_trigger, json_schema_input_type=str | TriggerTable)]
    points: Awarded | None = None
    per_money: Quantity | None = None
    field: str | None = Field(default=None, min_length=1, max_length=100)
    active: Flag = True
    at: dict[Title, Annotated[AwardTable, alone("points", AwardTable, int)]] = Field(
        default_factory=dict, max_length=MOST_TIERS
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        faulty(_earn_faults(self))
        return self

    @property
    def trigger(self) -> str:
        """In the form in which triggers are compared."""
        return trigger_name(self.on.app, self.on.activity)

    def definition(self) -> Wanted:
        """As the plan compares it."""
        fields: dict[str, Value] = {
            "title": self.title,
            "on": self.trigger,
            "points": self.points,
            "per_money": self.per_money,
            "active": self.active,
        }
        if self.field is not None:
            fields["field"] = self.field
        at = {
            tier: {"points": award.points, "per_money": award.per_money or self.per_money}
            for tier, award in self.at.items()
        }
        return self.to_wanted(ThingKind.EARN, Content(fields, at))


def _earn_faults(earn: EarnTable) -> Iterator[Fault]:
    trigger = TRIGGERS.get(earn.trigger)
    by_money = earn.per_money is not None or any(award.per_money is not None for award in earn.at.values())
    if earn.points is None and not earn.at:
        yield Fault(("points",), "is missing; how many does it give?")
    if earn.points is None and earn.per_money is not None:
        yield Fault(("per_money",), "needs points: so many for this amount of money")
    if by_money and earn.points is not None and earn.per_money is None:
        yield Fault(
            ("per_money",), "is missing, and tiers have it: a rule goes by money for all, or for none"
        )
    for tier, award in earn.at.items():
        if by_money and earn.per_money is None and award.per_money is None:
            yield Fault(("at", tier, "per_money"), "is missing, and another tier has it")
    if trigger is not None and not trigger.rate and by_money:
        yield Fault(("per_money",), f"cannot be had with {earn.trigger}: Wix gives a fixed number of points")
    if earn.field is not None and not by_money:
        yield Fault(("field",), "needs per_money; it names the amount that is counted")
