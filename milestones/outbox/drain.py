"""``drain(site)``: the unit of work. Claim, gate, commit "about to act", act, settle, until nothing is due.

Kinds are drained side by side, and of each kind as many effects are under way as its channel takes; the next one begins
as soon as one has ended, so one slow answer holds up nothing but itself. What a person waits for is drained beside the
rest of its kind, and does not queue behind it. What must come after something else waits for
it in the store.

No transaction spans an await on the network, and every line may be the process's last: what was claimed is put back by
the next drain, and what had begun to act is looked for before it is repeated.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from milestones.errors import FencedError, MilestonesError
from milestones.failpoints import reach
from milestones.outbox.act import act
from milestones.outbox.books import Books
from milestones.outbox.gates import FRESH
from milestones.outbox.lease import lease_batch
from milestones.outbox.work import Lease, SiteWork, Stage
from milestones.store.database.store import Transaction
from milestones.store.outbox import claims, permission, schedule
from milestones.store.outbox.permission import Permission
from milestones.store.outbox.schedule import LANES, Lane

T = TypeVar("T")

log = structlog.get_logger()

LONGEST_LOOK = 60.0
"""Seconds after which a drain looks again without being woken, so that a clock that jumped is noticed."""


async def drain(current: Callable[[], SiteWork], woken: asyncio.Event | None = None) -> datetime | None:
    """Do all that is due. Returns when the next action becomes due, or None when nothing waits for a time.

    current: the work by the configuration in force; asked again and again, since a reload replaces it.
    woken: rung when something may be due or was ordered, also while this drains.
    Raises StoreUnavailableError; then nothing more was begun.
    """
    work = current()
    if work.shadow:
        return None
    if work.tidy:
        # Every site is looked at every minute, and most have nothing to do: that must not cost a transaction each.
        due = await _next_due(work)
        if due is None or due > work.clock():
            return due
        work.tidy = False
    generation = await _begin(work)
    if generation is None:
        return None
    reach("drain.begun")
    try:
        await Drain(current, generation, woken or asyncio.Event()).run()
    except FencedError:
        log.info("drain_fenced", site=work.site_id, generation=generation)
        return None
    work = current()
    work.tidy = True
    return await _next_due(work)


async def _begin(work: SiteWork) -> int | None:
    """The generation of this drain; None where nothing may be done for the site."""
    async with work.store.write() as tx:
        if not (await permission.get_permission(tx, work.site_id)).is_open:
            return None
        generation = await claims.begin(tx, work.site_id)
        await work.rests.recall(tx)
        reach("drain.before_begin")
    return generation


async def _next_due(work: SiteWork) -> datetime | None:
    now = work.clock()
    async with work.store.glance() as tx:
        await work.rests.recall(tx)
        times = await schedule.get_first_due(tx, work.site_id)
    due = [moment for lane, moment in times.items() if not work.rests.covers(lane.kind, now)]
    return min([*due, *work.rests.ends(now)], default=None)


class Drain:
    """What one drain of a site has leased and has under way."""

    def __init__(self, current: Callable[[], SiteWork], generation: int, woken: asyncio.Event) -> None:
        self._current = current
        self._books = Books(current, generation)
        self._woken = woken
        self._ready: dict[Lane, deque[Lease]] = {lane: deque() for lane in LANES}
        self._leasing: dict[Lane, asyncio.Task[list[Lease]]] = {}
        self._acting: dict[asyncio.Task[None], Lease] = {}
        self._returning: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Until nothing is due and nothing under way. Raises FencedError and StoreError, when all that had begun ended.

        Cancelled, it writes what has ended all the same, and puts back what had not begun.
        """
        try:
            while True:
                rung = self._woken.is_set()
                self._woken.clear()
                again = await self._look(rung=rung)
                if not self._tasks():
                    break
                await self._wait_for_something(again)
        except asyncio.CancelledError:
            await asyncio.shield(self._abandon())
            raise
        if self._failure is not None:
            raise self._failure

    # What may begin, and what may not any more

    async def _look(self, *, rung: bool) -> datetime | None:
        """Begin what may begin, and give back what may not. Returns when to look again."""
        try:
            work = self._current()
            now = work.clock()
            async with work.store.glance() as tx:
                allowed = await permission.get_permission(tx, work.site_id)
                await work.rests.recall(tx)
                if self._failure is None and allowed.is_open and not (work.shadow or work.stopping()):
                    self._withdraw(lambda lease: _is_over(lease, work, allowed, now))
                    if rung:
                        # What a person has taken need not wait for its turn.
                        ours = await claims.list_waiting(tx, work.site_id, self._books.generation)
                        self._withdraw(lambda lease: lease.id not in ours)
                    return await self._fill(tx, work, now)
        except Exception as error:  # noqa: BLE001 - it is raised when what has begun has ended
            self._failure = self._failure or error
        self._withdraw(lambda _lease: True)
        return None

    async def _fill(self, tx: Transaction, work: SiteWork, now: datetime) -> datetime | None:
        """Take up as much of each lane as there is room for. Returns when more becomes due."""
        awake = [lane for lane in LANES if not work.rests.covers(lane.kind, now)]
        hungry = [lane for lane in awake if self._is_hungry(lane, work)]
        times = await schedule.get_first_due(tx, work.site_id) if hungry else {}
        due = [lane for lane in hungry if lane in times and times[lane] <= now]
        for lane in due:
            self._leasing[lane] = asyncio.create_task(lease_batch(work, self._books, lane))
        for lane in awake:
            self._start(lane, work)
        later = [times[lane] for lane in hungry if lane in times and lane not in due]
        return min([*later, *work.rests.ends(now)], default=None)

    def _is_hungry(self, lane: Lane, work: SiteWork) -> bool:
        waits = self._ready[lane] or lane in self._leasing
        return not waits and self._room(lane, work) > 0

    def _room(self, lane: Lane, work: SiteWork) -> int:
        under_way = sum(lease.lane == lane for lease in self._acting.values())
        return work.channels[lane.kind].concurrency - under_way

    def _start(self, lane: Lane, work: SiteWork) -> None:
        for _ in range(min(self._room(lane, work), len(self._ready[lane]))):
            lease = self._ready[lane].popleft()
            self._acting[asyncio.create_task(act(lease, self._books))] = lease

    def _withdraw(self, which: Callable[[Lease], bool]) -> None:
        """Give back those of what has not begun."""
        back = []
        for lane, queue in self._ready.items():
            back += [lease for lease in queue if which(lease)]
            self._ready[lane] = deque(lease for lease in queue if not which(lease))
        self._give_back(back)
        for task, lease in self._acting.items():
            if lease.stage is Stage.LEASED and not lease.withdrawn and which(lease):
                lease.withdrawn = True
                task.cancel()

    def _give_back(self, leases: Sequence[Lease]) -> None:
        # After a failure the next drain takes back what was left.
        if leases and self._failure is None:
            self._returning.add(asyncio.create_task(self._books.put_back(leases)))

    # What ends

    def _tasks(self) -> list[asyncio.Task[Any]]:
        return [*self._leasing.values(), *self._acting, *self._returning]

    async def _wait_for_something(self, again: datetime | None) -> None:
        """Wait until a task ends, this is woken, or it is time to look again."""
        seconds = LONGEST_LOOK
        if again is not None:
            seconds = min(seconds, max(0.0, (again - self._current().clock()).total_seconds()))
        woken = asyncio.create_task(self._woken.wait())
        try:
            await asyncio.wait([woken, *self._tasks()], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
        for lane, leasing in list(self._leasing.items()):
            if leasing.done():
                del self._leasing[lane]
                self._ready[lane].extend(self._result(leasing) or ())
        for acting, lease in list(self._acting.items()):
            if acting.done():
                del self._acting[acting]
                if acting.cancelled():
                    # It was withdrawn before it had taken its first step.
                    self._give_back([lease])
                self._result(acting)
        for returning in [task for task in self._returning if task.done()]:
            self._returning.discard(returning)
            self._result(returning)

    def _result(self, task: asyncio.Task[T]) -> T | None:
        if task.cancelled():
            return None
        error = task.exception()
        if error is None:
            return task.result()
        self._failure = self._failure or error
        return None

    async def _abandon(self) -> None:
        """Cut short what is under way: what has ended all the same is written, what had not begun is no lost answer."""
        for task in self._tasks():
            task.cancel()
        if self._tasks():
            await asyncio.wait(self._tasks())
        left = [lease for queue in self._ready.values() for lease in queue]
        left += [lease for lease in self._acting.values() if lease.stage in {Stage.LEASED, Stage.ASKED}]
        with suppress(MilestonesError):
            await self._books.put_back(left)
        await self._books.close()


def _is_over(lease: Lease, work: SiteWork, allowed: Permission, now: datetime) -> bool:
    """Whether what waits need not wait any longer: it would not be let begin, or is better gated anew first."""
    if lease.work is not work or not allowed.allows(lease.task.milestone):
        return True
    return work.rests.covers(lease.kind, now) or not timedelta(0) <= now - lease.gated_at <= FRESH
