"""``once_per`` and ``cap``: counted here and nowhere else, in the transaction that records the orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from milestones.domain import keys
from milestones.domain.earn import EarnRule, Limits, Once
from milestones.domain.order import Person
from milestones.domain.verdict import Verdict
from milestones.earn.reading import Wanted
from milestones.formats.mail_addresses import address_form
from milestones.pipeline.orders import Asking
from milestones.pipeline.persons import Whose
from milestones.store.database.store import Transaction
from milestones.store.outbox import earnings
from milestones.store.people import merges
from milestones.store.tables import Earning

_NOTHING_COUNTED = Limits()


def judge(
    limits: Limits, past: Sequence[Earning], *, points: int, value_key: str, now: datetime
) -> Verdict | None:
    """Why a customer is not given these points; None where they are. Pure.

    past: what the customer had by the rule. value_key: of the thing for which they are given once.
    """
    if limits.once is Once.CUSTOMER and past:
        return Verdict.EARNED_BEFORE
    if limits.once is Once.CUSTOMER_AND_VALUE and any(one.value_key == value_key for one in past):
        return Verdict.EARNED_BEFORE
    for cap in limits.caps:
        # What lies in the future, because the clock was set back, counts as well.
        had = sum(one.points for one in past if one.recorded_at > now - cap.period)
        if had + points > cap.points:
            return Verdict.EARN_CAP
    return None


def person_key(secret: bytes, site_id: str, person: Person) -> str:
    """By which a customer is known again who was named in the same way, also after an erasure."""
    if person.email:
        return keys.address_key(secret, site_id, address_form(person.email))
    if person.contact_id:
        return keys.contact_key(secret, site_id, person.contact_id)
    return person.account_id


@dataclass(slots=True)
class RuleLimit:
    """``pipeline.orders.Limit`` for the orders of one rule. wanted: by owner. shadow: nothing is given, so nothing counts."""

    rule: EarnRule
    wanted: Mapping[str, Wanted]
    secret: bytes = field(repr=False)
    now: datetime
    shadow: bool

    async def __call__(
        self, tx: Transaction, new: Sequence[tuple[Asking, Whose]], /
    ) -> Mapping[str, Verdict]:
        """Judge them one after the other, each with what those before it were given, and write what is given."""
        if self.rule.limits == _NOTHING_COUNTED or self.shadow:
            return {}
        given, stops = await self.judge_all(tx, new)
        await earnings.add_earnings(tx, given)
        return stops

    async def judge_all(
        self, tx: Transaction, new: Sequence[tuple[Asking, Whose]]
    ) -> tuple[list[Earning], dict[str, Verdict]]:
        """What would be given, and why the others would not, by owner. Writes nothing."""
        rows = [self._row(asking, whose) for asking, whose in new]
        if not rows:
            return [], {}
        site_id = rows[0].site_id
        known = {row.account_id for row in rows if row.account_id}
        accounts = await merges.list_accounts(tx, site_id, known)
        everybody = {one for some in accounts.values() for one in some}
        past = await earnings.list_earnings(
            tx, site_id, self.rule.name, {row.person_key for row in rows}, everybody
        )
        had = _Past(accounts)
        for one in past:
            had.add(one.earning, one.account_id)
        given: list[Earning] = []
        stops: dict[str, Verdict] = {}
        for row in rows:
            theirs = had.of(row)
            stop = judge(self.rule.limits, theirs, points=row.points, value_key=row.value_key, now=self.now)
            if stop is not None:
                stops[row.owner] = stop
                continue
            given.append(row)
            had.add(row, row.account_id)
        return given, stops

    def _row(self, asking: Asking, whose: Whose) -> Earning:
        owner, limits = asking.owner(self.secret), self.rule.limits
        wanted = self.wanted[owner]
        longest = max((cap.period for cap in limits.caps), default=timedelta(0))
        return Earning(
            owner=owner,
            site_id=asking.site_id,
            rule=self.rule.name,
            person_key=person_key(self.secret, asking.site_id, asking.person),
            account_id=whose.account_id,
            value_key=keys.thing_key(self.secret, wanted.value),
            points=wanted.points,
            recorded_at=self.now,
            forget_at=self.now + longest if limits.once is Once.EVENT else None,
        )


class _Past:
    """What customers had, found by how they were named and by their accounts. accounts: all of a customer, by each."""

    def __init__(self, accounts: Mapping[str, frozenset[str]]) -> None:
        self._accounts = accounts
        self._by_person: dict[str, dict[str, Earning]] = {}
        self._by_account: dict[str, dict[str, Earning]] = {}

    def add(self, earning: Earning, account_id: str) -> None:
        """Note what a customer had."""
        self._by_person.setdefault(earning.person_key, {})[earning.owner] = earning
        if account_id:
            self._by_account.setdefault(account_id, {})[earning.owner] = earning

    def of(self, row: Earning) -> list[Earning]:
        """What the customer of this one had."""
        found = dict(self._by_person.get(row.person_key, {}))
        for account_id in self._accounts.get(row.account_id, ()):
            found |= self._by_account.get(account_id, {})
        return list(found.values())
