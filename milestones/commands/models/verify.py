"""Verify: what was given, compared with what was observed and with what Wix has."""

from typing import ClassVar

from milestones.commands.models.command import Answer, Command
from milestones.domain.token import Scope


class VerifyReport(Answer):
    """How many accounts were compared, with how many differences; or how many coupons of Wix were read."""

    accounts: int = 0
    differences: int = 0
    coupons: int = 0


class Difference(Answer):
    """Something that does not agree. what: its name for a machine; action: its number, where it is about one."""

    what: str
    sentence: str
    site: str
    account: str
    milestone: str | None = None
    action: int | None = None


class VerifyAnswer(Answer):
    """What was compared: accounts, grants, and coupons and badges in Wix. forgotten: older than the log that is kept."""

    accounts: int
    grants: int
    forgotten: int
    checked_in_wix: int
    differences: tuple[Difference, ...]


class Verify(Command[VerifyAnswer, VerifyReport]):
    """Compare every grant with the log, and with Wix if ``online``. Changes nothing."""

    path: ClassVar[str] = "/verify"
    changes: ClassVar[bool] = False
    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.ADMIN})

    site: str | None = None
    online: bool = False
