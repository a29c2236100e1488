"""The loyalty program of a site, as the channels and scans ask for it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import PROGRAM_PAUSE, Stop, Task
from milestones.kinds.email.variables import Program
from milestones.store import sites
from milestones.store.database.store import Store
from milestones.wix import programs
from milestones.wix.programs import ProgramStatus
from milestones.wix.transport import WixClient

PROGRAM_AGE = timedelta(minutes=5)
"""How old the program's status may be when a mail is handed over or points are given; Wix sends no event when it changes."""

INACTIVE_AGE = timedelta(seconds=10)
"""The same where it was not active: somebody activates it and has what waits for it tried at once."""


class CurrentProgram(Protocol):
    """The loyalty program as Wix had it at most five minutes ago, or as it has it now. Raises ChannelError."""

    async def __call__(self, *, anew: bool = False) -> Program:
        """anew: ask now."""


async def gate_by_program(
    program: CurrentProgram, tasks: Sequence[Task], clock: Callable[[], datetime]
) -> Mapping[int, Stop]:
    """The gate of what moves points: all of it waits while the program is not active, since Wix then refuses it for good."""
    if (await program()).active:
        return {}
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=clock() + PROGRAM_PAUSE)
    return {task.id: stop for task in tasks}


def refusal_while_inactive(what: str, now: datetime) -> ChannelError:
    """Wix refused because the program was paused since the gate: the whole kind waits. what: was refused."""
    return ChannelError(
        f"Wix refused {what} because the loyalty program is not active.",
        retry_at=now + PROGRAM_PAUSE,
        connection_wide=True,
    )


@dataclass(slots=True)
class SiteProgram:
    """The loyalty program of a site, asked of Wix at most every five minutes while it is active, and kept in the store for the pages."""

    client: WixClient
    store: Store
    site_id: str
    fallback_name: str
    clock: Callable[[], datetime]
    _known: Program | None = None
    _checked_at: datetime | None = None

    async def __call__(self, *, anew: bool = False) -> Program:
        """The program as it was at most five minutes ago, or as it is now. Raises WixError."""
        now = self.clock()
        age = PROGRAM_AGE if self._known is None or self._known.active else INACTIVE_AGE
        if anew or self._known is None or not sites.is_fresh(self._checked_at, now, age):
            told = await programs.get(self.client)
            self._known = Program(
                name=told.name or self.fallback_name,
                points_name=told.points_name,
                active=told.status is ProgramStatus.ACTIVE,
            )
            self._checked_at = now
            async with self.store.write() as tx:
                facts = {
                    "status": told.status.value,
                    "name": self._known.name,
                    "points_name": self._known.points_name,
                }
                await sites.set_program(tx, self.site_id, facts, now)
        return self._known
