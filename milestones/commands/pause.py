"""Pause and resume: a site, or one milestone of it. Nothing is lost meanwhile; what is due waits."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from milestones.commands.host import Host
from milestones.commands.scan import Failed, by_name, raise_if_all, scan_each
from milestones.control import Progress
from milestones.errors import MilestonesError, UsageError
from milestones.pipeline.context import Outcome
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests
from milestones.store.tables import Site
from milestones.store.views import timeline
from milestones.views.lookup import chosen_sites


async def pause(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Do nothing more for a site or a milestone until it is resumed; go on to observe and to record.

    Returns when it is true: what had begun has ended, and nothing more will leave.
    """
    told, ids = await _set(host, arguments, paused=True)
    await host.program.flights.landed(
        ids, arguments.get("milestone"), lambda left: progress({"under_way": left})
    )
    return told


async def resume(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Go on where a pause began. Without a site or a milestone, the hold of the whole database ends too.

    rewound: whether the database may be older than what was done with it (``store.database.heartbeat.resume``); yes, unless
    a person says otherwise. Wix is asked first then: whoever reached a milestone in the lost time has had its reward.
    A site of which Wix does not tell stays paused, and is asked about when it is resumed.
    """
    if arguments.get("milestone") is not None:
        return (await _set(host, arguments, paused=False))[0]
    rewound = bool(arguments.get("rewound", True))
    async with host.program.store.read() as tx:
        concerned = await chosen_sites(tx, arguments.get("site"))
        unheard = await _unheard(tx, concerned, arguments) if rewound else []
    _, failed = await scan_each(host, unheard, progress)
    if failed and len(failed) == len(concerned):
        first = next(iter(failed.values()))
        raise MilestonesError(
            f"Nothing goes on, since Wix could not be asked what has changed. {first}"
        ) from first
    told, _ = await _set(host, arguments, paused=False, rewound=rewound, failed=failed)
    return {**told, "not_asked": by_name(unheard, failed)}


async def _unheard(tx: Transaction, concerned: list[Site], arguments: Mapping[str, Any]) -> list[Site]:
    """The sites of which Wix has not told yet what the database has missed."""
    if arguments.get("site") is None and await heartbeat.held(tx) is not None:
        return concerned
    behind = await heartbeat.behind(tx)
    return [site for site in concerned if site.id in behind]


async def reconcile(host: Host, progress: Progress = lambda _told: None) -> Failed:
    """Hear from Wix what the database has missed. What it leads to is recorded, and waits for the end of the hold.

    Returns the sites of which Wix does not tell. Raises MilestonesError when it tells of none.
    """
    async with host.program.store.read() as tx:
        found = await sites.active(tx)
    _, failed = await scan_each(host, found, progress)
    raise_if_all(found, failed)
    return failed


async def _set(
    host: Host,
    arguments: Mapping[str, Any],
    *,
    paused: bool,
    rewound: bool = False,
    failed: Failed | None = None,
) -> tuple[dict[str, Any], set[str]]:
    """What it came to, and the sites that it concerned."""
    milestone, site = arguments.get("milestone"), arguments.get("site")
    program, failed = host.program, failed or {}
    async with program.store.write() as tx:
        chosen = await chosen_sites(tx, site)
        reason = None
        if not paused and milestone is None:
            reason = await heartbeat.held(tx) if site is None else None
            now = program.clock()
            await _caught_up(tx, chosen, now, hold=reason is not None, rewound=rewound, failed=failed)
        concerned = [
            one
            for one in chosen
            if one.id not in failed and await sites.pause(tx, one.id, milestone, paused=paused)
        ]
        for site_id in failed:
            await sites.pause(tx, site_id, None, paused=True)
        ids = {one.id for one in concerned}
        if not paused:
            await rests.forget(tx, program.clock(), ids)
        still = [key for where, key in await timeline.paused(tx) if where in ids and key is not None]
    if not concerned:
        raise UsageError(
            f"No site has a milestone {milestone!r}. Its key is the one in config.toml; a new one is known once "
            "the daemon has run with it."
        )
    program.tell(Outcome(wake=ids))
    told = {
        "milestone": milestone,
        "paused": paused,
        "sites": [one.name or one.id for one in concerned],
        "milestones_paused": sorted(set(still)),
        "hold_ended": reason,
    }
    return told, ids


async def _caught_up(
    tx: Transaction, chosen: list[Site], now: datetime, *, hold: bool, rewound: bool, failed: Failed
) -> None:
    """These sites go on, from a hold or from where one had to leave them, but for those that failed."""
    behind = await heartbeat.behind(tx)
    ids = {site.id for site in chosen} - failed.keys()
    if hold:
        await heartbeat.resume(tx, now, rewound=rewound)
    elif rewound:
        await heartbeat.doubt(tx, now, behind & ids)
    await heartbeat.set_behind(tx, (behind - ids) | failed.keys())
