"""What must not be overlooked, wherever an overview is given: said loudly, and first."""

from datetime import datetime, tzinfo

from milestones.config.settings import Settings
from milestones.config.values import plural
from milestones.domain.observation import Measure
from milestones.kinds import registry
from milestones.store import agreements, programs, scans, sites
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests
from milestones.store.tables import SiteState
from milestones.store.views import links, timeline

MOST_PAUSES = 10
"""Pauses that are named one by one, and scans that stopped."""

MOST_RESTS = 10
"""Channels that do not work and are named one by one."""

MOST_NAMES = 5
"""Sites that a sentence names."""


def settings_notices(settings: Settings) -> list[str]:
    """What the configuration alone says."""
    told = []
    if settings.daemon.mode == "shadow":
        told.append("Shadow mode: everything is decided and recorded, and nothing is sent (daemon.mode).")
    return told + [f"{limit} (mail.only_to)." for limit in mail_limits(settings)]


def callback_notices(mistyped: int) -> list[str]:
    """Genuine webhooks that come to a mistyped address. mistyped: how many did, since the daemon started."""
    if not mistyped:
        return []
    came = "1 webhook" if mistyped == 1 else f"{mistyped:,} webhooks"
    sentence = (
        f"{came} of Wix came, since the daemon started, to another address than /webhooks/wix, and found the way all "
        "the same. Correct the callback in Wix's dashboard."
    )
    return [sentence]


def mail_limits(settings: Settings) -> list[str]:
    """For whom alone mail leaves, and of which sites where not of all. Names addresses, so it is for no log."""
    general = settings.mail.only_to
    sites: dict[tuple[str, ...], list[str]] = {}
    for site in settings.list_sites():
        sites.setdefault(site.mail.only_to, []).append(site.name)
    if sites.keys() <= {general}:
        return [f"Mail leaves only for {', '.join(general)}"] if general else []
    sites.setdefault(general, []).append("any other site")
    return [
        f"Mail of {_several(names)} leaves only for {', '.join(patterns)}"
        for patterns, names in sites.items()
        if patterns
    ]


def _several(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more:,} more" if more > 0 else "")


async def list_rest_notices(
    tx: Transaction, settings: Settings, now: datetime, site_id: str | None = None
) -> list[str]:
    """A sentence for each channel that does not work, of one site or of all: since when, why, and when it is tried again."""
    found = await rests.list_rests(tx, now, MOST_RESTS, site_id)
    names = await timeline.get_site_names(tx, {one for one, _, _ in found})
    told = []
    for where_at, kind, rest in found:
        zone = settings.for_site(where_at).timezone
        where = f" of {names[where_at]}" if where_at in names else ""
        again = f"Tried again at {_clock(rest.until, now, zone)}" if rest.until > now else "Tried again now"
        told.append(
            f"{registry.KINDS[kind].plural}{where} have not worked since {_clock(rest.since, now, zone)}. "
            f"{rest.reason} {again}; `milestones resume` or `milestones reload` tries at once."
        )
    more = sum((await rests.count_rests(tx, now)).values()) - len(found) if len(found) == MOST_RESTS else 0
    return [*told, f"{more:,} more channels do not work."] if more else told


def _clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """A time of the shop's day, with its date where that is not today's."""
    local = at.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == now.astimezone(zone).date() else f"{local:%Y-%m-%d %H:%M}"


async def find_stop(tx: Transaction, settings: Settings, site_id: str) -> str | None:
    """Why nothing that is due is done on a site, whatever it is; None where it is done."""
    if settings.daemon.mode == "shadow":
        return "Shadow mode: it is recorded, and nothing is sent until daemon.mode is live."
    if (reason := await heartbeat.get_hold(tx)) is not None:
        return f"Nothing is sent or given until `milestones resume`. {reason}"
    site = await sites.find_site(tx, site_id)
    if site is None or site.state != SiteState.ACTIVE:
        return "The site is not active in the configuration, so nothing is given there."
    return "Everything is paused on this site; `milestones resume` has it go on." if site.paused else None


