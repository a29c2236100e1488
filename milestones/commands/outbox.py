"""Orders about actions: one, or all that have something in common."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import fields
from datetime import datetime
from functools import partial
from typing import Any

from milestones.commands.host import Host
from milestones.control import Progress
from milestones.errors import UsageError
from milestones.pipeline.context import Outcome
from milestones.store.database.store import Transaction
from milestones.store.outbox import operator, rests
from milestones.store.outbox.operator import Moved
from milestones.store.views.lookup import Which

MOST_SHOWN = 100
"""Ids that an answer names; it always has the number of all."""

_FIELDS = frozenset(field.name for field in fields(Which))

Move = Callable[[Transaction, Which, datetime], Awaitable[Moved]]


def which_of(arguments: Mapping[str, Any]) -> Which:
    """The actions that arguments mean. Raises UsageError for names that are none."""
    unknown = sorted(set(arguments) - _FIELDS)
    if unknown:
        raise UsageError(f"Actions cannot be chosen by {', '.join(unknown)}.")
    return Which(**{**arguments, "ids": tuple(arguments.get("ids", ()))})


async def retry(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Do again what was discarded, cancelled or of unknown fate."""
    return await _move(host, arguments, operator.retry, tries=True)


async def release(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Let go what is held."""
    return await _move(host, arguments, operator.release, tries=True)


async def hold(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Keep back what has not begun."""
    return await _move(host, arguments, operator.hold)


async def cancel(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Give up what has not begun."""
    return await _move(host, arguments, operator.cancel)


async def resolve(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Say what became of what nobody told: ``as`` is ``done`` or ``again``."""
    answer = arguments.get("as")
    if answer not in {"done", "again"}:
        raise UsageError("What nobody told is resolved as done, or as to be done again.")
    rest = {name: value for name, value in arguments.items() if name != "as"}
    return await _move(host, rest, partial(operator.resolve, done=answer == "done"))


async def _move(host: Host, arguments: Mapping[str, Any], move: Move, *, tries: bool = False) -> Any:
    """Carry out an order. tries: it asks for effects, so what rests is tried at once."""
    program = host.program
    async with program.store.write() as tx:
        moved = await move(tx, which_of(arguments), program.clock())
        if tries:
            await rests.forget(tx, program.clock(), moved.sites)
    program.tell(Outcome(wake=set(moved.sites)))
    return {
        "moved": len(moved.ids),
        "ids": list(moved.ids[:MOST_SHOWN]),
        "states": dict(moved.states),
        "refused": {str(number): why for number, why in moved.refused.items()},
    }
