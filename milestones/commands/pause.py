"""Pause and resume: a site, or one milestone of it. Nothing is lost meanwhile; what is due waits."""

from datetime import datetime

from milestones.commands.host import Host
from milestones.commands.models.command import Report, UnderWay
from milestones.commands.models.pause import Pause, PauseAnswer, Resume, ResumeAnswer
from milestones.commands.models.scan import ScanReport
from milestones.commands.scan import Failed, by_name, raise_if_all, scan_each
from milestones.errors import MilestonesError, UsageError
from milestones.pipeline.context import Outcome
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests
from milestones.store.tables import Site
from milestones.store.views import timeline
from milestones.views.lookup import find_sites


async def pause(host: Host, command: Pause, report: Report[UnderWay]) -> PauseAnswer:
    """Do nothing more for a site or a milestone until it is resumed; go on to observe and to record.

    Returns when it is true: what had begun has ended, and nothing more will leave.
    """
    answer, ids = await _set(host, command, paused=True)
    await host.runtime.flights.wait_until_landed(
        ids, command.milestone, lambda left: report(UnderWay(under_way=left))
    )
    return answer


async def resume(host: Host, command: Resume, report: Report[ScanReport]) -> ResumeAnswer:
    """Go on where a pause began. Without a site or a milestone, the hold of the whole database ends too.

    rewound: whether the database may be older than what was done with it (``store.database.heartbeat.resume``); yes, unless
    a person says otherwise. Wix is asked first then: whoever reached a milestone in the lost time has had its reward.
    A site of which Wix does not tell stays paused, and is asked about when it is resumed.
    """
    if command.milestone is not None:
        answer, _ = await _set(host, command, paused=False)
        return ResumeAnswer(**dict(answer))
    rewound = command.rewound
    async with host.runtime.store.read() as tx:
        concerned = await find_sites(tx, command.site)
        unheard = await _list_behind(tx, concerned, command) if rewound else []
    _, failed = await scan_each(host, unheard, report)
    if failed and len(failed) == len(concerned):
        first = next(iter(failed.values()))
        raise MilestonesError(
            f"Nothing goes on, since Wix could not be asked what has changed. {first}"
        ) from first
    answer, _ = await _set(host, command, paused=False, rewound=rewound, failed=failed)
    return ResumeAnswer(**dict(answer), not_asked=by_name(unheard, failed))


async def _list_behind(tx: Transaction, concerned: list[Site], command: Resume) -> list[Site]:
    """The sites of which Wix has not told yet what the database has missed."""
    if command.site is None and await heartbeat.get_hold(tx) is not None:
        return concerned
    behind = await heartbeat.list_behind(tx)
    return [site for site in concerned if site.id in behind]


async def reconcile(host: Host, report: Report[ScanReport] = lambda _report: None) -> Failed:
    """Hear from Wix what the database has missed. What it leads to is recorded, and waits for the end of the hold.

    Returns the sites of which Wix does not tell. Raises MilestonesError when it tells of none.
    """
    async with host.runtime.store.read() as tx:
        result = await sites.list_active(tx)
    _, failed = await scan_each(host, result, report)
    raise_if_all(result, failed)
    return failed


async def _set(
    host: Host,
    command: Pause | Resume,
    *,
    paused: bool,
    rewound: bool = False,
    failed: Failed | None = None,
) -> tuple[PauseAnswer, set[str]]:
    """What it came to, and the sites that it concerned."""
    milestone, site = command.milestone, command.site
    runtime, failed = host.runtime, failed or {}
    async with runtime.store.write() as tx:
        chosen = await find_sites(tx, site)
        reason = None
        if not paused and milestone is None:
            reason = await heartbeat.get_hold(tx) if site is None else None
            now = runtime.clock()
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
            await rests.forget(tx, runtime.clock(), ids)
        still = [key for where, key in await timeline.list_paused(tx) if where in ids and key is not None]
    if not concerned:
        raise UsageError(
            f"No site has a milestone {milestone!r}. Its key is the one in config.toml; a new one is known once "
            "the daemon has run with it."
        )
    runtime.tell(Outcome(wake=ids))
    answer = PauseAnswer(
        milestone=milestone,
        paused=paused,
        sites=tuple(one.name or one.id for one in concerned),
        milestones_paused=tuple(sorted(set(still))),
        hold_ended=reason,
    )
    return answer, ids


async def _caught_up(
    tx: Transaction, chosen: list[Site], now: datetime, *, hold: bool, rewound: bool, failed: Failed
) -> None:
    """These sites go on, from a hold or from where one had to leave them, but for those that failed."""
    behind = await heartbeat.list_behind(tx)
    ids = {site.id for site in chosen} - failed.keys()
    if hold:
        await heartbeat.resume(tx, now, rewound=rewound)
    elif rewound:
        await heartbeat.doubt(tx, now, behind & ids)
    await heartbeat.set_behind(tx, (behind - ids) | failed.keys())
