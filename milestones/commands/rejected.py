"""Webhooks that were genuine and could not be understood: heard once more, after an upgrade."""

from collections.abc import Mapping
from typing import Any

from milestones.commands.host import Host, Program
from milestones.control import Progress
from milestones.domain.event import Heard, Unneeded
from milestones.errors import StoreUnavailableError, UsageError
from milestones.ingest.reading import UnreadableError, blamed
from milestones.pipeline import observe
from milestones.store.outbox import operator
from milestones.store.views import lookup
from milestones.views.bodies import understood


async def replay(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Take kept webhooks in again, oldest first; those that are understood now are no longer kept.

    To be interrupted does no harm: what was recorded and is still kept is recognised the next time.
    """
    program = host.program
    ids = tuple(arguments.get("ids", ()))
    async with program.store.read() as tx:
        kept = await lookup.rejected(tx, ids)
    missing = sorted(set(ids) - {row.id for row in kept})
    if missing:
        raise UsageError(f"No webhook is kept under {', '.join(map(str, missing))}.")
    still: dict[str, str] = {}
    taken = unneeded = 0
    for row in reversed(kept):
        try:
            event = understood(row.body)
            if isinstance(event.event, Unneeded):
                unneeded += 1
            else:
                await _record(program, event)
                taken += 1
        except UnreadableError as error:
            still[str(row.id)] = error.reason
            continue
        async with program.store.write() as tx:
            await operator.forget_rejected(tx, row)
    return {"taken": taken, "unneeded": unneeded, "kept": still}


async def _record(program: Program, event: Heard) -> None:
    """Raises UnreadableError where this one event cannot be recorded: the others are not to blame."""
    try:
        program.tell(await observe.hear(program.store, program.rules, [event], program.clock()))
    except StoreUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 (as it was when the event came)
        raise blamed(error, event.site_id, event.event_type, event.event_id) from None
