"""Pause and resume: a site, or one milestone of it."""

from typing import ClassVar

from pydantic import Field

from milestones.commands.models.command import Answer, Command, UnderWay
from milestones.commands.models.scan import ScanReport
from milestones.domain.token import Scope


class PauseAnswer(Answer):
    """What is paused now, or goes on.

    sites: by name, those that it concerned. milestones_paused: those of these sites that are paused by themselves.
    hold_ended: why everything was held until now, or None where nothing was.
    """

    milestone: str | None
    paused: bool
    sites: tuple[str, ...]
    milestones_paused: tuple[str, ...]
    hold_ended: str | None


class ResumeAnswer(PauseAnswer):
    """not_asked: sites that stay paused, since Wix could not be asked about them, and why."""

    not_asked: dict[str, str] = Field(default_factory=dict)


class Pause(Command[PauseAnswer, UnderWay]):
    """Do nothing more for a site or a milestone until it is resumed; go on to observe and to record.

    Answered when it is true: what had begun has ended, and nothing more will leave.
    """

    path: ClassVar[str] = "/pause"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    milestone: str | None = None
    site: str | None = None


class Resume(Command[ResumeAnswer, ScanReport]):
    """Go on where a pause began. Without a site or a milestone, the hold of the whole database ends too.

    rewound: whether the database may be older than what was done with it; yes, unless a person says otherwise.
    """

    path: ClassVar[str] = "/resume"
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    milestone: str | None = None
    site: str | None = None
    rewound: bool = True
