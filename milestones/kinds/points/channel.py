"""Points as a reward: earned with an idempotency key, at most so many times in a period (docs/wix-api.md, 2.3)."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import (
    PROGRAM_PAUSE,
    Fate,
    Found,
    Stop,
    Task,
    await_query,
)
from milestones.kinds.email.variables import Program


class Earnings(Protocol):
    """The points of one site. Every method raises ChannelError."""

    async def earn(
        self, account_id: str, *, amount: int, description: str, idempotency_key: str
    ) -> str | None:
        """Books the points once for each key, and returns the transaction's id where Wix tells it."""

    async def transaction(self, idempotency_key: str, /) -> str | None:
        """The id of the transaction with this key, or None while queries do not show one (section 2.8)."""


class EarnedSince(Protocol):
    """How many point rewards of a milestone an account has had since a moment, whatever came of those under way.

    apart_from: actions that are not counted, by id.
    """

    async def __call__(
        self, account_id: str, milestone: str, since: datetime, /, *, apart_from: Collection[int]
    ) -> int:
        """Raises StoreError."""


class CurrentProgram(Protocol):
    """The loyalty program as Wix had it at most five minutes ago, or as it has it now. Raises ChannelError."""

    async def __call__(self, *, anew: bool = False) -> Program:
        """anew: ask now."""


class PointsChannel:
    """The points that one site gives. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self,
        earnings: Earnings,
        *,
        earned_since: EarnedSince,
        program: CurrentProgram,
        query_lag: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._query_lag = query_lag
        self._earnings = earnings
        self._earned_since = earned_since
        self._program = program
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Cancels what is beyond the cap, the others of the same batch counted; waits while the program is paused,
        since Wix then refuses points for good.
        """
        if not (await self._program()).active:
            until = self._clock() + PROGRAM_PAUSE
            return {task.id: Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=until) for task in tasks}
        stops: dict[int, Stop] = {}
        # One whose answer was lost counts as had for others, and must not stand in its own way.
        batch = [task.id for task in tasks]
        passed: Counter[tuple[str, str]] = Counter()
        for task in sorted(tasks, key=lambda task: task.id):
            if task.payload.get("cap") is None:
                continue
            times, seconds = task.payload["cap"]
            since = self._clock() - timedelta(seconds=seconds)
            had = await self._earned_since(task.account_id, task.milestone, since, apart_from=batch)
            if had + passed[task.account_id, task.milestone] >= times:
                stops[task.id] = Stop(State.CANCELLED, Verdict.POINTS_CAPPED)
            else:
                passed[task.account_id, task.milestone] += 1
        return stops

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Books the points. Raises ChannelError, which lets all points wait if the program was paused since the gate."""
        try:
            transaction_id = await self._earnings.earn(
                task.account_id,
                amount=task.payload["amount"],
                description=task.payload["description"],
                idempotency_key=task.payload["idempotency_key"],
            )
        except ChannelError as error:
            # With which status Wix refuses then is documented nowhere (section 8), and it sends no event of a pause.
            if not error.permanent or (await self._program(anew=True)).active:
                raise
            raise ChannelError(
                "Wix refused the points because the loyalty program is not active.",
                retry_at=self._clock() + PROGRAM_PAUSE,
                connection_wide=True,
            ) from error
        return _result(task, transaction_id)

    async def recover(self, task: Task) -> Found:
        """Looks the transaction up. For how long Wix remembers the key is documented nowhere, so what does not show is
        awaited before it is repeated.
        """
        transaction_id = await self._earnings.transaction(task.payload["idempotency_key"])
        if transaction_id is None:
            await_query(task.lost_at, self._clock(), self._query_lag)
            return Found(Fate.REPEAT)
        return Found(Fate.HAPPENED, _result(task, transaction_id))


def _result(task: Task, transaction_id: str | None) -> dict[str, Any]:
    return {"amount": task.payload["amount"], "transaction_id": transaction_id}
