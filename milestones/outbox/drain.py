"""``drain(site)``: the unit of work. Claim, gate, commit "about to act", act, settle, until nothing is due.

No transaction spans an await on the network, and every line of this file may be the process's last: what was
claimed is put back by the next drain, and what had begun to act is looked for before it is repeated.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from milestones.domain.actions import Kind, State
from milestones.domain.retry import RetryPolicy
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, FencedError, StoreError
from milestones.failpoints import reach
from milestones.kinds.channel import (
    Channel,
    Fate,
    Found,
    Stop,
    Task,
)
from milestones.outbox.gates import FRESH, Policy, stop_for
from milestones.outbox.meanwhile import reconsidered
from milestones.outbox.rest import REST, Rests
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Store, again_after_a_race
from milestones.store.outbox import claims
from milestones.store.outbox.claims import Claimed, Settlement
from milestones.store.tables import Action

log = structlog.get_logger()

ORDER = (Kind.COUPON, Kind.BADGE, Kind.POINTS, Kind.EMAIL, Kind.WEBHOOK)
"""Mails come after what they show, so that one pass does both."""

_REFUSES_REPETITION = frozenset({Kind.COUPON, Kind.BADGE, Kind.POINTS})
"""Of these, Wix may refuse a second one because of the first, in words that are documented nowhere, and its queries
show the first one late. So after a lost answer a refusal is not for good.
"""

_DIED = "This program ended between the hand-over and its answer."


@dataclass(slots=True)
class SiteWork:
    """What draining one site needs; kept between drains.

    rests: of channels that failed as a whole.
    tidy: whether the last drain came to its end, so that nothing can have been left running.
    stopping: set when the program stops; what is in flight is finished and nothing new is begun.
    """

    site_id: str
    store: Store
    channels: Mapping[Kind, Channel]
    policy: Policy
    clock: Callable[[], datetime]
    random: Callable[[], float]
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    stopping: Callable[[], bool] = lambda: False
    settled: Callable[[str, str, str], None] = lambda _kind, _state, _verdict: None
    rests: Rests = field(init=False)
    tidy: bool = False

    def __post_init__(self) -> None:
        """Nothing rests yet."""
        self.rests = Rests(self.site_id)


async def drain(work: SiteWork) -> datetime | None:
    """Do all that is due. Returns when the next action becomes due, or None when nothing waits for a time.

    Raises StoreUnavailableError; then nothing more was begun.
    """
    if work.tidy:
        # Every site is looked at every minute, and most have nothing to do: that must not cost a transaction each.
        due = await _next_due(work)
        if due is None or due > work.clock():
            return due
        work.tidy = False
    async with work.store.write() as tx:
        site = await sites.named(tx, work.site_id)
        if site is None or site.state != "active" or site.paused or await heartbeat.held(tx):
            return None
        generation = await claims.begin(tx, work.site_id)
        await work.rests.recall(tx)
        reach("drain.before_begin")
    reach("drain.begun")
    try:
        while not work.stopping() and await _pass(work, generation):
            pass
    except FencedError:
        log.info("drain_fenced", site=work.site_id, generation=generation)
        return None
    work.tidy = True
    return await _next_due(work)


async def _next_due(work: SiteWork) -> datetime | None:
    now = work.clock()
    async with work.store.read() as tx:
        await work.rests.recall(tx)
        awake = [kind for kind in ORDER if not work.rests.covers(kind, now)]
        due = await claims.next_due(tx, work.site_id, awake)
    return min((moment for moment in (due, *work.rests.ends(now)) if moment is not None), default=None)


async def _pass(work: SiteWork, generation: int) -> bool:
    """One batch of each kind. False when nothing was due."""
    found = False
    for kind in ORDER:
        if work.rests.covers(kind, work.clock()):
            continue
        async with work.store.write() as tx:
            batch = await claims.claim(tx, work.site_id, generation, kind, work.clock())
            if batch:
                reach("drain.before_claim")
        if batch:
            reach("drain.claimed")
            await _batch(work, generation, kind, batch)
            found = True
    return found


async def _batch(work: SiteWork, generation: int, kind: Kind, batch: Sequence[Claimed]) -> None:
    """Gate a batch, then act in groups as large as the channel works side by side."""
    channel = work.channels[kind]
    now = work.clock()
    items = {_id(item): item for item in batch}
    stops = {_id(item): stop for item in batch if (stop := stop_for(item, work.policy, now)) is not None}
    tasks = {number: _task(item) for number, item in items.items()}
    open_ids = [number for number in tasks if number not in stops]
    try:
        stops |= await channel.gate([tasks[number] for number in open_ids])
    except ChannelError as error:
        await _not_now(work, generation, kind, error, list(tasks.values()))
        return
    except StoreError:
        raise
    except Exception as error:
        # It must neither keep the other channels from their work nor let anything pass this gate.
        log.exception("gate_crashed", site=work.site_id, kind=kind.value)
        await _not_now(work, generation, kind, _stumbled(error), list(tasks.values()))
        return
    reach("drain.gated")
    # What may have happened already is looked for whatever the gates say: they guard new effects only.
    looked_for = {number for number, item in items.items() if item.action.lost}
    await _settle(
        work, generation, [_stopped(n, stop) for n, stop in stops.items() if n not in looked_for], tasks
    )
    ready = [tasks[number] for number in tasks if number not in stops or number in looked_for]
    for start in range(0, len(ready), channel.concurrency):
        group = ready[start : start + channel.concurrency]
        if work.stopping() or work.rests.covers(kind, work.clock()) or work.clock() - now > FRESH:
            await _put_back(work, generation, ready[start:])
            return
        async with work.store.write() as tx:
            await claims.about_to_act(tx, work.site_id, generation, [task.id for task in group], work.clock())
            reach("drain.before_acting")
        reach("drain.acting")
        acts = [
            asyncio.create_task(_act(work, channel, task, stops.get(task.id), items[task.id].action))
            for task in group
        ]
        try:
            done = await asyncio.gather(*acts)
        except asyncio.CancelledError:
            # What has ended all the same, or had not begun, is no lost answer.
            await asyncio.wait(acts)
            await asyncio.shield(_settle(work, generation, [a.result() for a in acts if _ended(a)], tasks))
            raise
        # The effects are done: a stop must not keep their results from being written.
        await asyncio.shield(_settle(work, generation, done, tasks))


def _ended(act: asyncio.Task[Settlement]) -> bool:
    return not act.cancelled() and act.exception() is None


def _id(item: Claimed) -> int:
    assert item.action.id is not None, "it was read from the table"
    return item.action.id


def _task(item: Claimed) -> Task:
    action = item.action
    return Task(
        id=_id(item),
        key=action.key,
        kind=Kind(action.kind),
        site_id=action.site_id,
        account_id=action.account_id,
        milestone=action.milestone,
        payload=action.payload,
        inputs=item.inputs,
        customer=item.customer,
        attempt=action.attempts + 1,
        lost_at=action.lost_at,
    )


async def _act(work: SiteWork, channel: Channel, task: Task, stop: Stop | None, action: Action) -> Settlement:
    """One action: its effect, or what became of it. ``stop``: what the gates would say to doing it anew."""
    try:
        found = await channel.recover(task) if action.lost else Found(Fate.REPEAT)
        if found.fate is Fate.UNTOLD:
            return Settlement(task.id, State.UNKNOWN, Verdict.LOST_ANSWER, error=action.error or _DIED)
        if found.fate is Fate.HAPPENED:
            result = found.result
        elif stop is not None:
            # What was lost and not found is lost still: whoever tries later looks again.
            return replace(_stopped(task.id, stop), lost_at=action.lost_at, error=action.error)
        else:
            result = await channel.perform(task)
    except ChannelError as error:
        return _failed(work, task, error)
    except StoreError as error:
        # Channels ask the store before their effect. To raise it from here would leave the others of the group to
        # themselves, while the next drain takes them for dead.
        return _failed(work, task, ChannelError(str(error), connection_wide=True))
    except Exception as error:
        # One action must neither hold up all the others nor be tried for ever. How far it came, nobody knows.
        log.exception("action_crashed", **_named(task))
        return _failed(work, task, _stumbled(error))
    reach("drain.effect_done")
    work.rests.end(task.kind)
    return Settlement(task.id, State.DONE, Verdict.DONE, result=result)


def _named(task: Task) -> dict[str, str | int]:
    """Which action a line of the log is about, and whose grant or reminder it is of."""
    return {
        "site": task.site_id,
        "account": task.account_id,
        "milestone": task.milestone,
        "action": task.id,
        "kind": task.kind.value,
    }


def _stumbled(error: Exception) -> ChannelError:
    return ChannelError(f"This program failed ({type(error).__name__}); its log says where.", lost=True)


def _failed(work: SiteWork, task: Task, error: ChannelError) -> Settlement:
    now = work.clock()
    log.warning(
        "action_failed",
        **_named(task),
        attempt=task.attempt,
        permanent=error.permanent,
        lost=error.lost,
        error=str(error),
    )
    of_this = error.permanent and not error.connection_wide
    if of_this and not (task.lost_at and task.kind in _REFUSES_REPETITION):
        return Settlement(task.id, State.DISCARDED, Verdict.REFUSED, error=str(error))
    # A look-up that failed leaves the older loss as it was.
    lost_at = now if error.lost else task.lost_at
    again: datetime | None
    if error.connection_wide:
        again = work.rests.begin(task.kind, error, now)
    elif error.untried:
        again = error.retry_at or now + REST
    else:
        again = work.retry.next(task.attempt, now, work.random(), error.retry_at)
    if again is None and lost_at:
        return Settlement(task.id, State.UNKNOWN, Verdict.LOST_ANSWER, error=str(error), lost_at=lost_at)
    if again is None:
        return Settlement(task.id, State.DISCARDED, Verdict.EXHAUSTED, error=str(error))
    return Settlement(
        task.id,
        State.AVAILABLE,
        Verdict.RETRY,
        available_at=again,
        error=str(error),
        lost_at=lost_at,
        uncount=error.connection_wide or error.untried,
    )


def _stopped(action_id: int, stop: Stop) -> Settlement:
    return Settlement(action_id, stop.state, stop.verdict, available_at=stop.until, needs=stop.needs)


async def _not_now(
    work: SiteWork, generation: int, kind: Kind, error: ChannelError, tasks: Sequence[Task]
) -> None:
    """What must be known before acting cannot be learned: nothing of the batch is done, all of it later."""
    until = work.rests.begin(kind, error, work.clock())
    await _put_back(work, generation, tasks, until)


async def _put_back(
    work: SiteWork, generation: int, tasks: Sequence[Task], until: datetime | None = None
) -> None:
    async with work.store.write() as tx:
        await claims.put_back(tx, work.site_id, generation, [task.id for task in tasks], until)
        await work.rests.keep(tx)
        reach("drain.before_put_back")
    reach("drain.put_back")


async def _settle(
    work: SiteWork, generation: int, settlements: Sequence[Settlement], tasks: Mapping[int, Task]
) -> None:
    if not settlements:
        return
    written = await _written(work, generation, settlements, tasks)
    reach("drain.settled")
    for item in written:
        task = tasks[item.action_id]
        work.settled(task.kind.value, item.state.value, item.verdict.value)
        log.info("action_settled", **_named(task), state=item.state.value, verdict=item.verdict.value)


@again_after_a_race
async def _written(
    work: SiteWork, generation: int, settlements: Sequence[Settlement], tasks: Mapping[int, Task]
) -> list[Settlement]:
    """The effects are done: to give up after a race would make lost answers of what was answered."""
    async with work.store.write() as tx:
        now = work.clock()
        found = await reconsidered(tx, work.site_id, settlements, tasks, now)
        await claims.settle(tx, work.site_id, generation, found, now)
        await work.rests.keep(tx)
        reach("drain.before_settle")
    return found
