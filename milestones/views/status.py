"""How things stand: the values behind ``milestones status``."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from milestones.config.settings import Settings
from milestones.store import accounts, sites
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests
from milestones.store.tables import Scan, ScanState, Site
from milestones.store.views import lookup, timeline
from milestones.store.views.backlog import get_backlog
from milestones.views.notices import list_notices

UNTOLD_SINCE = timedelta(days=30)

MOST_SITES = 50
"""Sites that are shown one by one."""


@dataclass(frozen=True, slots=True)
class ScanStatus:
    """The newest scan of a kind. at: its end, or its start while it runs."""

    kind: str
    state: str
    at: datetime
    told: str


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site."""

    id: str
    name: str
    state: str
    paused: bool
    accounts: int
    go_live_at: datetime | None
    baseline_done_at: datetime | None
    program: str | None
    program_status: str | None
    scans: tuple[ScanStatus, ...]


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel of a site that does not work: since when, until when it rests, and why."""

    site: str
    kind: str
    since: datetime
    until: datetime
    failures: int
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """The whole of it. oldest: for how long the oldest due action has been due."""

    notices: tuple[str, ...]
    due: int
    oldest: timedelta | None
    held: int
    unknown: int
    discarded: int
    untold: int
    rejected: int
    resting: tuple[ChannelStatus, ...]
    sites: tuple[SiteStatus, ...]
    more_sites: int


async def get_status(tx: Transaction, settings: Settings, now: datetime) -> Status:
    """How things stand in the database."""
    backlog = await get_backlog(tx, now)
    tallies = await timeline.get_tallies(tx, now)
    known = await sites.list_sites(tx)
    return Status(
        notices=tuple(await list_notices(tx, settings, now)),
        due=backlog.due,
        oldest=backlog.oldest,
        held=tallies.held,
        unknown=tallies.unknown,
        discarded=tallies.discarded,
        untold=await lookup.count_untold(tx, now - UNTOLD_SINCE),
        rejected=await lookup.count_rejected(tx),
        resting=tuple(
            ChannelStatus(site_id, kind, rest.since, rest.until, rest.failures, rest.reason)
            for site_id, kind, rest in await rests.list_rests(tx, now, MOST_SITES)
        ),
        sites=tuple([await _site(tx, site) for site in known[:MOST_SITES]]),
        more_sites=max(len(known) - MOST_SITES, 0),
    )


async def _site(tx: Transaction, site: Site) -> SiteStatus:
    return SiteStatus(
        id=site.id,
        name=site.name or site.id,
        state=site.state,
        paused=site.paused,
        accounts=await accounts.count(tx, site.id),
        go_live_at=site.go_live_at,
        baseline_done_at=site.baseline_done_at,
        program=site.program_name,
        program_status=site.program_status,
        scans=tuple(map(_scan, await timeline.list_last_scans(tx, site.id))),
    )


def _scan(scan: Scan) -> ScanStatus:
    sentence = f"{scan.counts.get('read', 0):,} accounts"
    if unread := scan.counts.get("unreadable", 0):
        sentence += f", {unread:,} left out (`milestones rejected list`)"
    if near := scan.counts.get("near", 0):
        sentence += f", {near:,} to be reminded"
    if scan.state != ScanState.FINISHED:
        sentence = f"under way, {sentence} so far"
    if scan.error:
        sentence += f"; stopped: {scan.error}"
    return ScanStatus(scan.kind, scan.state, scan.finished_at or scan.started_at, sentence)
