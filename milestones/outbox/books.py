"""What a drain writes of its leases. Whatever is asked for while one transaction is written shares the next one.

An effect begins and its result is settled in a transaction each, so with several effects side by side the disk would be
what holds them up.

What has happened is not forgotten while the database is gone: its results are kept in memory and written when it is
back, as long as the drain is not cancelled and its generation holds. Nothing begins meanwhile.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from milestones.errors import StoreUnavailableError, WithdrawnError
from milestones.failpoints import reach
from milestones.outbox.recheck import Answer, get_answers
from milestones.outbox.reconsider import reconsider
from milestones.outbox.work import Lease, SiteWork, Stage, log_fields
from milestones.store.database.store import Transaction, retry_races
from milestones.store.outbox import claims
from milestones.store.outbox.claims import Settlement

log = structlog.get_logger()


FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds between two tries to write results while the database is gone; the pause doubles from the first."""


@dataclass(slots=True)
class Page:
    """What goes into one transaction.

    settlers: wait until what has ended is written. askers: wait for an answer to what begins or is put back.
    """

    ended: dict[Lease, Settlement] = field(default_factory=dict)
    beginning: list[Lease] = field(default_factory=list)
    back: list[tuple[Lease, datetime | None]] = field(default_factory=list)
    settlers: list[asyncio.Future[None]] = field(default_factory=list)
    askers: list[asyncio.Future[None]] = field(default_factory=list)

    def refuse(self, error: Exception) -> None:
        """Answer all who ask with this error: nothing of it begins or was put back."""
        for lease in self.beginning:
            lease.stage = Stage.LEASED
        _answer(self.askers, error)

    def later(self, page: "Page") -> None:
        """Have what has ended written with another page."""
        page.ended = self.ended | page.ended
        page.settlers += self.settlers


class Books:
    """The writing of one drain. Everything in it is conditional on its generation, and raises FencedError after it.

    A task that is cancelled while it waits here does not cancel the writing.
    """

    def __init__(self, current: Callable[[], SiteWork], generation: int) -> None:
        self._current = current
        self.generation = generation
        self._open: Page | None = None
        self._writer: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def begin(self, lease: Lease) -> None:
        """Commit "about to act" if nothing speaks against it any more; else the lease is put back as it was.

        Raises WithdrawnError, FencedError and StoreError.
        """
        if lease.stage is Stage.BEGUN:
            return
        if lease.withdrawn:
            raise WithdrawnError("It was withdrawn while it waited for its turn.")
        lease.stage = Stage.ASKED
        page = self._page()
        page.beginning.append(lease)
        await _wait_for_answer(page.askers)
        if lease.stage is Stage.RETURNED:
            raise WithdrawnError("It may not begin any more.")
        lease.stage = Stage.BEGUN
        reach("drain.acting", lease.kind)

    async def settle(self, ended: Mapping[Lease, Settlement]) -> None:
        """Write what became of leases, if need be when the database is back. Raises FencedError and StoreError."""
        if ended:
            page = self._page()
            page.ended.update(ended)
            await _wait_for_answer(page.settlers)

    async def put_back(self, leases: Sequence[Lease], until: datetime | None = None) -> None:
        """Give leases back that have not begun. until: their channel has failed and rests so long.

        Raises FencedError and StoreError.
        """
        if leases:
            page = self._page()
            page.back += [(lease, until) for lease in leases]
            await _wait_for_answer(page.askers)

    async def close(self) -> None:
        """Return when all that was asked for is written, or failed to be. A database that is gone is tried once more."""
        self._closing.set()
        while self._writer is not None:
            await asyncio.wait([self._writer])

    def _page(self) -> Page:
        if self._open is None:
            self._open = Page()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return self._open

    async def _write(self) -> None:
        failures = 0
        while (page := self._open) is not None:
            self._open = None
            last = self._closing.is_set()
            try:
                await _write_page(self._current(), self._current, self.generation, page)
            except Exception as error:  # noqa: BLE001 - it is raised where the writing was asked for
                page.refuse(error)
                if last or not page.ended or not isinstance(error, StoreUnavailableError):
                    _answer(page.settlers, error)
                    continue
                failures += 1
                page.later(self._page())
                await self._pause(failures, len(page.ended), error)
            else:
                failures = 0
                _answer(page.askers)
                _answer(page.settlers)
        self._writer = None

    async def _pause(self, failures: int, results: int, error: StoreUnavailableError) -> None:
        if failures == 1:
            log.warning("results_kept", site=self._current().site_id, results=results, error=str(error))
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(failures - 1, 10))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()


