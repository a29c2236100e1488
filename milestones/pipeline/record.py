"""What was decided, as rows: grants, reminders and the actions they owe, counted against the breaker."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from milestones.domain.account import Definitions
from milestones.domain.actions import PlannedAction, plan_grant, plan_reminder
from milestones.domain.verdict import Verdict
from milestones.pipeline.context import Batch, Chosen, Owner, Reached, Rules, SiteRules
from milestones.pipeline.facts import StoredFacts
from milestones.pipeline.selection import find_still_due
from milestones.store.database.locks import lock_breaker
from milestones.store.database.store import Transaction
from milestones.store.outbox import ledger
from milestones.store.people import people
from milestones.store.tables import Grant, Reminder, Scan, Site

DAY = timedelta(hours=24)


class Stops:
    """Counts what is recorded against the breaker: past the limit, everything further is held."""

    def __init__(self, rules: SiteRules, site: Site, recent: Mapping[str, int]) -> None:
        self._rules = rules
        self._limit = rules.breaker.limit(site.accounts)
        self._counts = dict(recent)
        self.held = 0

    def next(self, milestone: str) -> Verdict | None:
        """The stop for one more grant or reminder of this milestone, or None."""
        self._counts[milestone] = self._counts.get(milestone, 0) + 1
        if self._rules.shadow:
            return Verdict.SHADOW
        if self._counts[milestone] > self._limit:
            self.held += 1
            return Verdict.BREAKER
        return None


def start_stops(rules: Rules, site: Site, recent: Mapping[str, int]) -> Stops:
    """Begin to count. recent: what was recorded in the last day, by milestone."""
    return Stops(rules.site(site.id), site, recent)


async def get_recent(tx: Transaction, site_id: str, now: datetime) -> Mapping[str, int]:
    """How many grants and reminders of a site count for the breaker, by milestone."""
    return await ledger.count_recent(tx, site_id, now - DAY)


async def _stops(work: Batch, site: Site) -> Stops:
    await lock_breaker(work.tx, site.id)
    return start_stops(work.rules, site, await get_recent(work.tx, site.id, work.now))


def plan_for_grant(
    rules: Rules, site_id: str, item: Reached, now: datetime
) -> tuple[Owner, Sequence[PlannedAction]]:
    """What a grant owes, and to whom."""
    owner = Owner(site_id, item.account_id, item.version.milestone.key, now)
    return owner, plan_grant(item.crossing, owner.context(rules))


def plan_for_reminder(
    rules: Rules, site_id: str, item: Chosen, definitions: Definitions, now: datetime
) -> tuple[Owner, Sequence[PlannedAction]]:
    """The mail that a reminder owes, and to whom."""
    owner = Owner(site_id, item.account_id, item.milestone, now)
    milestone = definitions.versions[item.milestone].milestone
    return owner, plan_reminder(milestone, item.value, item.approach, item.number, owner.context(rules))


async def record_grants(work: Batch, site: Site, found: Sequence[Reached]) -> None:
    """Write grants and the actions they owe. The caller looked, under the accounts' lock, that none exists."""
    rules = work.rules.site(site.id)
    stops = await _stops(work, site)
    grants, actions = [], []
    for item in found:
        version, crossing, milestone = item.version, item.crossing, item.version.milestone.key
        owner, planned = plan_for_grant(work.rules, site.id, item, work.now)
        grants.append(
            Grant(
                site_id=site.id,
                account_id=owner.account_id,
                milestone=milestone,
                occurrence=crossing.occurrence,
                version=version.number,
                revision=crossing.revision,
                stamped_at=crossing.at,
                value=crossing.value,
                source=item.source,
                configuration=rules.configuration,
                verdict=item.verdict,
                recorded_at=work.now,
            )
        )
        actions += ledger.action_rows(planned, **asdict(owner), stop=stops.next(milestone))
        work.outcome.granted[milestone] += 1
    await ledger.add_grants(work.tx, grants)
    await ledger.add_actions(work.tx, actions)
    await people.reconcile(work.tx, site.id, sorted({grant.account_id for grant in grants}), work.now)
    work.outcome.grants += len(grants)
    work.outcome.held += stops.held
    work.outcome.wake.add(site.id)


async def record_reminders(
    work: Batch, site: Site, definitions: Definitions, scan: Scan, chosen: Sequence[Chosen]
) -> None:
    """Write those of the chosen reminders that are still due, and the mails they owe. They are held until the scan is
    complete.
    """
    rules = work.rules.site(site.id)
    stops = await _stops(work, site)
    # Behind the lock that is taken for counting: on PostgreSQL, nobody else records reminders of this site meanwhile.
    facts = StoredFacts(work.tx, site.id, work.rules.secret)
    reminders, actions = [], []
    for item in await find_still_due(facts, definitions, chosen, work.now):
        owner, planned = plan_for_reminder(work.rules, site.id, item, definitions, work.now)
        reminders.append(
            Reminder(
                site_id=site.id,
                account_id=item.account_id,
                milestone=item.milestone,
                approach=item.approach,
                number=item.number,
                version=definitions.versions[item.milestone].number,
                value=item.value,
                scan_id=scan.id,
                configuration=rules.configuration,
                recorded_at=work.now,
            )
        )
        stop = stops.next(item.milestone) or Verdict.SCAN_UNDER_WAY
        actions += ledger.action_rows(planned, **asdict(owner), stop=stop, scan_id=scan.id)
    await ledger.add_reminders(work.tx, reminders)
    await ledger.add_actions(work.tx, actions)
    work.outcome.reminders += len(reminders)
    work.outcome.reminded.update(row.milestone for row in reminders)
    work.outcome.held += stops.held
