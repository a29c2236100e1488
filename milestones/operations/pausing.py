"""Pause and resume: a site, or one milestone of it. Nothing is lost meanwhile; what is due waits."""

from collections.abc import Mapping
from typing import Any

from milestones.control import Progress
from milestones.errors import ChannelError, MilestonesError, UsageError
from milestones.operations.host import Host
from milestones.operations.lookup import chosen_sites
from milestones.operations.scanning import KINDS
from milestones.recording import Outcome
from milestones.store import heartbeat, recent, sites


async def pause(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Do nothing more for a site or a milestone until it is resumed; go on to observe and to record."""
    return await _set(host, arguments, paused=True)


async def resume(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Go on where a pause began. Without a site or a milestone, the hold of the whole database ends too.

    rewound: whether the database may be older than what was done with it (``store.heartbeat.resume``); yes, unless
    a person says otherwise. Wix is asked first then: whoever reached a milestone in the lost time has had its reward.
    """
    rewound = bool(arguments.get("rewound", True))
    if rewound and not arguments.keys() & {"milestone", "site"} and await _is_held(host):
        try:
            await reconcile(host, progress)
        except ChannelError as error:
            raise MilestonesError(
                f"Nothing goes on, since Wix could not be asked what has changed. {error}"
            ) from error
    return await _set(host, arguments, paused=False, ends_hold=True, rewound=rewound)


async def _is_held(host: Host) -> bool:
    async with host.program.store.read() as tx:
        return await heartbeat.held(tx) is not None


async def reconcile(host: Host, progress: Progress = lambda _told: None) -> None:
    """Hear from Wix what the database has missed. What it leads to is recorded, and waits for the end of the hold.

    Raises MilestonesError when Wix does not tell.
    """
    async with host.program.store.read() as tx:
        found = await sites.active(tx)
    for site in found:
        for kind in KINDS:
            progress({"site": site.name or site.id, "kind": kind.value})
            await host.scan(site.id, kind)


async def _set(
    host: Host,
    arguments: Mapping[str, Any],
    *,
    paused: bool,
    ends_hold: bool = False,
    rewound: bool = True,
) -> Any:
    milestone, site = arguments.get("milestone"), arguments.get("site")
    program = host.program
    async with program.store.write() as tx:
        whole = milestone is None and site is None
        reason = await heartbeat.held(tx) if ends_hold and whole else None
        if reason is not None:
            await heartbeat.resume(tx, rewound=rewound)
        concerned = [
            one
            for one in await chosen_sites(tx, site)
            if await sites.pause(tx, one.id, milestone, paused=paused)
        ]
        ids = {one.id for one in concerned}
        still = [key for where, key in await recent.paused(tx) if where in ids and key is not None]
    if not concerned:
        raise UsageError(
            f"No site has a milestone {milestone!r}. Its key is the one in config.toml; a new one is known once "
            "the daemon has run with it."
        )
    program.tell(Outcome(wake=ids))
    return {
        "milestone": milestone,
        "paused": paused,
        "sites": [one.name or one.id for one in concerned],
        "milestones_paused": sorted(set(still)),
        "hold_ended": reason,
    }
