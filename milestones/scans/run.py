"""One scan of one site: each page is observed, then selected, then remembered as done."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import structlog

from milestones.domain.observation import Measure, Observation, Source
from milestones.errors import ChannelError, ConfigurationError, MilestonesError, blame
from milestones.failpoints import reach
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.pipeline.facts import StoredFacts
from milestones.pipeline.selection import Answer
from milestones.scans import missing, pages, unreadable
from milestones.scans.selection import Selector, choose
from milestones.store import scans, sites
from milestones.store.database.store import Store, Transaction
from milestones.store.outbox import ledger
from milestones.store.tables import Scan, SiteState
from milestones.wix import accounts as wix_accounts
from milestones.wix.account import Account
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.paging import Page
from milestones.wix.transport import WixClient

log = structlog.get_logger()


class Kind(StrEnum):
    """What a scan asks."""

    BASELINE = "baseline"
    """Everybody, once, when a site is taken on. On its own it gives nothing."""
    NEAR = "near"
    """Whose measure lies in a near window: for reminders."""
    REACHED = "reached"
    """Who changed since the last time: for crossings that no event told of."""
    SWEEP = "sweep"
    """Everybody, slowly: for what the other two cannot ask, such as tier points."""


_SOURCES = {
    Kind.BASELINE: Source.BASELINE,
    Kind.NEAR: Source.NEAR,
    Kind.REACHED: Source.REACHED,
    Kind.SWEEP: Source.SWEEP,
}

_REMINDS = frozenset({Kind.NEAR, Kind.SWEEP})
_EVERYBODY = frozenset({Kind.BASELINE, Kind.SWEEP})

CLOCKS_APART = timedelta(days=1)
"""How far this machine's clock may be from Wix's. What changed is told by Wix's clock, and asked for by it."""

Progress = Callable[[Kind, int, int | None], None]


@dataclass(frozen=True, slots=True)
class ScanWork:
    """What scanning one site needs.

    lag: how far *reached* looks back behind the last one, since search lags behind writes.
    tell: is given each outcome after its commit.
    skipped: is told the kind of a scan for each account that it had to leave out.
    progress: is told the kind of a scan, how many accounts it read so far, and of how many if that is known.
    """

    site_id: str
    store: Store
    rules: Rules
    client: WixClient
    selector: Selector
    lag: timedelta
    clock: Callable[[], datetime]
    tell: Callable[[Outcome], None]
    skipped: Callable[[str], None] = lambda _kind: None
    stopping: Callable[[], bool] = lambda: False
    progress: Progress = lambda _kind, _read, _total: None

    def look(self, tx: Transaction) -> StoredFacts:
        """What is known of the site's accounts."""
        return StoredFacts(tx, self.site_id, self.rules.secret)


class SiteNotActiveError(MilestonesError):
    """The site is not to be scanned: Wix would refuse every call, or nobody takes what it tells."""


async def run(work: ScanWork, kind: Kind) -> Scan:
    """Run a scan, or go on with the one that stopped.

    Raises ChannelError or StoreError; it can then go on later. Raises SiteNotActiveError.
    """
    async with work.store.write() as tx:
        site = await sites.find_site(tx, work.site_id)
        if site is None or site.state != SiteState.ACTIVE:
            raise SiteNotActiveError("The site is only observed, or its app was removed: it is not scanned.")
        scan = await scans.start(tx, work.site_id, kind, work.clock())
    reach("scan.begun")
    try:
        await _read(work, kind, scan)
        if kind is Kind.SWEEP and not work.stopping():
            work.tell(await missing.check_missing(_search(work), scan.started_at, work.clock()))
    except (ChannelError, ConfigurationError) as error:
        await _note_failure(work, scan, str(error))
        raise
    except MilestonesError:
        # The database cannot be written; what is known of the scan is what it was told last.
        raise
    except Exception as error:
        await _note_failure(work, scan, f"This is a fault of the program: {blame(error)}. The log has more.")
        raise
    if work.stopping():
        return scan
    await _finish(work, kind, scan)
    return scan


async def _note_failure(work: ScanWork, scan: Scan, why: str) -> None:
    async with work.store.write() as tx:
        await scans.fail(tx, scan, why)


def _search(work: ScanWork) -> missing.Search:
    return missing.Search(work.site_id, work.store, work.rules, work.client)


async def _pages(work: ScanWork, kind: Kind, scan: Scan) -> AsyncIterator[Page[Account]]:
    """The pages behind the one at which the scan stopped; all of them where Wix has forgotten the place."""
    if scan.pages and scan.cursor is None:
        # It stopped behind its last page.
        return
    try:
        async for page in await _source(work, kind, scan.cursor):
            yield page
    except (WixRefusedError, WixConflictError):
        if scan.cursor is None:
            raise
        log.info("scan_restarted", site=work.site_id, kind=kind.value, scan=scan.id)
        scan.cursor, scan.pages = None, 0
        scan.counts = {**scan.counts, "read": 0, "unreadable": 0}
    else:
        return
    # What was recorded before is recognised.
    async for page in await _source(work, kind, None):
        yield page


