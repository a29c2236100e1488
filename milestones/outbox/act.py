"""One action: its effect, or what became of it."""

import asyncio
from dataclasses import replace
from datetime import datetime

import structlog

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, FencedError, PendingError, StoreError, WithdrawnError
from milestones.failpoints import reach
from milestones.kinds.channel import Fate, Found, Stop
from milestones.kinds.registry import KINDS
from milestones.outbox.books import Books
from milestones.outbox.rest import REST
from milestones.outbox.work import Lease, Stage, log_fields, serving
from milestones.store.outbox.attempts import DIED
from milestones.store.outbox.claims import Settlement

log = structlog.get_logger()


async def act(lease: Lease, books: Books) -> None:
    """Do it and write what became of it; or, where it was withdrawn before it began, put it back.

    Raises FencedError and StoreError.
    """
    turn_came_at = lease.work.clock()
    try:
        with serving([lease], turn_came_at):
            settlement = await _withdrawable(lease, books)
        if settlement is not None:
            await books.settle({lease: _with_try(lease, settlement, turn_came_at)})
        elif lease.stage is not Stage.RETURNED:
            await books.put_back([lease])
    finally:
        if lease.flight is not None:
            lease.work.flights.end(lease.flight)


def _with_try(lease: Lease, settlement: Settlement, turn_came_at: datetime) -> Settlement:
    """The settlement with its attempt, if it was one: a gate's no is none, nor is what uses up no attempt."""
    begun = lease.stage is Stage.BEGUN
    counts = settlement.state is not State.AVAILABLE or settlement.attempts + int(begun) > 0
    newly_lost = settlement.lost_at is not None and settlement.lost_at != lease.task.lost_at
    stopped_by_gate = lease.stop is not None and settlement.verdict is lease.stop.verdict
    if stopped_by_gate or not (counts or newly_lost):
        return settlement
    began_at = lease.began_at if begun and lease.began_at is not None else turn_came_at
    return replace(settlement, tried=(began_at, lease.work.clock()))


async def _withdrawable(lease: Lease, books: Books) -> Settlement | None:
    async def ask() -> None:
        lease.flight = lease.flight or lease.work.flights.begin(lease.task.site_id, lease.task.milestone)
        if lease.stage is Stage.LEASED:
            lease.intent = effects.intent()
        await books.begin(lease)

    try:
        with effects.asking(ask):
            return await _outcome(lease)
    except asyncio.CancelledError:
        if not lease.withdrawn:
            raise
        return None


async def _outcome(lease: Lease) -> Settlement | None:
    """What became of it; None where it must not begin any more, or was withdrawn while it waited."""
    task, channel = lease.task, lease.work.channels[lease.kind]
    action = lease.claimed.action
    try:
        found = await channel.recover(task) if action.lost else Found(Fate.REPEAT)
        if found.fate is Fate.UNTOLD:
            why = found.why or action.error or DIED
            return Settlement(task.id, State.UNKNOWN, Verdict.LOST_ANSWER, error=why)
        if found.fate is Fate.HAPPENED:
            result = found.result
        elif lease.stop is not None:
            # What was lost and not found is lost still: whoever tries later looks again.
            return replace(settle_stopped(task.id, lease.stop), lost_at=action.lost_at, error=action.error)
        else:
            result = await channel.perform(task)
    except WithdrawnError:
        return None
    except PendingError as error:
        return _settle_pending(lease, error)
    except ChannelError as error:
        if lease.withdrawn and lease.stage is Stage.LEASED:
            return None
        return _settle_failure(lease, error)
    except FencedError:
        raise
    except StoreError as error:
        # Channels ask the store before their effect. To raise it from here would make lost answers of all the others.
        return _settle_failure(lease, ChannelError(str(error), connection_wide=True))
    except Exception as error:
        # One action must neither hold up all the others nor be tried for ever. How far it came, nobody knows.
        log.exception("action_crashed", **log_fields(task))
        return _settle_failure(lease, describe_crash(error))
    reach("drain.effect_done", lease.kind)
    lease.work.rests.end(lease.kind)
    return Settlement(task.id, State.DONE, Verdict.DONE, result=result)


def describe_crash(error: Exception) -> ChannelError:
    """A fault of this program as a channel's."""
    return ChannelError(f"This program failed ({type(error).__name__}); its log says where.", lost=True)


def settle_stopped(action_id: int, stop: Stop) -> Settlement:
    """What a gate's no means."""
    return Settlement(action_id, stop.state, stop.verdict, available_at=stop.until, needs=stop.needs)


def _settle_pending(lease: Lease, error: PendingError) -> Settlement:
    """What has begun there is asked for as what was lost is, whoever is stopped from beginning anew meanwhile."""
    lease.work.rests.end(lease.kind)
    log.info("action_pending", **log_fields(lease.task), again=str(error.retry_at))
    return Settlement(
        lease.task.id,
        State.AVAILABLE,
        Verdict.PENDING,
        available_at=error.retry_at,
        error=str(error),
        lost_at=lease.task.lost_at or lease.work.clock(),
        intent=error.known,
    )


def _settle_failure(lease: Lease, error: ChannelError) -> Settlement:
    task, work = lease.task, lease.work
    now = work.clock()
    begun = lease.stage is Stage.BEGUN
    log.warning(
        "action_failed",
        **log_fields(task),
        attempt=task.attempt,
        permanent=error.permanent,
        lost=error.lost and begun,
        error=str(error),
    )
    of_this = error.permanent and not error.connection_wide
    if of_this and not (task.lost_at and KINDS[task.kind].refuses_repetition):
        return Settlement(task.id, State.DISCARDED, Verdict.REFUSED, error=str(error))
    # A look-up that failed leaves the older loss as it was, and what had not begun has lost nothing.
    lost_at = now if error.lost and begun else task.lost_at
    again: datetime | None
    counts = not (error.connection_wide or error.untried)
    if error.connection_wide:
        again = work.rests.begin(task.kind, error, now)
    elif error.untried:
        again = error.retry_at or now + REST
    else:
        again = work.retry.next(task.attempt, now, work.random(), error.retry_at)
    if again is None and lost_at and not KINDS[task.kind].is_repeatable:
        return Settlement(task.id, State.UNKNOWN, Verdict.LOST_ANSWER, error=str(error), lost_at=lost_at)
    if again is None:
        return Settlement(
            task.id, State.DISCARDED, Verdict.EXHAUSTED, error=str(error), attempts=int(not begun)
        )
    return Settlement(
        task.id,
        State.AVAILABLE,
        Verdict.RETRY,
        available_at=again,
        error=str(error),
        lost_at=lost_at,
        attempts=int(counts) - int(begun),
    )
