"""``verify``: every grant is recomputed from the observation log, and compared with what was given.

With ``online``, what Wix has is compared too: coupons by their code, badges by their assignments.
"""

from collections.abc import Mapping, Sequence

from milestones.commands.findings import Findings
from milestones.commands.host import Host
from milestones.commands.models.command import Report
from milestones.commands.models.verify import Verify, VerifyAnswer, VerifyReport
from milestones.commands.verify_wix import compare_wix
from milestones.domain.account import AccountState, Version, find_owed_under, history_for
from milestones.domain.crossing import Crossing, Given, find_owed
from milestones.domain.evidence import Evidence, evidence
from milestones.domain.milestone import Repeat
from milestones.domain.mute import Mute
from milestones.domain.observation import Point, Run
from milestones.domain.verdict import Verdict
from milestones.store import accounts, mutes, sites
from milestones.store.database.store import Transaction
from milestones.store.outbox import ledger
from milestones.store.tables import Grant, Site, SiteState
from milestones.store.views import lookup
from milestones.views.lookup import find_sites
from milestones.wix.pacing import a_person_waits

BATCH = 500


async def verify(host: Host, command: Verify, report: Report[VerifyReport]) -> VerifyAnswer:
    """Compare grants with the log, and with Wix if ``online``. Changes nothing."""
    result = Findings()
    async with host.runtime.store.read() as tx:
        chosen = await find_sites(tx, command.site)
    for site in chosen:
        if site.state == SiteState.ACTIVE:
            await _compare_log(host, site, result, report)
            if command.online:
                with a_person_waits():
                    await compare_wix(host, site, result, report)
    return VerifyAnswer(
        accounts=result.accounts,
        grants=result.grants,
        forgotten=result.forgotten,
        checked_in_wix=result.checked_in_wix,
        differences=tuple(result.differences),
    )


async def _compare_log(host: Host, site: Site, result: Findings, report: Report[VerifyReport]) -> None:
    """One batch of accounts in each transaction, so that a long look holds nobody up."""
    milestones = host.runtime.rules.site(site.id).milestones
    after: str | None = ""
    while after is not None:
        async with host.runtime.store.read() as tx:
            versions = await sites.get_versions(tx, site.id, milestones)
            shapes = await sites.get_all_versions(tx, site.id)
            ids = await lookup.list_account_ids(tx, site.id, after, BATCH)
            await _compare_batch(tx, site, ids, versions, shapes, result)
        result.accounts += len(ids)
        after = ids[-1] if len(ids) == BATCH else None
        report(VerifyReport(accounts=result.accounts, differences=len(result.differences)))


async def _compare_batch(
    tx: Transaction,
    site: Site,
    ids: Sequence[str],
    versions: Sequence[Version],
    shapes: Mapping[int, Version],
    result: Findings,
) -> None:
    states = await accounts.get_states(tx, site.id, ids)
    histories = await accounts.get_histories(tx, site.id, ids)
    muted = await mutes.get_mutes(tx, site.id, ids)
    grants = await lookup.get_grants_by_account(tx, site.id, ids)
    given = await ledger.get_grants(tx, site.id, ids)
    for account_id in ids:
        state, runs = states[account_id], histories[account_id]
        points = [Point(stamp, run.measures) for run in runs for stamp in run.stamps]
        kept_since = None if _is_whole(state, runs) else state.first
        of_this_history = [grant for grant in grants.get(account_id, []) if not _is_older(site, grant)]
        result.grants += len(grants.get(account_id, []))
        result.forgotten += len(grants.get(account_id, [])) - len(of_this_history)
        for grant in of_this_history:
            version = shapes.get(grant.version)
            if version is None:
                continue
            grant_row = _to_given(grant)
            from_zero = state.created_at is not None and state.created_at > version.activated_at
            verdict = evidence(
                version.milestone, grant_row, points, from_zero=from_zero, kept_since=kept_since
            )
            result.forgotten += verdict is Evidence.FORGOTTEN
            if verdict not in {Evidence.FOUND, Evidence.FORGOTTEN} and grant.verdict == "crossed":
                result.add(
                    "grant_without_evidence",
                    f"{grant.milestone} was given at revision {grant.revision} with {grant.value} points, and the "
                    f"log says: {verdict.value.replace('_', ' ')}.",
                    site,
                    account_id,
                    milestone=grant.milestone,
                )
        histories_of = _list_histories(state, runs, versions, muted.get(account_id, ()))
        _add_missing(site, account_id, histories_of, given, result)
        if kept_since is None:
            _add_doubled(site, account_id, histories_of, of_this_history, result)


def _is_older(site: Site, grant: Grant) -> bool:
    """Whether it was given in a history that was forgotten: since its app came back, a site has a new one."""
    return site.go_live_at is None or grant.recorded_at < site.go_live_at


def _is_whole(state: AccountState, runs: Sequence[Run]) -> bool:
    """Whether all that was seen is kept: retention takes the beginning of a history."""
    return state.ordinal == len(runs) - 1


def _to_given(grant: Grant) -> Given:
    return Given(grant.occurrence, grant.revision, grant.stamped_at, grant.value, version=grant.version)


def _list_histories(
    state: AccountState, runs: Sequence[Run], versions: Sequence[Version], muted: Sequence[Mute]
) -> list[tuple[Version, list[Point]]]:
    """What each version looks at. One that came into force after the account was last heard of looks at nothing yet."""
    return [
        (version, history_for(state, runs, version, muted))
        for version in versions
        if version.number <= state.definitions
    ]


def _add_missing(
    site: Site,
    account_id: str,
    histories: Sequence[tuple[Version, list[Point]]],
    given: Mapping[tuple[str, str], list[Given]],
    result: Findings,
) -> None:
    for version, history in histories:
        milestone = version.milestone
        for crossing in find_owed_under(version, history, given.get((account_id, milestone.key), [])):
            result.add(
                "grant_missing",
                f"The log shows that {milestone.key} was reached at revision {crossing.revision} with "
                f"{crossing.value} points, and no grant tells of it.",
                site,
                account_id,
                milestone=milestone.key,
            )


def _add_doubled(
    site: Site,
    account_id: str,
    histories: Sequence[tuple[Version, list[Point]]],
    grants: Sequence[Grant],
    result: Findings,
) -> None:
    """Of ONCE and LADDER the database refuses a second grant; of EVERY only its cycle tells that it is one."""
    for version, points in histories:
        milestone = version.milestone
        # What an older definition or a person gave for the past, or a merge handed down, belongs to no cycle.
        crossed = [one for one in grants if one.version == version.number and one.verdict == Verdict.CROSSED]
        if milestone.repeat is not Repeat.EVERY or len(crossed) < 2:
            continue
        cycles = {_place(crossing) for crossing in find_owed(milestone, points, [])}
        first: dict[tuple[int, int, int], Grant] = {}
        for grant in crossed:
            # What nobody would owe any more if this were the only grant.
            for cycle in cycles - {
                _place(crossing) for crossing in find_owed(milestone, points, [_to_given(grant)])
            }:
                earlier = first.setdefault(cycle, grant)
                if earlier is not grant:
                    result.add(
                        "grant_twice",
                        f"{milestone.key} was given at revision {earlier.revision} and again at revision "
                        f"{grant.revision}, and the log does not show a fall below {milestone.rearm_below} points "
                        "between them.",
                        site,
                        account_id,
                        milestone=milestone.key,
                    )


def _place(crossing: Crossing) -> tuple[int, int, int]:
    return crossing.revision, crossing.at, crossing.value
