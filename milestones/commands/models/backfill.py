"""Backfill: a milestone for everybody who was above it already."""

from typing import ClassVar

from milestones.commands.models.command import Answer, Command
from milestones.domain.token import Scope


class BackfillReport(Answer):
    """How many grants a site has by now."""

    site: str
    grants: int


class SiteBackfill(Answer):
    """What a site's accounts were given, or would be.

    complete: whether all its accounts were read yet; else there may be more. held: actions that the breaker holds.
    """

    site: str
    complete: bool
    accounts: int = 0
    grants: int = 0
    held: int = 0


class BackfillAnswer(Answer):
    """The sites that have the milestone."""

    milestone: str
    sites: tuple[SiteBackfill, ...]


class Backfill(Command[BackfillAnswer, BackfillReport]):
    """Grant a milestone, named by its key, to the accounts above it. With ``counts_only`` it counts and changes nothing.

    What is recorded passes the breaker like everything else: past its limit, actions are held.
    """

    path: ClassVar[str] = "/backfill"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    milestone: str
    site: str | None = None
    counts_only: bool = False
