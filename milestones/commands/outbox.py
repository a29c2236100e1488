"""A person's word on actions: one, or all that have something in common."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.outbox import (
    CancelActions,
    HoldActions,
    MoveActions,
    MoveAnswer,
    ReleaseActions,
    Resolution,
    ResolveActions,
    RetryActions,
)
from milestones.pipeline.context import Outcome
from milestones.store.database.store import Transaction
from milestones.store.outbox import operator, rests
from milestones.store.outbox.operator import Moved
from milestones.store.views.lookup import Which

MOST_SHOWN = 100
"""Ids that an answer names; it always has the number of all."""

Move = Callable[[Transaction, Which, datetime], Awaitable[Moved]]


async def retry(host: Host, command: RetryActions, _report: Report[NoReport]) -> MoveAnswer:
    """Do again what was discarded, cancelled or of unknown fate."""
    return await _move(host, command, operator.retry, tries=True)


async def release(host: Host, command: ReleaseActions, _report: Report[NoReport]) -> MoveAnswer:
    """Let go what is held."""
    return await _move(host, command, operator.release, tries=True)


async def hold(host: Host, command: HoldActions, _report: Report[NoReport]) -> MoveAnswer:
    """Keep back what has not begun."""
    return await _move(host, command, operator.hold)


async def cancel(host: Host, command: CancelActions, _report: Report[NoReport]) -> MoveAnswer:
    """Give up what has not begun."""
    return await _move(host, command, operator.cancel)


async def resolve(host: Host, command: ResolveActions, _report: Report[NoReport]) -> MoveAnswer:
    """Say what became of what nobody told."""
    return await _move(host, command, partial(operator.resolve, done=command.resolution is Resolution.DONE))


async def _move(host: Host, command: MoveActions, move: Move, *, tries: bool = False) -> MoveAnswer:
    """Carry out a command. tries: it asks for effects, so what rests is tried at once."""
    runtime = host.runtime
    async with runtime.store.write() as tx:
        moved = await move(tx, _which(command), runtime.clock())
        if tries:
            await rests.forget(tx, runtime.clock(), moved.sites)
    runtime.tell(Outcome(wake=set(moved.sites)))
    return MoveAnswer(
        moved=len(moved.ids),
        ids=moved.ids[:MOST_SHOWN],
        states=dict(moved.states),
        refused=dict(moved.refused),
    )


def _which(command: MoveActions) -> Which:
    """The actions that a command means."""
    return Which(
        ids=command.ids,
        site=command.site,
        milestone=command.milestone,
        kind=command.kind,
        state=command.state,
        verdict=command.verdict,
        account=command.account,
        source=command.source,
        up_to=command.up_to,
    )
