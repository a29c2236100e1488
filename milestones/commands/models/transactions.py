"""What moved the points of an account, as Wix has it."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from milestones.commands.models.command import Answer, Command, NoReport


class TransactionLine(Answer):
    """One movement of points. type: in Wix's words. at: None where Wix does not tell when."""

    id: str
    at: datetime | None
    amount: int
    type: str
    description: str | None


class TransactionsAnswer(Answer):
    """The newest first. Wix shows what was just booked a little later."""

    site: str
    account: str
    transactions: tuple[TransactionLine, ...]


class ListTransactions(Command[TransactionsAnswer, NoReport]):
    """Ask Wix for what moved the points of an account, which is named as in ``AdjustAccount``."""

    path: ClassVar[str] = "/accounts/transactions"

    account: str
    site: str | None = None
    limit: int = Field(default=20, ge=1, le=100)
