"""What a drain writes of its leases. Whatever is asked for while one transaction is written shares the next one.

An effect begins and its result is settled in a transaction each, so with several effects side by side the disk would be
what holds them up.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from milestones.errors import WithdrawnError
from milestones.failpoints import reach
from milestones.outbox.meanwhile import reconsidered
from milestones.outbox.standing import Answer, answers
from milestones.outbox.work import Lease, SiteWork, Stage, named
from milestones.store.database.store import Transaction, again_after_a_race
from milestones.store.outbox import claims
from milestones.store.outbox.claims import Settlement

log = structlog.get_logger()


@dataclass(slots=True)
class Page:
    """What goes into one transaction. done: resolved when it is committed, or with what kept it from being."""

    ended: dict[Lease, Settlement] = field(default_factory=dict)
    beginning: list[Lease] = field(default_factory=list)
    back: list[tuple[Lease, datetime | None]] = field(default_factory=list)
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Books:
    """The writing of one drain. Everything in it is conditional on its generation, and raises FencedError after it.

    A task that is cancelled while it waits here does not cancel the writing.
    """

    def __init__(self, current: Callable[[], SiteWork], generation: int) -> None:
        self._current = current
        self.generation = generation
        self._open: Page | None = None
        self._writer: asyncio.Task[None] | None = None

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
        await asyncio.shield(page.done)
        if lease.stage is Stage.RETURNED:
            raise WithdrawnError("It may not begin any more.")
        lease.stage = Stage.BEGUN
        reach("drain.acting", lease.kind)

    async def settle(self, ended: Mapping[Lease, Settlement]) -> None:
        """Write what became of leases. Raises FencedError and StoreError."""
        if ended:
            page = self._page()
            page.ended.update(ended)
            await asyncio.shield(page.done)

    async def put_back(self, leases: Sequence[Lease], until: datetime | None = None) -> None:
        """Give leases back that have not begun. until: their channel has failed and rests so long.

        Raises FencedError and StoreError.
        """
        if leases:
            page = self._page()
            page.back += [(lease, until) for lease in leases]
            await asyncio.shield(page.done)

    async def close(self) -> None:
        """Wait until all that was asked for is written, or failed to be."""
        while self._writer is not None:
            await asyncio.wait([self._writer])

    def _page(self) -> Page:
        if self._open is None:
            self._open = Page()
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())
        return self._open

    async def _write(self) -> None:
        while (page := self._open) is not None:
            self._open = None
            try:
                await _written(self._current(), self._current, self.generation, page)
            except Exception as error:  # noqa: BLE001 - it is raised where the writing was asked for
                for lease in page.beginning:
                    lease.stage = Stage.LEASED
                page.done.set_exception(error)
                # Whoever asked may have been cancelled meanwhile.
                page.done.exception()
            else:
                page.done.set_result(None)
        self._writer = None


@again_after_a_race
async def _written(work: SiteWork, current: Callable[[], SiteWork], generation: int, page: Page) -> None:
    """The effects are done: to give up after a race would make lost answers of what was answered."""
    async with work.store.write() as tx:
        now = work.clock()
        await claims.check(tx, work.site_id, generation)
        await _put_back(tx, work, generation, page.back)
        told = await _settle(tx, work, generation, page.ended, now)
        resting = await work.rests.keep(tx)
        refused = await _begin(tx, current, generation, page.beginning, now)
    work.rests.kept(resting)
    for lease, _ in page.back:
        lease.stage = Stage.RETURNED
        reach("drain.put_back", lease.kind)
    for lease in refused:
        lease.stage = Stage.RETURNED
    for lease, item in told:
        reach("drain.settled", lease.kind)
        work.settled(lease.kind.value, item.state.value, item.verdict.value)
        log.info("action_settled", **named(lease.task), state=item.state.value, verdict=item.verdict.value)


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
    found = await reconsidered(tx, work.site_id, list(ended.values()), tasks, now)
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
    told = await answers(tx, work, generation, beginning, now)
    may = [lease for lease in beginning if told[lease] is Answer.YES]
    if may:
        await claims.about_to_act(tx, work.site_id, generation, [lease.id for lease in may], now)
    for answer in (Answer.NOT_NOW, Answer.LATER):
        ids = [lease.id for lease in beginning if told[lease] is answer]
        await claims.put_back(tx, work.site_id, generation, ids, answer.until(now))
    for lease in may:
        reach("drain.before_acting", lease.kind)
    return [lease for lease in beginning if lease not in may]
