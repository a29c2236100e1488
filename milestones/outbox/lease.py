"""Claiming and gating: a batch of one kind becomes leases that may begin, and the rest is put where it belongs."""

from collections.abc import Mapping, Sequence

import structlog

from milestones.errors import ChannelError, StoreError
from milestones.failpoints import reach
from milestones.kinds.channel import Stop
from milestones.outbox.act import describe_crash, settle_stopped
from milestones.outbox.books import Books
from milestones.outbox.gates import stop_for
from milestones.outbox.work import Lease, SiteWork, serving, task_of
from milestones.store.outbox import claims
from milestones.store.outbox.schedule import Lane

log = structlog.get_logger()


async def lease_batch(work: SiteWork, books: Books, lane: Lane) -> list[Lease]:
    """Up to 100 actions of a lane that are due and that no gate stops. Raises FencedError and StoreError."""
    kind = lane.kind
    async with work.store.write() as tx:
        batch = await claims.claim(tx, work.site_id, books.generation, lane, work.clock())
        if batch:
            reach("drain.before_claim", kind)
    if not batch:
        return []
    reach("drain.claimed", kind)
    now = work.clock()
    leases = [Lease(item, task_of(item), work, now) for item in batch]
    try:
        with serving(leases, now):
            stops = await _ask_gates(leases)
    except ChannelError as error:
        await _not_now(work, books, kind, error, leases)
        return []
    reach("drain.gated", kind)
    return await _open(books, leases, stops)


async def _ask_gates(leases: Sequence[Lease]) -> Mapping[int, Stop]:
    """What must not be done, by id. Raises ChannelError when what must be known cannot be learned."""
    work, kind = leases[0].work, leases[0].kind
    now = leases[0].gated_at
    stops = {
        lease.id: stop for lease in leases if (stop := stop_for(lease.claimed, work.policy, now)) is not None
    }
    tasks = [lease.task for lease in leases if lease.id not in stops]
    try:
        return {**stops, **await work.channels[kind].gate(tasks)}
    except (ChannelError, StoreError):
        raise
    except Exception as error:
        # It must neither keep the other channels from their work nor let anything pass this gate.
        log.exception("gate_crashed", site=work.site_id, kind=kind)
        raise describe_crash(error) from error


async def _open(books: Books, leases: Sequence[Lease], stops: Mapping[int, Stop]) -> list[Lease]:
    """Settle what is stopped; the rest may begin.

    What may have happened already is looked for whatever the gates say: they guard new effects only.
    """
    shut = [lease for lease in leases if lease.id in stops and not lease.claimed.action.lost]
    await books.settle({lease: settle_stopped(lease.id, stops[lease.id]) for lease in shut})
    left = [lease for lease in leases if lease not in shut]
    for lease in left:
        lease.stop = stops.get(lease.id)
    return left


async def _not_now(
    work: SiteWork, books: Books, kind: str, error: ChannelError, leases: Sequence[Lease]
) -> None:
    """What must be known before acting cannot be learned: nothing of the batch is done, all of it later."""
    until = work.rests.begin(kind, error, work.clock())
    await books.put_back(leases, until)
