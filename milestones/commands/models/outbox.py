"""A person's word on actions: one, or all that have something in common."""

from enum import StrEnum
from typing import ClassVar

from pydantic import ConfigDict, Field

from milestones.commands.models.command import Answer, Command, NoReport, RowId
from milestones.domain.order import OrderSource
from milestones.domain.token import Scope


class MoveAnswer(Answer):
    """What became of the actions.

    moved: how many. ids: the first of them. states: how many are in which state now. refused: of those that were named,
    the ones that were left alone, and why.
    """

    moved: int
    ids: tuple[int, ...]
    states: dict[str, int]
    refused: dict[int, str]


class MoveActions(Command[MoveAnswer, NoReport]):
    """Actions by what they have in common; an empty field leaves it open.

    site: its id. source: of the order that owes them. up_to: the highest id; what was recorded after a person looked is
    not meant.
    """

    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    ids: tuple[RowId, ...] = ()
    site: str | None = None
    milestone: str | None = None
    kind: str | None = None
    state: str | None = None
    verdict: str | None = None
    account: str | None = None
    source: OrderSource | None = None
    up_to: RowId | None = None


class RetryActions(MoveActions):
    """Do again what was discarded, cancelled or of unknown fate."""

    path: ClassVar[str] = "/outbox/retry"


class ReleaseActions(MoveActions):
    """Let go what is held."""

    path: ClassVar[str] = "/outbox/release"


class HoldActions(MoveActions):
    """Keep back what has not begun."""

    path: ClassVar[str] = "/outbox/hold"


class CancelActions(MoveActions):
    """Give up what has not begun."""

    path: ClassVar[str] = "/outbox/cancel"


class Resolution(StrEnum):
    """What became of an action whose fate nobody told: it is done, or is to be done again."""

    DONE = "done"
    AGAIN = "again"


class ResolveActions(MoveActions):
    """Say what became of what nobody told."""

    path: ClassVar[str] = "/outbox/resolve"

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    resolution: Resolution = Field(alias="as")
