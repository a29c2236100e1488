"""Forgets what the configuration says is old, in small transactions, once an hour."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from milestones.config.sections import RetentionSettings
from milestones.domain.account import Version
from milestones.maintenance.service import pause, repeat
from milestones.pipeline.context import Rules
from milestones.store import calls, retention, sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Store, Transaction

log = structlog.get_logger()

PERIOD = 3600.0
"""Seconds between two times of forgetting."""

FIRST_AFTER = 60.0
"""Seconds after the start, when nobody waits any more."""

VERDICTS_AND_SCANS = timedelta(days=180)


async def forget(
    store: Store,
    kept: RetentionSettings,
    versions: dict[str, Sequence[Version]],
    now: datetime,
    stopping: Callable[[], bool] = lambda: False,
) -> dict[str, int]:
    """Forget all that is old by now; returns how many rows went, by what they were.

    kept: for how long. versions: the definitions in force of each site. Killed anywhere, it goes on the next time.
    """
    counts = {
        "actions": await _all(store, lambda tx: retention.forget_actions(tx, now - kept.actions), stopping),
        "agreements": await _all(
            store, lambda tx: retention.forget_agreements(tx, now - kept.actions), stopping
        ),
        "orders": await _all(store, lambda tx: retention.forget_orders(tx, now - kept.actions), stopping),
        "earnings": await _all(store, lambda tx: retention.forget_earnings(tx, now), stopping),
        "calls": await _all(store, lambda tx: calls.forget(tx, now - kept.actions), stopping),
        "verdicts": await _all(
            store, lambda tx: retention.forget_traces(tx, now - VERDICTS_AND_SCANS), stopping
        ),
        "scans": await _all(store, lambda tx: retention.forget_scans(tx, now - VERDICTS_AND_SCANS), stopping),
        "bodies": await _all(store, lambda tx: retention.forget_bodies(tx, now - kept.bodies), stopping),
        "observations": 0,
    }
    for site_id, in_force in versions.items():
        after: str | None = ""
        while after is not None and not stopping():
            async with store.write() as tx:
                after, number = await retention.forget_observations(
                    tx, site_id, in_force, now - kept.observations, after
                )
            counts["observations"] += number
    return counts


async def keep_forgetting(
    store: Store,
    rules: Rules,
    kept: Callable[[], RetentionSettings],
    clock: Callable[[], datetime],
    stop: asyncio.Event,
) -> None:
    """Forget a minute after the start, and then every hour. kept: how long, by the configuration in force."""

    async def work() -> None:
        counts = await forget_due(store, rules, kept(), clock(), stop.is_set)
        if any(counts.values()):
            log.info("forgotten", **counts)

    await pause(FIRST_AFTER, stop)
    await repeat(work, stop, every=PERIOD, failure="nothing_forgotten")


async def forget_due(
    store: Store, rules: Rules, kept: RetentionSettings, now: datetime, stopping: Callable[[], bool]
) -> dict[str, int]:
    """Forget by the definitions in force; nothing while everything is held. Returns as ``forget``."""
    async with store.read() as tx:
        if await heartbeat.get_hold(tx):
            # Perhaps the clock is wrong by years; what is forgotten cannot be told again.
            return {}
        versions = {
            site.id: await sites.get_versions(tx, site.id, rules.site(site.id).milestones)
            for site in await sites.list_active(tx)
        }
    return await forget(store, kept, dict(versions), now, stopping)


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
