"""Orders from a file: one for each row."""

from enum import StrEnum
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from milestones.commands.models.command import Answer, Command, NoReport
from milestones.domain.order import Create


class Ordered(StrEnum):
    """What the rows of a file ask for."""

    ADJUST = "adjust"
    EARN = "earn"
    CREATE = "create"


class OrderRow(BaseModel):
    """A row. line: where it stands. key: the same for the same order. account, contact, email: exactly one of them.

    text: the reason of an adjustment, or the description of points that are earned, of which there are so many.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    line: int
    key: str
    account: str = ""
    contact: str = ""
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    by: int | None = None
    to: int | None = None
    points: int = 0
    text: str = ""


class RowsAnswer(Answer):
    """What became of the rows.

    new: orders that are recorded now, or would be. known: that were before, by the same key. held: new ones that the
    breaker holds. refused: why others are no orders, by line. works: whether who was asked does them.
    """

    new: int
    known: int
    held: int
    refused: dict[int, str]
    works: bool


class GiveOrders(Command[RowsAnswer, NoReport]):
    """Record an order for each of these rows, in one transaction. A row that is faulty keeps no other back.

    create: what may be made where it is missing. dry_run: only tell what it would come to. ahead: new orders that earlier
    parts of the same dry run would have recorded.
    """

    path: ClassVar[str] = "/orders/rows"

    what: Ordered
    rows: tuple[OrderRow, ...] = Field(max_length=1000)
    create: Create = Create.NOTHING
    site: str | None = None
    dry_run: bool = False
    ahead: int = 0