async def list_notices(tx: Transaction, settings: Settings, now: datetime) -> list[str]:
    """Shadow mode, ``only_to``, what does not work, what is paused, scans that stopped, sites that are only observed."""
    told = settings_notices(settings) + await list_rest_notices(tx, settings, now)
    if (reason := await heartbeat.get_hold(tx)) is not None:
        told.insert(0, f"Nothing is sent or given until `milestones resume`. {reason}")
    stopped = await timeline.list_paused(tx)
    names = await timeline.get_site_names(tx, {site_id for site_id, _ in stopped})
    for site_id, milestone in stopped[:MOST_PAUSES]:
        what, go_on = (
            ("Everything", "") if milestone is None else (f"The milestone {milestone}", f" {milestone}")
        )
        where = f" on {names[site_id]}" if site_id in names else ""
        told.append(f"{what} is paused{where} (`milestones resume{go_on}`).")
    if len(stopped) > MOST_PAUSES:
        told.append(f"{len(stopped) - MOST_PAUSES:,} more pauses are in force (`milestones status`).")
    told += await list_scan_notices(tx)
    told += await list_program_notices(tx, settings)
    told += await list_sync_notices(tx)
    if number := await timeline.count_observed(tx):
        told.append(
            f"{number:,} site(s) send events and are not in the configuration: they are observed, and nothing is "
            "given there."
        )
    return told


async def list_program_notices(tx: Transaction, settings: Settings) -> list[str]:
    """Programs that stand still or are not as the file has them, and tiers that do not count where a milestone looks at
    them.
    """
    stopped = await programs.list_standstills(tx, MOST_PAUSES)
    drifts = await programs.list_drifts(tx, MOST_PAUSES)
    idle = [
        (site_id, status, keys)
        for site_id, status in await programs.list_idle_tiers(tx, MOST_PAUSES)
        if (keys := _by_tier_points(settings, site_id))
    ]
    about = {one[0] for one in stopped} | {one[0] for one in drifts} | {one[0] for one in idle}
    names = await timeline.get_site_names(tx, about)
    of = {site_id: f" of {names[site_id]}" if site_id in names else "" for site_id in about}
    told = [
        f"The loyalty program{of[site_id]} is {'paused' if status == 'PAUSED' else 'a draft'} at Wix: no points are earned "
        "or spent, and nothing is sent until it is active."
        for site_id, status in stopped
    ]
    told += [
        f"The tiers{of[site_id]} are {status.lower()} at Wix, so nobody has tier points: {', '.join(keys)} cannot be reached."
        for site_id, status, keys in idle
    ]
    for site_id, sentences in drifts:
        more = f" And {len(sentences) - 1} more." if len(sentences) > 1 else ""
        told.append(
            f"The loyalty program{of[site_id]} is not as the file has it. To do: {sentences[0]}{more} "
            "`milestones program plan` shows all of it; nothing is changed by itself."
        )
    differing = await programs.count_drifts(tx) if len(drifts) == MOST_PAUSES else 0
    more_sites = differing - len(drifts)
    return [*told, f"{more_sites:,} more programs differ."] if more_sites > 0 else told


def _by_tier_points(settings: Settings, site_id: str) -> list[str]:
    milestones = settings.for_site(site_id).milestones
    return [one.key for one in milestones if one.measure is Measure.TIER_POINTS]


async def list_sync_notices(tx: Transaction) -> list[str]:
    """Other programs that cannot be read, and members that a person must look at."""
    told = [
        f"The program {one.name} cannot be read, so nothing is kept in step with it: {one.failure}"
        for one in await agreements.list_failing(tx)
    ]
    for name, number in sorted((await links.count_listed(tx)).items()):
        told.append(
            f"{plural(number, 'member')} of {name} could not be merged and {'waits' if number == 1 else 'wait'} for a "
            "person (`milestones sync status`)."
        )
    return told


async def list_scan_notices(tx: Transaction) -> list[str]:
    """Scans that stopped at an error and have not come to their end since: what they would find is not found."""
    failing = await scans.list_failing(tx)
    names = await timeline.get_site_names(tx, {scan.site_id for scan in failing})
    told = [
        f"The scan {scan.kind}{f' of {names[scan.site_id]}' if scan.site_id in names else ''} has stopped, and is tried "
        f"again: {scan.error}"
        for scan in failing[:MOST_PAUSES]
    ]
    more = len(failing) - MOST_PAUSES
    return [*told, f"{more:,} more scans have stopped (`milestones status`)."] if more > 0 else told
