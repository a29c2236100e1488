"""Webhooks that were genuine and could not be understood: heard once more, after an upgrade."""

from collections.abc import Mapping
from typing import Any

from milestones import pipeline
from milestones.control import Progress
from milestones.domain.event import Unneeded
from milestones.errors import UsageError
from milestones.ingest.reading import UnreadableError
from milestones.operations.bodies import understood
from milestones.operations.host import Host
from milestones.store import persons, reads


async def replay(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Take kept webhooks in again, oldest first; those that are understood now are no longer kept.

    To be interrupted does no harm: what was recorded and is still kept is recognised the next time.
    """
    program = host.program
    ids = tuple(arguments.get("ids", ()))
    async with program.store.read() as tx:
        kept = await reads.rejected(tx, ids)
    missing = sorted(set(ids) - {row.id for row in kept})
    if missing:
        raise UsageError(f"No webhook is kept under {', '.join(map(str, missing))}.")
    still: dict[str, str] = {}
    taken = unneeded = 0
    for row in reversed(kept):
        try:
            event = understood(row.body)
        except UnreadableError as error:
            still[str(row.id)] = error.reason
            continue
        if isinstance(event.event, Unneeded):
            unneeded += 1
        else:
            program.tell(await pipeline.hear(program.store, program.rules, [event], program.clock()))
            taken += 1
        async with program.store.write() as tx:
            await persons.forget_rejected(tx, row)
    return {"taken": taken, "unneeded": unneeded, "kept": still}
