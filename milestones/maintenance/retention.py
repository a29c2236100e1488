"""Forgets what the configuration says is old, in small transactions, once an hour."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.domain.account import Version
from milestones.store import retention
from milestones.store.database.store import Store, Transaction

VERDICTS_AND_SCANS = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long something is kept: the history, settled actions, and bodies that could not be understood."""

    observations: timedelta
    actions: timedelta
    bodies: timedelta


async def forget(
    store: Store,
    limits: Limits,
    versions: dict[str, Sequence[Version]],
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Forget all that is old by now; returns how many rows went, by what they were.

    versions: the definitions in force of each site. Killed anywhere, it goes on the next time.
    """
    counts = {
        "actions": await _all(store, lambda tx: retention.forget_actions(tx, now - limits.actions), stopping),
        "verdicts": await _all(
            store, lambda tx: retention.forget_traces(tx, now - VERDICTS_AND_SCANS), stopping
        ),
        "scans": await _all(store, lambda tx: retention.forget_scans(tx, now - VERDICTS_AND_SCANS), stopping),
        "bodies": await _all(store, lambda tx: retention.forget_bodies(tx, now - limits.bodies), stopping),
        "observations": 0,
    }
    for site_id, in_force in versions.items():
        after: str | None = ""
        while after is not None and not stopping():
            async with store.write() as tx:
                after, number = await retention.forget_observations(
                    tx, site_id, in_force, now - limits.observations, after
                )
            counts["observations"] += number
    return counts


async def _all(
    store: Store, one_batch: Callable[[Transaction], Awaitable[int]], stopping: Callable[[], bool]
) -> int:
    total = 0
    while not stopping():
        async with store.write() as tx:
            number = await one_batch(tx)
        total += number
        if number < retention.BATCH:
            break
    return total