async def _wait_for_answer(waiting: list[asyncio.Future[None]]) -> None:
    """Wait among these. Whoever asked may be cancelled meanwhile."""
    future = asyncio.get_running_loop().create_future()
    waiting.append(future)
    await asyncio.shield(future)


def _answer(waiting: Sequence[asyncio.Future[None]], error: Exception | None = None) -> None:
    for future in waiting:
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
            # Whoever asked may be gone, and nobody would hear of it.
            future.exception()


@retry_races
async def _write_page(work: SiteWork, current: Callable[[], SiteWork], generation: int, page: Page) -> None:
    """The effects are done: to give up after a race would make lost answers of what was answered."""
    async with work.store.write() as tx:
        now = work.clock()
        await claims.check(tx, work.site_id, generation)
        await _put_back(tx, work, generation, page.back)
        told = await _settle(tx, work, generation, page.ended, now)
        resting = await work.rests.keep(tx)
        refused = await _begin(tx, current, generation, page.beginning, now)
    work.rests.confirm(resting)
    for lease, _ in page.back:
        lease.stage = Stage.RETURNED
        reach("drain.put_back", lease.kind)
    for lease in refused:
        lease.stage = Stage.RETURNED
    for lease, item in told:
        reach("drain.settled", lease.kind)
        work.settled(lease.kind, item.state.value, item.verdict.value)
        log.info(
            "action_settled", **log_fields(lease.task), state=item.state.value, verdict=item.verdict.value
        )


async def _put_back(
    tx: Transaction, work: SiteWork, generation: int, back: Sequence[tuple[Lease, datetime | None]]
) -> None:
    by_time: dict[datetime | None, list[int]] = {}
    for lease, until in back:
        by_time.setdefault(until, []).append(lease.id)
    asked = [lease.id for lease, _ in back if lease.stage is Stage.ASKED]
    await claims.put_back(tx, work.site_id, generation, asked, begun=True)
    for until, ids in by_time.items():
        await claims.put_back(tx, work.site_id, generation, ids, until, failing=True)
    for lease, _ in back:
        reach("drain.before_put_back", lease.kind)


async def _settle(
    tx: Transaction, work: SiteWork, generation: int, ended: Mapping[Lease, Settlement], now: datetime
) -> list[tuple[Lease, Settlement]]:
    """Returns what was written."""
    if not ended:
        return []
    leases = {lease.id: lease for lease in ended}
    tasks = {number: lease.task for number, lease in leases.items()}
    found = await reconsider(tx, work.site_id, list(ended.values()), tasks, now)
    written = await claims.settle(tx, work.site_id, generation, found, now)
    for item in written:
        reach("drain.before_settle", leases[item.action_id].kind)
    return [(leases[item.action_id], item) for item in written]


async def _begin(
    tx: Transaction,
    current: Callable[[], SiteWork],
    generation: int,
    beginning: Sequence[Lease],
    now: datetime,
) -> list[Lease]:
    """Commit that these begin, but for those against which something speaks now; returns those."""
    if not beginning:
        return []
    work = current()
    told = await get_answers(tx, work, generation, beginning, now)
    may = [lease for lease in beginning if told[lease] is Answer.YES]
    if may:
        intents = {lease.id: lease.intent for lease in may}
        await claims.about_to_act(tx, work.site_id, generation, intents, now)
    for answer in (Answer.NOT_NOW, Answer.LATER):
        ids = [lease.id for lease in beginning if told[lease] is answer]
        await claims.put_back(tx, work.site_id, generation, ids, answer.until(now))
    for lease in may:
        lease.began_at = now
        reach("drain.before_acting", lease.kind)
    return [lease for lease in beginning if lease not in may]
