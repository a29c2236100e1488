"""The daemon itself: who answers, by which configuration."""

from pathlib import Path
from typing import ClassVar, Literal

from milestones.commands.models.command import Answer, Command, NoReport, UnderWay


class ReloadAnswer(Answer):
    """The hash of the configuration in force."""

    configuration: str


class Reload(Command[ReloadAnswer, UnderWay]):
    """Put the configuration into force as it is in the file now, or refuse it whole.

    Answered when nothing is under way any more that began by the former one.
    """

    path: ClassVar[str] = "/reload"


class StatusAnswer(Answer):
    """Who answers here. configuration: its hash.

    database: ``serves``, or a sentence that says why it does not.
    mistyped_callbacks: genuine webhooks that came, since the daemon started, to another address than the right one.
    """

    pid: int
    configuration: str
    database: str
    mistyped_callbacks: int = 0


class GetStatus(Command[StatusAnswer, NoReport]):
    """Tell who answers, and whether its database serves it. Changes nothing."""

    path: ClassVar[str] = "/daemon"
    method: ClassVar[Literal["GET", "POST"]] = "GET"


class ConfigurationAnswer(Answer):
    """What the configuration in force was read from.

    environ: the variables of the environment that override the file. uses: the templates that it named, with the groups of
    variables that each uses.
    """

    path: Path
    text: str
    environ: dict[str, str]
    uses: dict[str, tuple[str, ...]]


class GetConfiguration(Command[ConfigurationAnswer, NoReport]):
    """Tell what the configuration in force was read from, for commands that look into the database by it."""

    path: ClassVar[str] = "/configuration"
    method: ClassVar[Literal["GET", "POST"]] = "GET"
