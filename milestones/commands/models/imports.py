"""Imports: rows of a file of another program, some at a time."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from milestones.commands.models.command import Answer, Command, NoReport

ROWS_AT_ONCE = 500
"""Of one command: one transaction, in which nobody else writes."""

PHONES_AT_ONCE = 50_000


class ImportRow(BaseModel):
    """A row that could be read: whose it is, by one of three, and how many points."""

    model_config = ConfigDict(frozen=True)

    line: int
    mail: str = ""
    phone: str = ""
    contact: str = ""
    points: StrictInt
    first_name: str = ""
    last_name: str = ""


class RowOutcome(Answer):
    """What becomes of a row, or would.

    outcome: ``new``, to be done; ``again``, after an earlier import of the same customer, which it changes or repeats since
    that came to nothing; ``known``, done or under way since an earlier import; ``refused``, as ``why`` says.
    account, balance: as they are known here. held: by the breaker. state: of an earlier import's adjustment.
    """

    line: int
    outcome: Literal["new", "again", "known", "refused"]
    why: str = ""
    account: str = ""
    balance: int | None = None
    held: bool = False
    state: str = ""


class ImportAnswer(Answer):
    """What becomes of some rows. room: how many orders more the breaker lets pass today. shadow: whether nothing is sent.
    works: whether who was asked does it, and not the next daemon.
    """

    site: str
    rows: tuple[RowOutcome, ...]
    room: int
    shadow: bool
    works: bool


class ImportPoints(Command[ImportAnswer, NoReport]):
    """Order points for the customers of some rows; with ``counts_only`` say what would be ordered.

    name: of the import; rows of another name are other orders. adds: add them to what is there, and do not set them.
    fires: let them reach milestones. creates: make contacts that are missing. passes: let them pass the breaker, since a
    person saw how many they are. A row is ordered once, however often it is given.
    """

    path: ClassVar[str] = "/sync/import"

    rows: tuple[ImportRow, ...] = Field(max_length=ROWS_AT_ONCE)
    site: str | None = None
    name: str = Field(default="", max_length=100)
    reason: str
    adds: bool = False
    fires: bool = False
    creates: bool = False
    passes: bool = False
    counts_only: bool = False


class PhonesAnswer(Answer):
    """The contacts that have each of these telephone numbers."""

    contacts: dict[str, tuple[str, ...]]


class FindPhones(Command[PhonesAnswer, NoReport]):
    """Ask Wix for all contacts, and say which have these telephone numbers, in E.164.

    region: the country of numbers that Wix keeps without one.
    """

    path: ClassVar[str] = "/sync/import/phones"

    phones: tuple[str, ...] = Field(max_length=PHONES_AT_ONCE)
    region: str | None = None
    site: str | None = None
