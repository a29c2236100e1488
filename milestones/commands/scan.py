"""Scans by command: for real, or as a dry run that reads, decides and forgets."""

from collections.abc import Sequence

from milestones.commands.host import Host
from milestones.commands.models.command import Report
from milestones.commands.models.scan import (
    DryRun,
    DryRunAnswer,
    Example,
    ScanAnswer,
    ScanDone,
    ScanReport,
    SiteDryRun,
    VerdictCount,
)
from milestones.commands.models.scan import Scan as ScanCommand
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, ConfigurationError, MilestonesError
from milestones.pipeline.selection import Answer
from milestones.scans.run import Kind, ScanWork
from milestones.scans.simulate import simulate_near
from milestones.store import scans
from milestones.store.tables import Scan, Site
from milestones.views.lookup import find_sites
from milestones.wix.pacing import a_person_waits

EXAMPLES = 20
"""Accounts that a dry run names for each verdict."""

KINDS = (Kind.REACHED, Kind.NEAR)
"""What "a scan" is: first who has arrived, so that nobody is told of a milestone that lies behind."""


Failed = dict[str, MilestonesError]
"""Sites by their id, and why Wix could not be asked about them."""


async def scan(host: Host, command: ScanCommand, report: Report[ScanReport]) -> ScanAnswer:
    """Look for crossings and near customers now, on one site or on all."""
    chosen = await _sites(host, command.site)
    done, failed = await scan_each(host, chosen, report)
    raise_if_all(chosen, failed)
    scans_done = [await _scan_done(host, site, one) for site, one in done]
    return ScanAnswer(scans=tuple(scans_done), failed=by_name(chosen, failed))


async def scan_each(
    host: Host, chosen: Sequence[Site], report: Report[ScanReport]
) -> tuple[list[tuple[Site, Scan]], Failed]:
    """Scan sites one after the other. One of which Wix does not tell, as when its key was withdrawn, keeps no other
    from its turn. Raises MilestonesError where the fault is our own.
    """
    done: list[tuple[Site, Scan]] = []
    failed: Failed = {}
    for site in chosen:
        try:
            for kind in KINDS:
                report(ScanReport(site=site.name or site.id, kind=kind.value))
                done.append((site, await host.scan(site.id, kind)))
        except (ChannelError, ConfigurationError) as error:
            failed[site.id] = error
    return done, failed


def raise_if_all(chosen: Sequence[Site], failed: Failed) -> None:
    """Raise what kept all from being done: where nothing at all could be done, that is the answer."""
    if failed and len(failed) == len(chosen):
        raise next(iter(failed.values()))


def by_name(chosen: Sequence[Site], failed: Failed) -> dict[str, str]:
    """What failed, as an answer tells it."""
    return {site.name or site.id: str(failed[site.id]) for site in chosen if site.id in failed}


async def _scan_done(host: Host, site: Site, done: Scan) -> ScanDone:
    async with host.runtime.store.read() as tx:
        last = await scans.find_last_finished(tx, site.id, done.kind)
    finished = last is not None and last.id == done.id
    return ScanDone(
        site=site.name or site.id,
        kind=done.kind,
        state="finished" if finished else "running",
        pages=done.pages,
        counts=dict(done.counts),
    )


async def dry_run(host: Host, command: DryRun, report: Report[ScanReport]) -> DryRunAnswer:
    """What a scan for near customers would decide now. Sends nothing and records nothing."""
    chosen = await _sites(host, command.site)
    decided: list[SiteDryRun] = []
    failed: Failed = {}
    for site in chosen:
        try:
            with a_person_waits():
                decided.append(await _decide(site, host.scan_work(site.id), report))
        except (ChannelError, ConfigurationError) as error:
            failed[site.id] = error
    raise_if_all(chosen, failed)
    return DryRunAnswer(sites=tuple(decided), failed=by_name(chosen, failed))


async def _sites(host: Host, named: str | None) -> list[Site]:
    async with host.runtime.store.read() as tx:
        return await find_sites(tx, named)


async def _decide(site: Site, work: ScanWork, report: Report[ScanReport]) -> SiteDryRun:
    name = site.name or site.id
    verdicts: dict[str, VerdictCount] = {}
    read = 0
    async for page in simulate_near(work):
        for answer in page.answers:
            _count(verdicts, work, answer)
        read += page.read
        report(ScanReport(site=name, kind=Kind.NEAR.value, read=read, total=page.total))
    rules = work.rules.site(site.id)
    return SiteDryRun(
        site=name,
        read=read,
        verdicts=verdicts,
        limit=rules.breaker.limit(site.accounts),
        shadow=rules.shadow,
    )


def _count(verdicts: dict[str, VerdictCount], work: ScanWork, answer: Answer) -> None:
    by_key = {milestone.key: milestone for milestone in work.selector.milestones}
    for key, verdict in answer.verdicts:
        value = answer.measures.of(by_key[key].measure)
        if verdict is Verdict.NOT_NEAR or value is None:
            # Of a customer who is near another milestone: true of almost everybody, and of no use.
            continue
        before = verdicts.get(verdict.value, VerdictCount(count=0, sentence=verdict.sentence, examples=()))
        examples = before.examples
        if len(examples) < EXAMPLES:
            missing = by_key[key].target(value) - value
            example = Example(account=answer.account_id, milestone=key, value=value, missing=missing)
            examples = (*examples, example)
        verdicts[verdict.value] = VerdictCount(
            count=before.count + 1, sentence=verdict.sentence, examples=examples
        )
