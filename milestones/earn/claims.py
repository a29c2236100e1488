"""Claim links: a page for each customer and rule, whose click earns once. No network says who follows whom.

Whatever the rules say of a link that came by mail is looked at when it is opened, and again when it is clicked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from milestones.domain import keys
from milestones.domain.earn import ClaimRule, EarnRule
from milestones.domain.order import Person
from milestones.earn.reading import Wanted
from milestones.earn.record import Outcome, Recorder
from milestones.errors import UsageError
from milestones.pipeline.context import Outcome as Committed
from milestones.store.outbox import orders

_log = structlog.get_logger(__name__)

_DONE = frozenset({Outcome.EARNED, Outcome.REPEATED, Outcome.LIMITED})


class Standing(StrEnum):
    """What a link is worth now."""

    OPEN = "open"
    OVER = "over"
    """It expired, or its rule or its customer is gone."""
    UNKNOWN = "unknown"
    """We did not make it, or not all of it came."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A link that somebody looks at. url, title, points: of one that is open."""

    standing: Standing
    url: str = ""
    title: str = ""
    points: int = 0


@dataclass(frozen=True, slots=True)
class _Link:
    """A link that is open: of which rule, and whose."""

    rule: EarnRule
    claim: ClaimRule
    account: str

    def describe(self) -> Opened:
        return Opened(Standing.OPEN, self.claim.url, self.claim.title, self.rule.points)


@dataclass(frozen=True, slots=True)
class ClaimDoor:
    """See ``door.EarnDoor`` for what it is given. Nothing is kept here, so that any replica serves any link."""

    recorder: Recorder
    rules: Callable[[], Sequence[EarnRule]]
    site_id: Callable[[str], str | None]
    clock: Callable[[], datetime]
    tell: Callable[[Committed], None]
    count: Callable[[str, str, int], None]

    def look(self, token: str) -> Opened:
        """What a link is worth now. Changes nothing, since scanners follow links."""
        found = self._find(token)
        return found.describe() if isinstance(found, _Link) else Opened(found)

    async def claim(self, token: str) -> Opened:
        """Give the points of a link, once, and say where to go on. Raises StoreError."""
        found = self._find(token)
        if not isinstance(found, _Link):
            return Opened(found)
        site_id = self.site_id(found.rule.site)
        outcome = Outcome.UNREAD if site_id is None else await self._record(site_id, found)
        self.count(found.rule.name, outcome, 1)
        return found.describe() if outcome in _DONE else Opened(Standing.OVER)

    async def _record(self, site_id: str, link: _Link) -> Outcome:
        now = self.clock()
        wanted = Wanted(("claim", link.account), link.rule.points, Person(account_id=link.account))
        owner = self.recorder.ask(site_id, link.rule, wanted).owner(self.recorder.rules.secret)
        async with self.recorder.store.read() as tx:
            if await orders.get_orders(tx, [owner]):
                # Who clicks all day takes no turn of those who write.
                return Outcome.REPEATED
        try:
            (result,) = await self.recorder.record(site_id, link.rule, [wanted], now)
        except UsageError:
            return Outcome.GONE
        if result.outcome is Outcome.EARNED:
            _log.info("claimed", rule=link.rule.name)
            self.tell(Committed(wake={site_id}))
        return result.outcome

    def _find(self, token: str) -> _Link | Standing:
        claim = keys.open_claim(self.recorder.rules.secret, token)
        if claim is None:
            return Standing.UNKNOWN
        rule = next((one for one in self.rules() if one.name == claim.rule), None)
        if rule is None or rule.claim is None or claim.until < self.clock().date():
            return Standing.OVER
        return _Link(rule, rule.claim, claim.account)
