"""What moved the points of an account, as Wix has it."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from milestones.commands.models.command import Answer, NoReport, Question, WixId


class TransactionLine(Answer):
    """One movement of points. type: in Wix's words. at: None where Wix does not tell when."""

    id: str
    at: datetime | None
    amount: int
    type: str
    description: str | None


class TransactionsAnswer(Answer):
    """The newest first. Wix shows what was just booked a little later. next: the ``cursor`` of the page that follows."""

    site: str
    account: str
    transactions: tuple[TransactionLine, ...]
    next: str | None = None


class ListTransactions(Question[TransactionsAnswer, NoReport]):
    """Ask Wix for what moved the points of an account, by its id, a contact or member id, or the beginning of an id."""

    path: ClassVar[str] = "/accounts/{account}/transactions"

    account: WixId
    site: str | None = Field(default=None, max_length=500)
    limit: int = Field(default=20, ge=1, le=100)
    cursor: str | None = Field(default=None, min_length=1, max_length=4000)
