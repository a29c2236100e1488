"""What was told of people: kept webhooks, and whom not to mail."""

from typing import ClassVar

from milestones.commands.models.command import Answer, Command, NoReport, RowId
from milestones.domain.token import Scope


class ReplayAnswer(Answer):
    """How many were understood and recorded, how many nobody needs, and which are still kept, by number, and why."""

    taken: int
    unneeded: int
    kept: dict[int, str]


class ReplayRejected(Command[ReplayAnswer, NoReport]):
    """Take in again what could not be understood: all that is kept, or what is named by its number."""

    path: ClassVar[str] = "/rejected/replay"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    ids: tuple[RowId, ...] = ()


class ImportAnswer(Answer):
    """How many entries are new on the list, how many stood there, and of how many sites."""

    added: int
    known: int
    sites: int


class ImportOptOuts(Command[ImportAnswer, NoReport]):
    """Put addresses, and keys of an export, on the list of whom not to mail: of one site, or of all that are known."""

    path: ClassVar[str] = "/optout/import"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    addresses: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    site: str | None = None
