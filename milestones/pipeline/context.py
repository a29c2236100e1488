"""What every step of the pipeline works with: the rules in force, the transaction under way, what was decided in it and
what it led to.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from milestones.domain.account import Version
from milestones.domain.actions import Context
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import Milestone
from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.store.database.store import Store, Transaction

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
