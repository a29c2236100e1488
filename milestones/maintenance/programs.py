"""Looks after what no event tells: a program that was paused, tiers that were switched off, coupons that were used, and a
site that is no longer as the file has it. It tells, and changes nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from milestones.config import Settings
from milestones.errors import ChannelError, ConfigurationError
from milestones.kinds.redemption.coupons import follow_coupons
from milestones.maintenance.service import pause, repeat
from milestones.program.apply import Work, look, make_plan
from milestones.program.journal import Journal
from milestones.program.plan import Plan
from milestones.store import programs, sites
from milestones.store.database.store import Store
from milestones.store.tables import Site
from milestones.wix import programs as wix_programs
from milestones.wix import tiers
from milestones.wix.errors import WixNotFoundError
from milestones.wix.transport import WixClient

log = structlog.get_logger()

FIRST_AFTER = 60.0
"""Seconds after the start, when nobody waits any more."""

PERIOD = 900.0
"""Seconds between two looks at what no event tells."""

CLOCKS = timedelta(minutes=1)
"""By how much this machine's clock and Wix's may differ."""

DAILY = timedelta(days=1)
"""How old a comparison with the file may be."""

BURST = 30.0
"""Seconds that are waited after an event: in the dashboard one change seldom comes alone."""

MOST_SENTENCES = 20
"""Of one site; the plan has them all."""

_EVENTS = (
    "wix.loyalty.v1.program_",
    "wix.loyalty.v1.loyalty_earning_rule_",
    "wix.loyalty.v1.reward_",
    "wix.loyalty.v1.tier_",
    "wix.badges.v4.badge_created",
    "wix.badges.v4.badge_updated",
    "wix.badges.v4.badge_deleted",
)


@dataclass(slots=True)
class Watch:
    """What watching needs. client: a site's access to Wix. settings: the configuration in force."""

    store: Store
    client: Callable[[str], WixClient]
    settings: Callable[[], Settings]
    clock: Callable[[], datetime]
    changed: set[str] = field(default_factory=set)
    bell: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, site_id: str, event_type: str) -> None:
        """Note an event that may tell of a change in a program."""
        if event_type.startswith(_EVENTS):
            self.changed.add(site_id)
            self.bell.set()


async def keep_watching(watch: Watch, stop: asyncio.Event) -> None:
    """Look every quarter of an hour at what no event tells, daily and after an event at the whole program."""

    async def work() -> None:
        if watch.changed:
            await pause(BURST, stop)
        changed, watch.changed = watch.changed, set()
        async with watch.store.read() as tx:
            active = await sites.list_active(tx)
        for site in active:
            if stop.is_set():
                return
            try:
                await check(watch, site, heard=site.id in changed)
            except (ChannelError, ConfigurationError) as error:
                # The site's turn comes again; what concerns its mails and rewards is told where they rest.
                log.info("program_not_read", site=site.id, reason=str(error))

    await pause(FIRST_AFTER, stop)
    await repeat(work, stop, every=PERIOD, failure="programs_not_watched", woken=watch.bell)


async def check(watch: Watch, site: Site, *, heard: bool = False) -> None:
    """Look at one site. heard: an event told of a change. Raises WixError, ConfigurationError and StoreError."""
    settings, now = watch.settings(), watch.clock()
    async with watch.store.read() as tx:
        polled = await programs.find_poll(tx, site.id)
        last = await programs.find_look(tx, site.id)
    if not sites.is_fresh(polled, now, timedelta(seconds=PERIOD)):
        await _poll(watch, site, polled)
    fresh = last is not None and last.configuration == settings.hash and sites.is_fresh(last.at, now, DAILY)
    if not fresh or heard:
        await _compare(watch, site, settings)


async def _poll(watch: Watch, site: Site, polled: datetime | None) -> None:
    """Ask what no event tells. polled: when that was last."""
    client, now = watch.client(site.id), watch.clock()
    # Whoever gives points asks for the program more often than this.
    if not sites.is_fresh(site.program_checked_at, now, timedelta(seconds=PERIOD)):
        await _poll_program(watch, client, site)
    try:
        status = (await tiers.settings(client)).status.value
    except WixNotFoundError:
        status = tiers.TiersStatus.DISABLED.value
    lag = watch.settings().wix.query_lag + CLOCKS
    await follow_coupons(watch.store, client, site.id, (polled or now - DAILY) - lag)
    async with watch.store.write() as tx:
        await programs.set_tiers_status(tx, site.id, status)
        await programs.set_poll(tx, site.id, now)


async def _poll_program(watch: Watch, client: WixClient, site: Site) -> None:
    program = await wix_programs.get(client)
    facts = {
        "status": program.status.value,
        "name": program.name or site.name or "the shop",
        "points_name": program.points_name,
    }
    async with watch.store.write() as tx:
        await sites.set_program(tx, site.id, facts, watch.clock())


async def _compare(watch: Watch, site: Site, settings: Settings) -> None:
    wanted = settings.for_site(site.id).program
    drift: list[str] = []
    if wanted.says_something:
        journal = Journal(watch.store, site.id, settings.wix.query_lag, watch.clock)
        work = Work(watch.client(site.id), wanted, journal)
        drift = sentences(make_plan(work, await look(work)))
    async with watch.store.write() as tx:
        await programs.set_drift(tx, site.id, drift, programs.Look(watch.clock(), settings.hash))
    if drift:
        log.warning("program_differs", site=site.id, differences=len(drift), look="milestones program plan")


def sentences(plan: Plan) -> list[str]:
    """How a site differs from the file, as it is shown."""
    return [*plan.refusals, *(step.sentence for step in plan.steps)][:MOST_SENTENCES]
