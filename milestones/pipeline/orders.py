"""An order becomes actions: ONE transaction, in which it is recorded, counted by the breaker, and owed."""

from dataclasses import dataclass
from datetime import datetime

from milestones.domain import keys
from milestones.domain.actions import Context
from milestones.domain.order import OrderSource, Request, find_key_fault, fingerprint, plan_order
from milestones.domain.verdict import Verdict
from milestones.errors import KeyTakenError, UsageError
from milestones.failpoints import reach
from milestones.pipeline.context import Rules
from milestones.pipeline.record import DAY
from milestones.store import sites
from milestones.store.database.locks import lock_accounts, lock_breaker
from milestones.store.database.store import Store, Transaction, retry_races
from milestones.store.outbox import ledger, orders
from milestones.store.tables import Order, Site, SiteState
from milestones.store.views import lookup


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for what, on which site. key: the same for the same order, however often it is asked for."""

    site_id: str
    source: OrderSource
    key: str
    request: Request


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that is recorded. created: by this call, and not by an earlier one."""

    order: Order
    created: bool


async def place(store: Store, rules: Rules, asking: Asking, now: datetime) -> Placed:
    """Record an order with the actions that it owes, or find it where it was recorded before.

    Raises UsageError for a fault in it, KeyTakenError where its key was used for something else, and StoreError.
    """
    fault = asking.request.fault() or find_key_fault(asking.key)
    if fault is not None:
        raise UsageError(fault)
    placed = await _place(store, rules, asking, now)
    reach("order.committed")
    return placed


@retry_races
async def _place(store: Store, rules: Rules, asking: Asking, now: datetime) -> Placed:
    async with store.write() as tx:
        await lock_accounts(tx, [(asking.site_id, asking.request.account_id)])
        if asking.source.is_counted:
            await lock_breaker(tx, asking.site_id)
        site = await _find_site(tx, asking)
        order, created = await orders.add_order(tx, await _row(tx, rules, site, asking, now))
        if created:
            await _owe(tx, rules, asking, order)
        reach("order.before_commit")
    if order.fingerprint != fingerprint(asking.request):
        raise KeyTakenError(
            f"The key {asking.key!r} was used on {order.recorded_at:%Y-%m-%d %H:%M} UTC for something else, so this was "
            "not recorded. Take another key for another order."
        )
    return Placed(order, created)


async def _find_site(tx: Transaction, asking: Asking) -> Site:
    """The site, if the account can be acted for. Raises UsageError."""
    site = await sites.find_site(tx, asking.site_id)
    if site is None or site.state != SiteState.ACTIVE:
        raise UsageError(
            f"The site {asking.site_id} is not active here, so nothing is done for its accounts."
        )
    found = await lookup.accounts_by_id(tx, asking.site_id, [asking.request.account_id])
    if not found:
        raise UsageError(f"No account {asking.request.account_id} is known on this site.")
    if found[0].erased_at is not None:
        raise UsageError(
            f"The customer of account {asking.request.account_id} was deleted or erased, so nothing is done for it."
        )
    return site


async def _row(tx: Transaction, rules: Rules, site: Site, asking: Asking, now: datetime) -> Order:
    of_site = rules.site(site.id)
    verdict = Verdict.ORDERED
    if of_site.shadow:
        verdict = Verdict.SHADOW
    elif asking.source.is_counted:
        before = await orders.recent(tx, site.id, asking.source, now - DAY)
        if before >= of_site.breaker.limit(site.accounts):
            verdict = Verdict.BREAKER
    return Order(
        site_id=site.id,
        source=asking.source,
        key=asking.key,
        owner=keys.order_key(site.id, asking.source, asking.key),
        fingerprint=fingerprint(asking.request),
        kind=asking.request.kind,
        account_id=asking.request.account_id,
        configuration=of_site.configuration,
        verdict=verdict,
        recorded_at=now,
    )


async def _owe(tx: Transaction, rules: Rules, asking: Asking, order: Order) -> None:
    site = rules.site(order.site_id)
    context = Context(
        order.site_id,
        order.account_id,
        rules.secret,
        now=order.recorded_at,
        timezone=site.timezone,
        configuration=order.configuration,
    )
    planned = plan_order(asking.request, asking.source, asking.key, context)
    stop = None if order.verdict == Verdict.ORDERED else Verdict(order.verdict)
    await ledger.add_actions(
        tx,
        ledger.action_rows(
            planned,
            site_id=order.site_id,
            account_id=order.account_id,
            milestone="",
            now=order.recorded_at,
            stop=stop,
        ),
    )
