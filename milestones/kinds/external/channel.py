"""Points moved at another loyalty program. Most take no key and no revision, so the same request twice is booked twice.

So the balance is read and noted before the act, and our mark stands in the free text. After a lost answer the mark is
looked for in the program's history, where it shows one: found, it happened; not found while the balance stands as it was
noted, it did not. Without a history the balance alone decides: as noted, it did not happen; changed by just this amount, it
did; else nobody can tell, and a person must. A program that takes a key is given the same one again.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones import effects
from milestones.config.external import ExternalTable
from milestones.config.external_calls import IdempotencyTable
from milestones.domain.member import Member
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.external.payload import ExternalPayload
from milestones.kinds.services import SiteServices

SHOWS_AFTER = timedelta(seconds=60)
"""How long a write whose answer was lost may take to show; what does not show then did not happen."""

NOT_NAMED_PAUSE = timedelta(minutes=15)


class Program(Protocol):
    """Another loyalty program (``external.connector``). Every method raises ChannelError."""

    @property
    def external(self) -> ExternalTable:
        """As it is described."""

    async def get(self, member: Member, /) -> Member:
        """The member as it is now."""

    async def adjust(self, member: Member, by: int, key: str, mark: str) -> None:
        """Moves points."""

    async def find(self, member: Member, mark: str, /) -> bool | None:
        """Whether the adjustment with this mark shows; None where that cannot be asked."""


class ExternalChannel:
    """The adjustments of one site at all programs that it is kept in step with. clock: UTC."""

    concurrency = 4

    def __init__(self, programs: Mapping[str, Program], *, clock: Callable[[], datetime]) -> None:
        self._programs = programs
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """What two programs agreed on is done, whatever became of it since."""
        del tasks
        return {}

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Book it once. Raises ChannelError."""
        payload = ExternalPayload.from_json(task.payload)
        program = self._program(payload)
        member = await program.get(_member(payload))
        before = _balance(member)
        floor = program.external.write_for(payload.amount).floor
        if floor is not None and payload.amount < 0 and before + payload.amount < floor:
            raise ChannelError(
                f"The member has {before:,} points at {payload.external}, so {-payload.amount:,} cannot be taken.",
                permanent=True,
            )
        with effects.intending({"balance": before}):
            await program.adjust(member, payload.amount, payload.idempotency, payload.mark)
        return {"before": before}

    async def recover(self, task: Task) -> Found:
        """Look for the mark, and at the balance."""
        payload = ExternalPayload.from_json(task.payload)
        program = self._program(payload)
        takes_key = isinstance(program.external.write_for(payload.amount).idempotency, IdempotencyTable)
        if task.intent is None or takes_key:
            return Found(Fate.REPEAT)
        before = task.intent["balance"]
        member = await program.get(_member(payload))
        shows = await program.find(member, payload.mark)
        if shows:
            return Found(Fate.HAPPENED, {"before": before})
        moved = _balance(member) - before
        if shows is None and moved == payload.amount:
            return Found(Fate.HAPPENED, {"before": before})
        if shows is None and moved:
            return Found(Fate.UNTOLD)
        await_query(task.lost_at, self._clock(), SHOWS_AFTER, "the other program")
        # A history that does not show by now what the balance shows is not believed.
        return Found(Fate.UNTOLD if moved == payload.amount else Fate.REPEAT)

    def _program(self, payload: ExternalPayload) -> Program:
        program = self._programs.get(payload.external)
        if program is None:
            raise ChannelError(
                f"The configuration no longer names the program {payload.external} ([[external]]). Put it back, or "
                "cancel the action.",
                untried=True,
                retry_at=self._clock() + NOT_NAMED_PAUSE,
            )
        return program


def _member(payload: ExternalPayload) -> Member:
    return Member(payload.member, email=payload.email or None, phone=payload.phone or None)


def _balance(member: Member) -> int:
    assert member.balance is not None, "a member that was asked for has one, or the asking failed"
    return member.balance


def build(services: SiteServices) -> ExternalChannel:
    """The channel of a site."""
    return ExternalChannel(services.programs, clock=services.clock)
