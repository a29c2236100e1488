"""Orders become actions: ONE transaction, in which they are recorded, counted by the breaker, and owed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from milestones.domain import keys
from milestones.domain.actions import Context
from milestones.domain.order import OrderSource, Person, Request, find_key_fault, fingerprint, plan_order
from milestones.domain.verdict import Verdict
from milestones.errors import KeyTakenError, UsageError
from milestones.failpoints import reach
from milestones.pipeline.context import Rules
from milestones.pipeline.persons import Whose, find_person_fault, find_whose, list_steps
from milestones.pipeline.record import DAY
from milestones.store import sites
from milestones.store.database.locks import lock_accounts, lock_breaker
from milestones.store.database.store import Store, Transaction, retry_races
from milestones.store.outbox import ledger, orders
from milestones.store.tables import Order, Site, SiteState


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what, for whom, on which site. key: the same for the same order, however often it is asked for.

    passes: whether a person saw how many these are, and lets them pass the breaker.
    """

    site_id: str
    source: OrderSource
    key: str
    person: Person
    request: Request
    passes: bool = False

    def owner(self, secret: bytes) -> str:
        """Under which its actions are found. secret: of this installation."""
        return keys.order_key(secret, self.site_id, self.source, self.key)

    def fault(self) -> str | None:
        """What is wrong with it, whatever is known of the person."""
        return (
            self.request.fault() or find_person_fault(self.person, self.request) or find_key_fault(self.key)
        )


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that is recorded. created: by this call, and not by an earlier one."""

    order: Order
    created: bool


async def place(store: Store, rules: Rules, asking: Asking, now: datetime) -> Placed:
    """Record an order with the actions that it owes, or find it where it was recorded before.

    Raises UsageError for a fault in it, KeyTakenError where its key was used for something else, and StoreError.
    """
    (result,) = await place_all(store, rules, [asking], now)
    if isinstance(result, UsageError):
        raise result
    return result


class Limit(Protocol):
    """Says in the transaction which of the orders that are new are not done, and counts those that are. Orders of a
    counted source come here one transaction after the other.
    """

    async def __call__(
        self, tx: Transaction, new: Sequence[tuple[Asking, Whose]], /
    ) -> Mapping[str, Verdict]:
        """Why not, by owner: a verdict of ``moves.ENDS``."""


async def limit_nothing(_tx: Transaction, _new: Sequence[tuple[Asking, Whose]], /) -> Mapping[str, Verdict]:
    """All are done."""
    return {}


async def place_all(
    store: Store,
    rules: Rules,
    askings: Sequence[Asking],
    now: datetime,
    limit: Limit = limit_nothing,
) -> list[Placed | UsageError]:
    """Record orders of one site in one transaction, each as ``place`` does: what is wrong with one is its own result,
    at its place, and keeps no other back. Give some hundreds at a time, since nobody else writes meanwhile.

    limit: what their source gives only so often. Raises UsageError where nothing is done for the site, and StoreError;
    then none of them was recorded.
    """
    if not askings:
        return []
    results = await _place_all(store, rules, askings, now, limit)
    reach("order.committed")
    return results


async def preview_all(
    store: Store, rules: Rules, askings: Sequence[Asking], now: datetime, *, ahead: int = 0
) -> list[Placed | UsageError]:
    """What ``place_all`` would come to; nothing is recorded. ahead: new orders of the same source that it would have
    recorded before these. Raises as it does.
    """
    if not askings:
        return []
    async with store.read() as tx:
        site = await _find_site(tx, askings)
        _, results = await _judge(tx, rules, site, askings, now, limit_nothing, ahead)
    return results


@dataclass(slots=True)
class _Page:
    """What one transaction records. recent: orders of the last day, by source, as the breaker counts them.
    stops: why some are not done, by owner.
    """

    site: Site
    rules: Rules
    now: datetime
    recent: Counter[str]
    recorded: dict[str, Order]
    stops: Mapping[str, Verdict]
    created: dict[str, Order] = field(default_factory=dict)
    actions: list[dict[str, Any]] = field(default_factory=list)

    def enter(self, asking: Asking, whose: Whose) -> None:
        """Plan a new order. Raises UsageError where it cannot be done for this person."""
        if whose.fault is not None:
            raise UsageError(whose.fault)
        steps = list_steps(asking.person, whose, asking.request)
        if isinstance(steps, str):
            raise UsageError(steps)
        of_site = self.rules.site(self.site.id)
        order = Order(
            site_id=self.site.id,
            source=asking.source,
            key=asking.key,
            owner=asking.owner(self.rules.secret),
            fingerprint=fingerprint(self.rules.secret, asking.person, asking.request),
            kind=asking.request.kind,
            account_id=whose.account_id,
            contact_key=whose.contact_key,
            configuration=of_site.configuration,
            verdict=self._verdict(asking),
            recorded_at=self.now,
        )
        context = Context(
            self.site.id,
            whose.account_id,
            self.rules.secret,
            now=self.now,
            timezone=of_site.timezone,
            configuration=of_site.configuration,
        )
        self.created[order.owner] = order
        self.actions += ledger.action_rows(
            plan_order(steps, asking.source, asking.key, context),
            site_id=self.site.id,
            account_id=whose.account_id,
            milestone="",
            now=self.now,
            fast=asking.source.is_awaited,
            stop=None if order.verdict == Verdict.ORDERED else Verdict(order.verdict),
        )

    def _verdict(self, asking: Asking) -> Verdict:
        of_site = self.rules.site(self.site.id)
        if of_site.shadow:
            return Verdict.SHADOW
        if (stop := self.stops.get(asking.owner(self.rules.secret))) is not None:
            return stop
        if not asking.source.is_counted:
            return Verdict.ORDERED
        self.recent[asking.source] += 1
        past = self.recent[asking.source] > of_site.breaker.limit(self.site.accounts)
        return Verdict.BREAKER if past and not asking.passes else Verdict.ORDERED


@retry_races
async def _place_all(
    store: Store, rules: Rules, askings: Sequence[Asking], now: datetime, limit: Limit
) -> list[Placed | UsageError]:
    async with store.write() as tx:
        site = await _find_site(tx, askings)
        sound = [asking for asking in askings if asking.fault() is None]
        whose = await find_whose(tx, rules.secret, site.id, [asking.person for asking in sound])
        # Of two that come at once with one key, the second finds what the first has recorded.
        named = {one.account_id for one in whose.values() if one.account_id}
        owners = {asking.owner(rules.secret) for asking in sound}
        await lock_accounts(tx, ((site.id, name) for name in named | owners))
        if any(asking.source.is_counted for asking in sound):
            await lock_breaker(tx, site.id)
        page, results = await _judge(tx, rules, site, askings, now, limit)
        await orders.add_orders(tx, list(page.created.values()))
        await ledger.add_actions(tx, page.actions)
        written = await orders.get_orders(tx, page.created)
        reach("order.before_commit")
    return [
        Placed(written[result.order.owner], result.created)
        if isinstance(result, Placed) and result.order.owner in written
        else result
        for result in results
    ]


async def _judge(
    tx: Transaction,
    rules: Rules,
    site: Site,
    askings: Sequence[Asking],
    now: datetime,
    limit: Limit,
    ahead: int = 0,
) -> tuple[_Page, list[Placed | UsageError]]:
    """What is to be recorded, and the result of each. ahead: so many of each source count as recorded before."""
    sound = [asking for asking in askings if asking.fault() is None]
    whose = await find_whose(tx, rules.secret, site.id, [asking.person for asking in sound])
    recorded = await orders.get_orders(tx, {asking.owner(rules.secret) for asking in sound})
    recent = await _recent(tx, site.id, sound, now)
    recent.update(dict.fromkeys(recent, ahead))
    stops = await limit(tx, _list_new(rules.secret, sound, recorded, whose))
    page = _Page(site, rules, now, recent, recorded, stops)
    return page, [_result(page, asking, whose) for asking in askings]


def _list_new(
    secret: bytes, askings: Sequence[Asking], recorded: Mapping[str, Order], whose: Mapping[Person, Whose]
) -> list[tuple[Asking, Whose]]:
    """The orders that are about to be recorded, each once, in their order."""
    new: dict[str, tuple[Asking, Whose]] = {}
    for asking in askings:
        owner, one = asking.owner(secret), whose[asking.person]
        can_be_done = one.fault is None and not isinstance(
            list_steps(asking.person, one, asking.request), str
        )
        if owner not in recorded and can_be_done:
            new.setdefault(owner, (asking, one))
    return list(new.values())


async def _find_site(tx: Transaction, askings: Sequence[Asking]) -> Site:
    (site_id,) = {asking.site_id for asking in askings}
    site = await sites.find_site(tx, site_id)
    if site is None or site.state != SiteState.ACTIVE:
        raise UsageError(f"The site {site_id} is not active here, so nothing is done for its accounts.")
    return site


async def _recent(tx: Transaction, site_id: str, askings: Sequence[Asking], now: datetime) -> Counter[str]:
    counted = {asking.source for asking in askings if asking.source.is_counted}
    return Counter({source.value: await orders.recent(tx, site_id, source, now - DAY) for source in counted})


def _result(page: _Page, asking: Asking, whose: Mapping[Person, Whose]) -> Placed | UsageError:
    if (fault := asking.fault()) is not None:
        return UsageError(fault)
    owner = asking.owner(page.rules.secret)
    before = page.recorded.get(owner) or page.created.get(owner)
    if before is None:
        try:
            page.enter(asking, whose[asking.person])
        except UsageError as error:
            return error
        return Placed(page.created[owner], created=True)
    if before.fingerprint != fingerprint(page.rules.secret, asking.person, asking.request):
        return KeyTakenError(
            f"The key {asking.key!r} was used on {before.recorded_at:%Y-%m-%d %H:%M} UTC for something else, so this "
            "was not recorded. Take another key for another order."
        )
    return Placed(before, created=False)