async def _read(work: ScanWork, kind: Kind, scan: Scan) -> None:
    total = await wix_accounts.count(work.client) if kind in _EVERYBODY else None
    async for page in _pages(work, kind, scan):
        now = work.clock()
        seen = [pages.observation(account, _SOURCES[kind], now) for account in page.items]
        seen, unread = await unreadable.observe_page(work, kind, seen, page, now)
        if kind is Kind.SWEEP:
            work.tell(await missing.note_page(_search(work), page, now))
        if kind in _REMINDS:
            await _select(work, scan, seen, now)
        scan.counts = _add(scan.counts, {"read": len(seen), "unreadable": unread})
        scan.cursor, scan.pages = page.next_cursor, scan.pages + 1
        if kind is Kind.REACHED:
            scan.watermark = _newest_change(scan, page)
        async with work.store.write() as tx:
            await scans.save_page(tx, scan)
        reach("scan.page_recorded")
        work.progress(kind, scan.counts["read"], total)
        if work.stopping():
            return


def _newest_change(scan: Scan, page: Page[Account]) -> datetime | None:
    """The newest change that Wix has shown to this scan and those before it, but for one that lies in the future: the
    next scan would find nothing until then.
    """
    latest = scan.started_at + CLOCKS_APART
    changes = [at for account in page.items if (at := account.updated_date) is not None and at <= latest]
    return max((*changes, *([scan.watermark] if scan.watermark else [])), default=None)


async def _source(work: ScanWork, kind: Kind, cursor: str | None) -> AsyncIterator[Page[Account]]:
    if kind is Kind.NEAR:
        return pages.list_near(work.client, await find_windows(work), cursor)
    if kind is Kind.REACHED:
        async with work.store.read() as tx:
            last = await scans.find_last_finished(tx, work.site_id, kind)
            site = await sites.find_site(tx, work.site_id)
        if last is not None and last.watermark is not None:
            since = last.watermark - work.lag
        else:
            assert site is not None, "it is being scanned"
            assert site.go_live_at is not None, "an active site has gone live"
            since = site.go_live_at - max(work.lag, CLOCKS_APART)
        return pages.list_changed(work.client, since, cursor)
    return pages.list_everybody(work.client, cursor)


async def find_windows(work: ScanWork) -> list[pages.Window]:
    """The near windows of the site's milestones, as far as anybody has come."""
    async with work.store.read() as tx:
        highest = {
            measure: await scans.get_highest(tx, work.site_id, measure.value)
            for measure in (Measure.BALANCE, Measure.EARNED)
        }
    return pages.windows(work.selector.milestones, highest)


async def _select(work: ScanWork, scan: Scan, seen: list[Observation], now: datetime) -> None:
    answers = await choose(work.selector, work.look, seen, now)
    if not answers:
        return
    chosen = [chosen for answer in answers if (chosen := answer.chosen) is not None]
    if chosen:
        work.tell(await observe.remind(work.store, work.rules, scan, chosen, now))
    traces = [(answer.account_id, key, verdict) for answer in answers for key, verdict in answer.verdicts]
    async with work.store.write() as tx:
        await ledger.add_traces(tx, work.site_id, "reminder", traces, now)
    scan.counts = _add(scan.counts, count_verdicts(answers))


def count_verdicts(answers: list[Answer]) -> dict[str, int]:
    """How often each verdict was given, over all milestones."""
    counts: dict[str, int] = {}
    for answer in answers:
        for _, verdict in answer.verdicts:
            counts[verdict.value] = counts.get(verdict.value, 0) + 1
    return counts


def _add(counts: Mapping[str, int], more: Mapping[str, int]) -> dict[str, int]:
    return {key: counts.get(key, 0) + more.get(key, 0) for key in {**counts, **more}}


async def _finish(work: ScanWork, kind: Kind, scan: Scan) -> None:
    now = work.clock()
    async with work.store.write() as tx:
        if kind in _EVERYBODY:
            await sites.change(tx, work.site_id, accounts=scan.counts.get("read", 0))
        if kind is Kind.BASELINE:
            await sites.change(tx, work.site_id, baseline_done_at=now)
        site = await sites.find_site(tx, work.site_id)
        assert site is not None, "it was scanned"
        limit = work.rules.site(work.site_id).breaker.limit(site.accounts)
        reach("scan.before_finish")
        held = await scans.finish(tx, scan, limit, now)
    reach("scan.finished")
    log.info("scan_finished", site=work.site_id, kind=kind.value, scan=scan.id, **scan.counts)
    for milestone, number in held.items():
        log.warning("breaker_holds", site=work.site_id, milestone=milestone, held=number, limit=limit)
    work.tell(Outcome(wake={work.site_id}))
