"""``backfill``: give a milestone to everybody who was above it already. The only gift without a crossing."""

from collections.abc import Mapping
from typing import Any

from milestones.commands.host import Host
from milestones.control import Progress
from milestones.domain.crossing import above
from milestones.domain.milestone import Milestone
from milestones.errors import UsageError
from milestones.pipeline import observe
from milestones.store import accounts
from milestones.store.outbox import ledger
from milestones.store.tables import Site
from milestones.store.views import lookup
from milestones.views.lookup import chosen_sites

BATCH = 200
"""Accounts of one transaction."""


async def backfill(host: Host, arguments: Mapping[str, Any], progress: Progress) -> Any:
    """Grant ``milestone`` to the accounts above it. With ``counts_only`` it counts and changes nothing.

    What is recorded passes the breaker like everything else: past its limit, actions are held. ``complete`` says of a
    site whether all its accounts were read yet; else there may be more.
    """
    key, counts_only = str(arguments["milestone"]), bool(arguments.get("counts_only"))
    async with host.program.store.read() as tx:
        chosen = await chosen_sites(tx, arguments.get("site"))
    told = []
    for site in chosen:
        milestone = next((m for m in host.program.rules.site(site.id).milestones if m.key == key), None)
        if milestone is not None:
            told.append(await _site(host, site, milestone, progress, counts_only=counts_only))
    if not told:
        raise UsageError(f"No site has a milestone {key!r}. Its key is the one in config.toml.")
    return {"milestone": key, "sites": told}


async def _site(
    host: Host, site: Site, milestone: Milestone, progress: Progress, *, counts_only: bool
) -> dict[str, Any]:
    program = host.program
    found: dict[str, Any] = {
        "site": site.name or site.id,
        "complete": site.baseline_done_at is not None,
        "accounts": 0,
        "grants": 0,
        "held": 0,
    }
    after: str | None = ""
    while after is not None:
        async with program.store.read() as tx:
            ids = await lookup.account_ids(tx, site.id, after, BATCH)
            known = await accounts.load(tx, site.id, ids)
            given = await ledger.given(tx, site.id, ids)
        owed = {
            account_id: len(crossings)
            for account_id, state in known.items()
            if state.erased_at is None
            and (crossings := above(milestone, state.now, given.get((account_id, milestone.key), [])))
        }
        found["accounts"] += len(owed)
        if counts_only:
            found["grants"] += sum(owed.values())
        elif owed:
            outcome = await observe.backfill(
                program.store, program.rules, site.id, milestone.key, list(owed), program.clock()
            )
            program.tell(outcome)
            found["grants"] += outcome.grants
            found["held"] += outcome.held
            progress({"site": found["site"], "grants": found["grants"]})
        after = ids[-1] if len(ids) == BATCH else None
    return found
