"""Scans by command: for real, or as a dry run."""

from typing import ClassVar, Literal

from milestones.commands.models.command import Answer, Command
from milestones.domain.token import Scope


class ScanReport(Answer):
    """Which scan of which site is under way; of a dry run, how many accounts it has read, and of how many."""

    site: str
    kind: str
    read: int | None = None
    total: int | None = None


class ScanDone(Answer):
    """One scan: ``running`` where the daemon has to go on with it later. counts: accounts by what became of them."""

    site: str
    kind: str
    state: Literal["finished", "running"]
    pages: int
    counts: dict[str, int]


class ScanAnswer(Answer):
    """failed: sites about which Wix could not be asked, by name, and why."""

    scans: tuple[ScanDone, ...]
    failed: dict[str, str]


class Scan(Command[ScanAnswer, ScanReport]):
    """Look for crossings and near customers now, on one site or on all."""

    path: ClassVar[str] = "/scan"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    site: str | None = None


class Example(Answer):
    """An account with a verdict, and how far it is from a milestone, in points."""

    account: str
    milestone: str
    value: int
    missing: int


class VerdictCount(Answer):
    """How many accounts have a verdict, what it means, and some of them."""

    count: int
    sentence: str
    examples: tuple[Example, ...]


class SiteDryRun(Answer):
    """What a scan of a site would decide, by verdict.

    limit: reminders of one milestone within a day, past which the breaker holds them. shadow: nothing would be sent.
    """

    site: str
    read: int
    verdicts: dict[str, VerdictCount]
    limit: int
    shadow: bool


class DryRunAnswer(Answer):
    """failed: sites about which Wix could not be asked, by name, and why."""

    sites: tuple[SiteDryRun, ...]
    failed: dict[str, str]


class DryRun(Command[DryRunAnswer, ScanReport]):
    """Show what a scan for near customers would decide now. Sends nothing and records nothing."""

    path: ClassVar[str] = "/scan/dry-run"
    changes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    site: str | None = None
