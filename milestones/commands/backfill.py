"""``backfill``: give a milestone to everybody who was above it already. The only gift without a crossing."""

from milestones.commands.host import Host
from milestones.commands.models.backfill import Backfill, BackfillAnswer, BackfillReport, SiteBackfill
from milestones.commands.models.command import Report
from milestones.domain.crossing import above
from milestones.domain.milestone import Milestone
from milestones.errors import UsageError
from milestones.pipeline import observe
from milestones.store import accounts
from milestones.store.outbox import ledger
from milestones.store.tables import Site
from milestones.store.views import lookup
from milestones.views.lookup import find_sites

BATCH = 200
"""Accounts of one transaction."""


async def backfill(host: Host, command: Backfill, report: Report[BackfillReport]) -> BackfillAnswer:
    """Grant a milestone to the accounts above it, or count them. Raises UsageError where no site has it."""
    key = command.milestone
    async with host.runtime.store.read() as tx:
        chosen = await find_sites(tx, command.site)
    result = []
    for site in chosen:
        milestone = next((m for m in host.runtime.rules.site(site.id).milestones if m.key == key), None)
        if milestone is not None:
            result.append(await _site(host, site, milestone, report, counts_only=command.counts_only))
    if not result:
        raise UsageError(f"No site has a milestone {key!r}. Its key is the one in config.toml.")
    return BackfillAnswer(milestone=key, sites=tuple(result))


async def _site(
    host: Host, site: Site, milestone: Milestone, report: Report[BackfillReport], *, counts_only: bool
) -> SiteBackfill:
    runtime, name = host.runtime, site.name or site.id
    above_it = grants = held = 0
    after: str | None = ""
    while after is not None:
        async with runtime.store.read() as tx:
            ids = await lookup.list_account_ids(tx, site.id, after, BATCH)
            known = await accounts.get_states(tx, site.id, ids)
            given = await ledger.get_grants(tx, site.id, ids)
        owed = {
            account_id: len(crossings)
            for account_id, state in known.items()
            if state.erased_at is None
            and (crossings := above(milestone, state.now, given.get((account_id, milestone.key), [])))
        }
        above_it += len(owed)
        if counts_only:
            grants += sum(owed.values())
        elif owed:
            outcome = await observe.backfill(
                runtime.store, runtime.rules, site.id, milestone.key, list(owed), runtime.clock()
            )
            runtime.tell(outcome)
            grants += outcome.grants
            held += outcome.held
            report(BackfillReport(site=name, grants=grants))
        after = ids[-1] if len(ids) == BATCH else None
    complete = site.baseline_done_at is not None
    return SiteBackfill(site=name, complete=complete, accounts=above_it, grants=grants, held=held)
