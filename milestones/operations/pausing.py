"""Pause and resume: a site, or one milestone of it. Nothing is lost meanwhile; what is due waits."""

from collections.abc import Mapping
from typing import Any

from milestones.control import Progress
from milestones.errors import UsageError
from milestones.operations.host import Host
from milestones.operations.lookup import chosen_sites
from milestones.pipeline import Outcome
from milestones.store import sites


async def pause(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Do nothing more for a site or a milestone until it is resumed; go on to observe and to record."""
    return await _set(host, arguments, paused=True)


async def resume(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Go on where a pause began."""
    return await _set(host, arguments, paused=False)


async def _set(host: Host, arguments: Mapping[str, Any], *, paused: bool) -> Any:
    milestone = arguments.get("milestone")
    program = host.program
    async with program.store.write() as tx:
        concerned = [
            site
            for site in await chosen_sites(tx, arguments.get("site"))
            if await sites.pause(tx, site.id, milestone, paused=paused)
        ]
    if not concerned:
        raise UsageError(
            f"No site has a milestone {milestone!r}. Its key is the one in config.toml; a new one is known once "
            "the daemon has run with it."
        )
    program.tell(Outcome(wake={site.id for site in concerned}))
    return {"milestone": milestone, "paused": paused, "sites": [site.name or site.id for site in concerned]}
