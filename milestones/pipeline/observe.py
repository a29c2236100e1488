"""The one path: observe -> decide -> record. Whatever is heard or read of an account goes through here.

``hear`` takes what webhooks tell and ``observe`` what scans read; ``remind`` records the reminders that a scan
selected, and ``backfill`` gives what a person orders to be given. Each ends in one transaction that holds the
accounts, their history, the grants and reminders, and the actions that these owe. Only after it does anybody answer
Wix or send anything.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from milestones.domain.account import AccountState, Definitions, Taken
from milestones.domain.actions import Need
from milestones.domain.crossing import above
from milestones.domain.event import AccountSeen, Heard
from milestones.domain.observation import Observation, Source
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.failpoints import reach
from milestones.pipeline import judge, lifecycle
from milestones.pipeline.context import Batch, Chosen, Outcome, Reached, Rules
from milestones.pipeline.facts import StoredFacts
from milestones.pipeline.record import record_grants, record_reminders
from milestones.store import accounts, mutes, sites
from milestones.store.database.locks import lock_accounts, lock_site
from milestones.store.database.store import InForce, Store, retry_races
from milestones.store.mutes import Ended
from milestones.store.outbox import ledger
from milestones.store.people import erasure, people
from milestones.store.people.turns import take_turn
from milestones.store.tables import Scan, Site, SiteState

MUTES_AT_ONCE = 200
"""Mutes that one transaction closes."""


@retry_races
async def hear(store: Store, rules: Rules, batch: Sequence[Heard], now: datetime) -> Outcome:
    """Record what Wix told, in one transaction. Raises StoreUnavailableError; then nothing of it is kept."""
    outcome = Outcome()
    async with store.write() as tx:
        work = Batch(store, tx, rules, now, outcome)
        seen = [
            (item.site_id, item.event.observation) for item in batch if isinstance(item.event, AccountSeen)
        ]
        await take_turn(tx, rules.secret, seen, [(item.site_id, item.event) for item in batch])
        for site_id in sorted({item.site_id for item in batch}):
            heard = [item for item in batch if item.site_id == site_id]
            site = await lifecycle.find_site(work, heard)
            # First of all, so that nobody is written down who is gone; and of sites that are not active too.
            for item in heard:
                await lifecycle.forget_gone(work, item)
            if site is None:
                continue
            await _observe(work, site, [item for of_site, item in seen if of_site == site_id])
            for item in heard:
                await lifecycle.record_subscription(work, item)
        reach("hear.before_commit")
    reach("hear.committed")
    return outcome


@retry_races
async def observe(
    store: Store, rules: Rules, site_id: str, observations: Sequence[Observation], now: datetime
) -> Outcome:
    """Record what a scan, the baseline, an import or an action read, exactly as an event that told the same."""
    outcome = Outcome()
    async with store.write() as tx:
        await take_turn(tx, rules.secret, [(site_id, item) for item in observations])
        site = await sites.find_site(tx, site_id)
        if site is not None and site.state == SiteState.ACTIVE:
            await _observe(Batch(store, tx, rules, now, outcome), site, observations)
        reach("observe.before_commit")
    reach("observe.committed")
    return outcome


async def _observe(work: Batch, site: Site, observations: Sequence[Observation]) -> None:
    assert site.go_live_at is not None, "an active site has gone live"
    by_account, earlier = judge.group_by_account(observations, site.go_live_at, work.now)
    work.outcome.before_go_live += earlier
    if not by_account:
        return
    definitions = await _definitions(work, site)
    facts = StoredFacts(work.tx, site.id, work.rules.secret)
    known = await facts.get_states(by_account)
    taken = await judge.place_observations(facts, definitions, by_account, known)
    work.outcome.repeats += len(by_account) - len(taken)
    work.outcome.observed.update(item.source.value for item in taken)
    await _erase_gone(work, site.id, taken, known)
    await accounts.save(work.tx, site.id, work.rules.secret, taken, work.now, known)
    await _reconcile(work, site.id, taken, known)
    await _wake(work, site.id, taken, known)
    crossed = [item for item in taken if item.crossed]
    if crossed:
        owed = await judge.find_owed(facts, definitions, crossed)
        await accounts.wake_settling(work.tx, site.id, owed.still_reached, work.now)
        if owed.grants:
            await record_grants(work, site, owed.grants)


async def _definitions(work: Batch, site: Site) -> Definitions:
    """The site's definitions. They are read when they or the configuration changed, and not for every event: what an
    event costs does not depend on how many there are.

    site: as it is in this transaction.
    """
    milestones = work.rules.site(site.id).milestones
    known = work.store.in_force.get(site.id)
    if known is not None and known.changes == site.definitions and known.milestones is milestones:
        return known.definitions
    definitions = await sites.define(work.tx, site.id, milestones, work.now)
    now = await sites.find_site(work.tx, site.id)
    # What this transaction changes is not remembered: it may still be undone.
    if now is not None and now.definitions == site.definitions:
        work.store.in_force[site.id] = InForce(site.definitions, milestones, definitions)
    return definitions


async def _erase_gone(
    work: Batch, site_id: str, taken: Iterable[Taken], known: Mapping[str, AccountState]
) -> None:
    """Accounts that turn out to be of somebody who is gone, while the rows still tell whose they were."""
    turned_out = [
        item.state.account_id
        for item in taken
        if item.state.erased_at is not None
        and (before := known.get(item.state.account_id)) is not None
        and before.erased_at is None
    ]
    if turned_out:
        await erasure.erase(work.tx, site_id, turned_out, work.now)
        work.outcome.erased = True


async def _reconcile(
    work: Batch, site_id: str, taken: Iterable[Taken], known: Mapping[str, AccountState]
) -> None:
    """Accounts of which a contact was not known before: it may have been merged, or have inherited."""
    told = [
        item.state.account_id
        for item in taken
        if (contact_id := item.state.customer.contact_id) is not None
        and ((before := known.get(item.state.account_id)) is None or before.customer.contact_id != contact_id)
    ]
    if told:
        await people.reconcile(work.tx, site_id, told, work.now)


async def _wake(work: Batch, site_id: str, taken: Iterable[Taken], known: Mapping[str, AccountState]) -> None:
    """What waited for these customers to be members, or for consent and now has another address to ask for."""
    joined, moved = [], []
    for item in taken:
        account_id, customer = item.state.account_id, item.state.customer
        if (before := known.get(account_id)) is None:
            continue
        if customer.member_id is not None and before.customer.member_id is None:
            joined.append(account_id)
        if customer.email is not None and customer.email != before.customer.email:
            moved.append(account_id)
    await accounts.wake(work.tx, site_id, Need.MEMBER, joined, work.now)
    await accounts.wake(work.tx, site_id, Need.CONSENT, moved, work.now)
    if joined or moved:
        work.outcome.wake.add(site_id)


@retry_races
async def close_mutes(store: Store, rules: Rules, site_id: str, now: datetime) -> Outcome:
    """Close the mutes of a site of which it is told what became of them, some at a time, and decide what was kept
    undecided meanwhile. What happened is written down from both its ends, as if Wix had told of it at once.
    """
    outcome = Outcome()
    async with store.write() as tx:
        await lock_site(tx, site_id)
        ended = await mutes.list_ended(tx, site_id, MUTES_AT_ONCE)
        concerned = sorted({item.account_id for item in ended})
        await lock_accounts(tx, ((site_id, account_id) for account_id in concerned))
        site = await sites.find_site(tx, site_id)
        if site is not None and site.state == SiteState.ACTIVE and ended:
            work = Batch(store, tx, rules, now, outcome)
            facts = StoredFacts(tx, site_id, rules.secret)
            happened = await judge.find_happened(facts, ended)
            undone = [item.key for item in ended if item not in happened]
            await mutes.close(tx, [item.key for item in happened], undone, now)
            await _observe(work, site, [seen for item in happened for seen in _ends(item, now)])
            await _decide_anew(work, site, concerned)
    return outcome


def _ends(item: Ended, now: datetime) -> list[Observation]:
    points = item.mute.before, item.mute.after
    return [Observation(item.account_id, point, Source.IMPORT, now) for point in points]


async def _decide_anew(work: Batch, site: Site, account_ids: Sequence[str]) -> None:
    definitions = await _definitions(work, site)
    facts = StoredFacts(work.tx, site.id, work.rules.secret)
    states = await facts.get_states(account_ids)
    owed = await judge.find_owed_anew(facts, definitions, states.values())
    await accounts.wake_settling(work.tx, site.id, owed.still_reached, work.now)
    if owed.grants:
        await record_grants(work, site, owed.grants)


@retry_races
async def remind(store: Store, rules: Rules, scan: Scan, chosen: Sequence[Chosen], now: datetime) -> Outcome:
    """Record reminders and the mails they owe. They are held back until the scan that found them is complete."""
    outcome = Outcome()
    async with store.write() as tx:
        work = Batch(store, tx, rules, now, outcome)
        site = await sites.find_site(tx, scan.site_id)
        assert site is not None, "a scan is of a known site"
        definitions = await _definitions(work, site)
        await lock_accounts(tx, ((site.id, item.account_id) for item in chosen))
        await record_reminders(work, site, definitions, scan, chosen)
        reach("remind.before_commit")
    reach("remind.committed")
    return outcome


@retry_races
async def backfill(
    store: Store, rules: Rules, site_id: str, key: str, account_ids: Sequence[str], now: datetime
) -> Outcome:
    """Give a milestone to those of these accounts that are at or above it and were not given it.

    The one way in which anything is given without a crossing; a person asked for it. Raises UsageError where no such
    milestone is in force.
    """
    outcome = Outcome()
    async with store.write() as tx:
        work = Batch(store, tx, rules, now, outcome)
        site = await sites.find_site(tx, site_id)
        assert site is not None, "the order is for a known site"
        definitions = await _definitions(work, site)
        version = definitions.versions.get(key)
        if version is None:
            raise UsageError(f"The milestone {key} was taken out of the configuration meanwhile.")
        await lock_accounts(tx, ((site_id, account_id) for account_id in account_ids))
        known = await accounts.get_states(tx, site_id, account_ids)
        given = await ledger.get_grants(tx, site_id, known)
        await record_grants(
            work,
            site,
            [
                Reached(account_id, version, crossing, "backfill", Verdict.BACKFILLED)
                for account_id, state in known.items()
                if state.erased_at is None
                for crossing in above(version.milestone, state.now, given.get((account_id, key), []))
            ],
        )
    return outcome
