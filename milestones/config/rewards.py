"""``[[milestones.rewards]]``: what is given. Each entry is one table with one key that names its kind."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import AfterValidator, BeforeValidator, SecretStr, create_model, model_validator

from milestones.config.faults import Fault, faulty
from milestones.config.sections import Table
from milestones.domain import milestone as domain
from milestones.kinds.registry import load_tables

TemplateUses = Callable[[str], frozenset[str]]
"""The variable groups (``coupon``, ``badge``, ...) of a template, by its name."""

_TEMPLATE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _template(value: str) -> str:
    if not _TEMPLATE.fullmatch(value):
        raise ValueError("must be the name of a folder of templates: letters, digits, - and _")
    return value


TemplateName = Annotated[str, AfterValidator(_template)]


class RewardTable(Table):
    """What a shop writes of one kind of reward: the table of each is beside its channel (``milestones.kinds``).

    shorthand: the one key whose text may stand for the whole table, as in ``badge = "Star customer"``.
    """

    shorthand: ClassVar[str | None] = None

    def templates(self) -> tuple[str, ...]:
        """The names of the templates that it needs."""
        return ()

    def secrets(self) -> tuple[SecretStr, ...]:
        """The secrets that its actions name."""
        return ()


class WrittenReward(Protocol):
    """What is asked of the table of any kind."""

    def definition(self, uses: TemplateUses) -> domain.Reward:
        """Return the reward as the rules know it."""

    def templates(self) -> tuple[str, ...]:
        """Return the names of the templates that it needs."""

    def secrets(self) -> tuple[SecretStr, ...]:
        """Return the secrets that its actions name."""


class Entry(Table):
    """One entry: exactly one of its keys."""

    @model_validator(mode="before")
    @classmethod
    def _one_kind(cls, values: Any) -> Any:
        kinds = list(cls.model_fields)
        given = [key for key in kinds if key in values] if isinstance(values, dict) else [""]
        if len(given) != 1 and (len(given) > 1 or not values):
            faulty([Fault((), f"must have exactly one of {', '.join(kinds)}")])
        return values

    @property
    def table(self) -> WrittenReward:
        """The one that is given."""
        tables = (getattr(self, kind) for kind in type(self).model_fields)
        given: WrittenReward = next(table for table in tables if table is not None)
        return given


def _as_table(table: type[RewardTable]) -> Any:
    key = table.shorthand
    if key is None:
        return table | None
    spelled_out = BeforeValidator(
        lambda value: {key: value} if isinstance(value, str) else value, json_schema_input_type=str | table
    )
    return Annotated[table, spelled_out] | None


if TYPE_CHECKING:
    Reward = Entry
else:
    Reward = create_model(
        "Reward",
        __base__=Entry,
        __doc__=Entry.__doc__,
        **{kind: (_as_table(table), None) for kind, table in load_tables().items()},
    )
