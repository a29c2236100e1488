"""Group commit: what arrives while a commit is under way shares the next one.

A commit costs the same for one event and for a hundred, and a service gives up after three seconds: one by one, a burst
would be refused for the most part.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from milestones.domain.earn import EarnRule
from milestones.earn.reading import Reading
from milestones.earn.record import Result
from milestones.errors import IngestError

CAPACITY = 5_000
"""Bodies that may wait; more could not be committed within a service's patience."""

LARGEST_GROUP = 500
"""Events of one commit."""

Record = Callable[[str, EarnRule, Sequence[Reading], datetime], Awaitable[list[Result]]]
"""``record.Recorder.record``."""


@dataclass(frozen=True, slots=True)
class _Body:
    """What one request waits for."""

    site_id: str
    rule: EarnRule
    readings: Sequence[Reading]
    answer: asyncio.Future[list[Result]]


class Together:
    """The queue in front of ``record``. It works while somebody waits."""

    def __init__(self, record: Record, clock: Callable[[], datetime]) -> None:
        self._record = record
        self._clock = clock
        self._waiting: deque[_Body] = deque()
        self._working: asyncio.Task[None] | None = None

    async def record(self, site_id: str, rule: EarnRule, readings: Sequence[Reading]) -> list[Result]:
        """As ``record.Recorder.record``. Who stops waiting may be recorded all the same, and is known when it comes again.

        Raises IngestError (503) where too many wait.
        """
        if len(self._waiting) >= CAPACITY:
            raise IngestError(503, "Too many events wait to be stored; send the event again later.")
        body = _Body(site_id, rule, readings, asyncio.get_running_loop().create_future())
        self._waiting.append(body)
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work())
        return await body.answer

    async def _work(self) -> None:
        while self._waiting:
            await self._commit(self._next_group())

    def _next_group(self) -> list[_Body]:
        """The oldest that are of one rule, as many as one commit takes. Nobody waits for who has given up."""
        first = self._waiting[0]
        group: list[_Body] = []
        others: deque[_Body] = deque()
        events = 0
        while self._waiting:
            body = self._waiting.popleft()
            fits = not group or events + len(body.readings) <= LARGEST_GROUP
            if body.answer.done():
                continue
            if fits and (body.site_id, body.rule) == (first.site_id, first.rule):
                group.append(body)
                events += len(body.readings)
            else:
                others.append(body)
        self._waiting = others
        return group

    async def _commit(self, group: Sequence[_Body]) -> None:
        if not group:
            return
        site_id, rule = group[0].site_id, group[0].rule
        readings = [reading for body in group for reading in body.readings]
        try:
            results = await self._record(site_id, rule, readings, self._clock())
        except Exception as error:  # noqa: BLE001 (whatever it is, the others of the group are not to blame)
            if len(group) == 1:
                _fail(group[0], error)
                return
            middle = len(group) // 2
            await self._commit(group[:middle])
            await self._commit(group[middle:])
            return
        for body in group:
            own, results = results[: len(body.readings)], results[len(body.readings) :]
            if not body.answer.done():
                body.answer.set_result(own)


def _fail(body: _Body, error: Exception) -> None:
    if not body.answer.done():
        body.answer.set_exception(error)
