"""The loyalty program: what differs between a file and the sites, making it so, and the way back."""

from typing import ClassVar

from milestones.commands.models.command import Answer, Command
from milestones.domain.token import Scope


class Written(Answer):
    """A configuration as it was read just now: what is wanted of a program is what stands in the file.

    environ: the variables of the environment that override it. uses: its templates, with the groups of variables that each
    uses.
    """

    text: str
    environ: dict[str, str]
    uses: dict[str, tuple[str, ...]]


class ProgramReport(Answer):
    """Which site is being looked at; while a plan is carried out, which of its steps is."""

    site: str
    number: int | None = None
    total: int | None = None
    sentence: str | None = None


class FieldChange(Answer):
    """One field before and after; null is "there is none"."""

    field: str
    before: bool | int | float | str | None
    after: bool | int | float | str | None


class ProgramStep(Answer):
    """One call to Wix, and a sentence of it. verb: create, change, delete, activate, pause, enable, disable."""

    kind: str
    verb: str
    title: str
    id: str | None
    sentence: str
    changes: tuple[FieldChange, ...]


class ProgramPlan(Answer):
    """What differs. refusals: what cannot be done, for which nothing is. notes: what is left alone.

    plan: its fingerprint, by which it is applied.
    """

    differs: bool
    steps: tuple[ProgramStep, ...]
    refusals: tuple[str, ...]
    notes: tuple[str, ...]
    plan: str


class SitePlan(ProgramPlan):
    """The plan of a site, by its name and id."""

    site: str
    id: str


class PlanAnswer(Answer):
    """failed: sites about which Wix could not be asked, by name, and why."""

    sites: tuple[SitePlan, ...]
    failed: dict[str, str]


class PlanProgram(Command[PlanAnswer, ProgramReport]):
    """Tell what differs between the file and the sites. Changes nothing.

    written: the file as it is now; without it, the configuration in force is meant.
    settled: wait until Wix shows what was asked for a moment ago, so that the plan is one that can be applied.
    """

    path: ClassVar[str] = "/program/plan"
    changes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})
    told_apart: ClassVar[frozenset[str]] = frozenset({"written"})

    written: Written | None = None
    site: str | None = None
    prune: bool = False
    settled: bool = False


class SiteApplied(Answer):
    """The sentences of what was done on a site, and what is left of the difference: what Wix keeps otherwise."""

    site: str
    id: str
    done: tuple[str, ...]
    left: ProgramPlan


class ApplyAnswer(Answer):
    """failed: sites whose plan could not be carried out to its end, by name, and why."""

    sites: tuple[SiteApplied, ...]
    failed: dict[str, str]


class ApplyProgram(Command[ApplyAnswer, ProgramReport]):
    """Carry out the plans that were shown, by the ids of sites and their fingerprints; none where something has changed.

    written: as in ``PlanProgram``.
    """

    path: ClassVar[str] = "/program/apply"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})
    told_apart: ClassVar[frozenset[str]] = frozenset({"written"})

    written: Written | None = None
    plans: dict[str, str]
    site: str | None = None
    prune: bool = False


class ExportAnswer(Answer):
    """A part of ``config.toml`` that says what a site has."""

    site: str
    text: str


class ExportProgram(Command[ExportAnswer, ProgramReport]):
    """Write the program of a site as the text of a file."""

    path: ClassVar[str] = "/program/export"
    changes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    site: str | None = None
