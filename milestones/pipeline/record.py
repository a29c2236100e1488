"""What was decided, as rows: grants, reminders and the actions they owe, counted against the breaker."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from milestones.domain.account import Definitions, Version
from milestones.domain.actions import Context, plan_grant, plan_reminder
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import Milestone
from milestones.domain.policy import Breaker
from milestones.domain.reminder import APART
from milestones.domain.verdict import Verdict
from milestones.store.database.store import Store, Transaction
from milestones.store.outbox import ledger
from milestones.store.outbox import reminders as ledger_reminders
from milestones.store.people import people
from milestones.store.tables import Grant, Reminder, Scan, Site

DAY = timedelta(hours=24)
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What the configuration says of one site.

    configuration: the hash of the configuration in force.
    shadow: decide and record everything, send nothing.
    timezone: whose days a coupon's validity counts.
    """

    milestones: tuple[Milestone, ...]
    breaker: Breaker
    configuration: str
    shadow: bool
    name: str | None = None
    timezone: ZoneInfo = UTC


class Rules(Protocol):
    """The configuration in force. A reload swaps it in one step."""

    secret: bytes

    def site(self, site_id: str) -> SiteRules:
        """The rules of a site, also of one that the configuration does not name."""

    def new_site(self, site_id: str) -> str:
        """What becomes of a site that is heard of for the first time: ``ignore``, ``observe`` or ``active``."""


@dataclass(slots=True)
class Outcome:
    """What a batch led to. ``wake``: sites with something to do now. ``erased``: somebody is gone."""

    grants: int = 0
    reminders: int = 0
    repeats: int = 0
    before_go_live: int = 0
    held: int = 0
    granted: Counter[str] = field(default_factory=Counter)
    reminded: Counter[str] = field(default_factory=Counter)
    observed: Counter[str] = field(default_factory=Counter)
    wake: set[str] = field(default_factory=set)
    new_sites: set[str] = field(default_factory=set)
    erased: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """One transaction under way: what every step of it needs."""

    store: Store
    tx: Transaction
    rules: Rules
    now: datetime
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reached:
    """A crossing to be granted. source: what showed it. verdict: CROSSED, or BACKFILLED by a person."""

    account_id: str
    version: Version
    crossing: Crossing
    source: str
    verdict: Verdict = Verdict.CROSSED


async def record_grants(work: Batch, site: Site, found: Sequence[Reached]) -> None:
    """Write grants and the actions they owe. The caller looked, under the accounts' lock, that none exists."""
    rules = work.rules.site(site.id)
    stops = await _stops(work, site)
    grants, actions = [], []
    for item in found:
        version, crossing, milestone = item.version, item.crossing, item.version.milestone.key
        owner = Owner(site.id, item.account_id, milestone, work.now)
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
        planned = plan_grant(crossing, owner.context(work.rules))
        actions += ledger.action_rows(planned, **asdict(owner), stop=stops.next(milestone))
        work.outcome.granted[milestone] += 1
    await ledger.add_grants(work.tx, grants)
    await ledger.add_actions(work.tx, actions)
    await people.reconcile(work.tx, site.id, sorted({grant.account_id for grant in grants}), work.now)
    work.outcome.grants += len(grants)
    work.outcome.held += stops.held
    work.outcome.wake.add(site.id)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom some actions are for, and since when they are owed."""

    site_id: str
    account_id: str
    milestone: str
    now: datetime

    def context(self, rules: Rules) -> Context:
        site = rules.site(self.site_id)
        return Context(
            self.site_id,
            self.account_id,
            rules.secret,
            now=self.now,
            timezone=site.timezone,
            configuration=site.configuration,
        )


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


async def _stops(work: Batch, site: Site) -> Stops:
    await ledger.count_alone(work.tx, site.id)
    return Stops(work.rules.site(site.id), site, await ledger.recent(work.tx, site.id, work.now - DAY))


@dataclass(frozen=True, slots=True)
class Chosen:
    """A near account that is to be reminded, as ``domain.reminder`` selected it.

    value: the measure now, in points.
    """

    account_id: str
    milestone: str
    approach: int
    number: int
    value: int


async def record_reminders(
    work: Batch, site: Site, definitions: Definitions, scan: Scan, chosen: Sequence[Chosen]
) -> None:
    """Write reminders and the mails they owe, unless they exist, or another one of the same person came first since they
    were chosen. They are held until the scan is complete.
    """
    rules = work.rules.site(site.id)
    past = await ledger.reminded(work.tx, site.id, [item.account_id for item in chosen])
    stops = await _stops(work, site)
    # Behind the lock that is taken for counting: on PostgreSQL, nobody else records reminders of this site meanwhile.
    told = await ledger_reminders.of_people(work.tx, site.id, [item.account_id for item in chosen])
    reminders, actions, taken = [], [], set[str]()
    for item in chosen:
        version, number = definitions.versions.get(item.milestone), item.number
        if version is None or version.milestone.missing(item.value) is None:
            # The configuration was reloaded since it was chosen.
            continue
        if any(
            (row.milestone, row.approach, row.number) == (item.milestone, item.approach, number)
            for row in past.get(item.account_id, [])
        ):
            continue
        person = told[item.account_id]
        just_told = any(work.now < at + APART for at in person.others)
        if person.waiting or just_told or not taken.isdisjoint(person.accounts):
            continue
        taken |= person.accounts
        owner = Owner(site.id, item.account_id, item.milestone, work.now)
        reminders.append(
            Reminder(
                site_id=site.id,
                account_id=item.account_id,
                milestone=item.milestone,
                approach=item.approach,
                number=number,
                version=version.number,
                value=item.value,
                scan_id=scan.id,
                configuration=rules.configuration,
                recorded_at=work.now,
            )
        )
        planned = plan_reminder(
            version.milestone, item.value, item.approach, number, owner.context(work.rules)
        )
        stop = stops.next(item.milestone) or Verdict.SCAN_UNDER_WAY
        actions += ledger.action_rows(planned, **asdict(owner), stop=stop, scan_id=scan.id)
    await ledger.add_reminders(work.tx, reminders)
    await ledger.add_actions(work.tx, actions)
    work.outcome.reminders += len(reminders)
    work.outcome.reminded.update(row.milestone for row in reminders)
    work.outcome.held += stops.held
