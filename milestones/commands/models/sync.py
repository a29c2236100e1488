"""Two programs in step: a turn of it, a try of what is configured, and a person's word on what could not be merged."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from milestones.commands.models.command import Answer, Command, NoReport


class SyncReport(Answer):
    """Which program is being looked at."""

    site: str
    program: str


class SyncTurn(Answer):
    """What one turn came to: members ``read``, ``new``, ``linked`` and so on. trouble: why something was left for later.

    waiting: agreements that are not settled yet.
    """

    site: str
    program: str
    counts: dict[str, int]
    waiting: int
    trouble: str | None


class SyncAnswer(Answer):
    """By program."""

    turns: tuple[SyncTurn, ...]


class RunSync(Command[SyncAnswer, SyncReport]):
    """Keep in step now: settle, read what changed (``whole``: everything), and order what follows."""

    path: ClassVar[str] = "/sync/run"

    program: str | None = None
    site: str | None = None
    whole: bool = False


class CheckedCall(Answer):
    """One call that was tried, and what it came to. ok: None where it was not made."""

    call: str
    ok: bool | None
    sentence: str


class CheckAnswer(Answer):
    """What a program answers. member: the first one, as it reads. unverified: what of its preset nobody has seen."""

    site: str
    program: str
    calls: tuple[CheckedCall, ...]
    member: dict[str, str | int | bool | None] | None
    unverified: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether nothing failed."""
        return all(call.ok is not False for call in self.calls)


class CheckSync(Command[CheckAnswer, NoReport]):
    """Ask another program for its first members and for one of them, and say what an adjustment would send. Changes nothing."""

    path: ClassVar[str] = "/sync/check"

    program: str
    site: str | None = None


class LinkRow(BaseModel):
    """Who is whom: a member's id there, and the account here by its id, or the mail address by which it is found."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    member: str = Field(min_length=1, max_length=255)
    account: str | None = None
    email: str | None = None


class LinkAnswer(Answer):
    """How many members are new, and how many were known. unknown: those whose account is not known here; left out."""

    new: int
    known: int
    unknown: tuple[str, ...]


class LinkMembers(Command[LinkAnswer, NoReport]):
    """Keep a mapping: for a program that lists no members, or knows them by nothing that is known here."""

    path: ClassVar[str] = "/sync/link"

    program: str
    site: str | None = None
    rows: tuple[LinkRow, ...]


Take = Literal["ours", "theirs", "sum", "current", "nothing"]


class ResolvedLink(Answer):
    """A link, and what was made of it."""

    link: int
    sentence: str


class ResolveAnswer(Answer):
    """failed: why nothing was made of others, by their numbers."""

    resolved: tuple[ResolvedLink, ...]
    failed: dict[int, str]


class ResolveLinks(Command[ResolveAnswer, NoReport]):
    """Say which balance is right for links that could not be merged: by their numbers, or all that are listed.

    take: ``ours`` or ``theirs`` is right; ``sum`` of both; ``current``: both are, as they are; ``nothing``: unlink.
    account: with which a member is to be linked, named as in ``AdjustAccount``; for one link.
    """

    path: ClassVar[str] = "/sync/resolve"

    program: str
    site: str | None = None
    links: tuple[int, ...] = ()
    take: Take
    account: str | None = None
