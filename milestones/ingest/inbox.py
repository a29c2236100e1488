"""Group commit: those who arrive while a commit is under way share the next one.

A commit with full durability costs the same for one event and for five hundred, so one writer takes whatever has
arrived, has it recorded in one transaction, and only then lets everybody be answered.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import structlog

from milestones.domain.event import Heard
from milestones.errors import IngestError, StoreUnavailableError
from milestones.ingest.reading import blame_event
from milestones.observability.metrics import Metrics

CAPACITY = 10_000
"""Events that may wait. More than a disk can commit within Wix's 1.25 s would be answered too late anyway."""

LARGEST_BATCH = 500

Record = Callable[[Sequence[Heard]], Awaitable[None]]
"""Makes events durable, all or none. Raises StoreUnavailableError when the database cannot serve now."""

Item = tuple[Heard, asyncio.Future[None]]

_STOPPED = "The daemon stopped before the event was stored; send it again later."

_log = structlog.get_logger(__name__)


class Inbox:
    """The queue in front of the one writer. ``run`` belongs into a TaskGroup; ``close`` ends it."""

    def __init__(
        self,
        record: Record,
        metrics: Metrics,
        *,
        capacity: int = CAPACITY,
        largest_batch: int = LARGEST_BATCH,
    ) -> None:
        self._record = record
        self._metrics = metrics
        self._capacity = capacity
        self._largest_batch = largest_batch
        self._waiting: deque[Item] = deque()
        self._arrived = asyncio.Event()
        self._closed = False

    async def take(self, heard: Heard) -> None:
        """Return once the event is durable.

        Raises IngestError (503) when it cannot be stored now, and UnreadableError when recording this one event
        fails for a reason of its own, so that trying again is useless.
        """
        if self._closed:
            raise IngestError(503, "The daemon is stopping; send the event again later.")
        if len(self._waiting) >= self._capacity:
            raise IngestError(503, "Too many events wait to be stored; send the event again later.")
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append((heard, answer))
        self._arrived.set()
        await answer

    @property
    def waiting(self) -> int:
        """How many events wait for the commit after the one under way."""
        return len(self._waiting)

    def close(self) -> None:
        """Take nothing more. ``run`` commits what was taken, and returns."""
        self._closed = True
        self._arrived.set()

    async def run(self) -> None:
        """Commit until closed. When cancelled, what was not committed is answered with 503: Wix sends it again."""
        try:
            while not (self._closed and not self._waiting):
                await self._arrived.wait()
                self._arrived.clear()
                while self._waiting:
                    await self._settle(self._next_batch())
        finally:
            self._closed = True
            for _, answer in self._waiting:
                _fail(answer, _STOPPED)
            self._waiting.clear()

    def _next_batch(self) -> list[Item]:
        size = min(len(self._waiting), self._largest_batch)
        return [self._waiting.popleft() for _ in range(size)]

    async def _settle(self, batch: list[Item]) -> None:
        try:
            await self._commit(batch)
        finally:
            # Only after a cancellation is anybody left without an answer.
            for _, answer in batch:
                _fail(answer, _STOPPED)

    async def _commit(self, batch: list[Item]) -> None:
        """Record a batch. One event that cannot be recorded must not take the others with it: halve and repeat."""
        try:
            await self._record([heard for heard, _ in batch])
        except StoreUnavailableError as unavailable:
            _log.error("events_not_stored", events=len(batch), reason=str(unavailable))
            for _, answer in batch:
                _fail(answer, "The event cannot be stored at the moment; send it again later.")
        except Exception as error:  # noqa: BLE001 (whatever it is, the others in the batch are not to blame)
            if len(batch) == 1:
                heard, answer = batch[0]
                if not answer.done():
                    answer.set_exception(blame_event(error, heard.site_id, heard.event_type, heard.event_id))
                return
            middle = len(batch) // 2
            await self._commit(batch[:middle])
            await self._commit(batch[middle:])
        else:
            self._metrics.commit_events.observe(len(batch))
            for _, answer in batch:
                if not answer.done():
                    answer.set_result(None)


def _fail(answer: asyncio.Future[None], sentence: str) -> None:
    # Whoever waited may have been cancelled in the meantime.
    if not answer.done():
        answer.set_exception(IngestError(503, sentence))
