"""What programs ask: accounts, orders, actions, why, and how things stand. Each is one consistent look; nothing is changed."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from milestones.commands.daemon import status
from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.daemon import GetStatus
from milestones.commands.models.orders import OrderAnswer
from milestones.commands.models.questions import (
    AccountAnswer,
    AccountsPage,
    ActionAnswer,
    ActionsPage,
    ExplainAccount,
    ExplainAnswer,
    FindAccounts,
    GetAccount,
    GetAction,
    GetOrder,
    GetStanding,
    GivenLine,
    ListAccounts,
    ListActions,
    ListOrders,
    OrderLine,
    OrdersPage,
    StandingAnswer,
)
from milestones.commands.orders import await_order
from milestones.domain.keys import order_key
from milestones.domain.order import OrderSource
from milestones.errors import NotFoundError, UsageError
from milestones.pipeline.orders import Placed
from milestones.store import sites
from milestones.store.database.store import Transaction
from milestones.store.outbox import orders
from milestones.store.tables import Grant, Order, Reminder
from milestones.store.views import lookup, pages
from milestones.store.views.lookup import Which
from milestones.store.views.pages import AccountPlace
from milestones.views.actions import describe_action, get_detail
from milestones.views.customers import find_account, get_record, list_line, list_near, search_accounts
from milestones.views.explain import explain as explain_account
from milestones.views.lookup import find_sites
from milestones.views.status import get_status

T = TypeVar("T")


async def list_accounts(host: Host, command: ListAccounts, _report: Report[NoReport]) -> AccountsPage:
    """A page of accounts. Raises UsageError for a site, a milestone or a cursor that there is none of."""
    place = _place(command.cursor)
    async with host.runtime.store.read() as tx:
        if command.near is not None:
            found = await list_near(tx, host.settings, command.near, command.site, place, command.limit + 1)
        else:
            site_id = await _site_id(tx, command.site)
            rows = await pages.list_accounts_after(tx, place, command.limit + 1, site_id=site_id)
            found = [list_line(row) for row in rows]
    shown, more = _cut(found, command.limit)
    last = shown[-1] if more else None
    return AccountsPage(accounts=tuple(shown), next=_cursor((last.site_id, last.id)) if last else None)


async def find_accounts(host: Host, command: FindAccounts, _report: Report[NoReport]) -> AccountsPage:
    """Accounts that may be meant; none where nobody is."""
    async with host.runtime.store.read() as tx:
        rows = await search_accounts(tx, command.account, command.site, command.limit)
    return AccountsPage(accounts=tuple(map(list_line, rows)))


async def get_account(host: Host, command: GetAccount, _report: Report[NoReport]) -> AccountAnswer:
    """One account with what it was given. Raises UsageError and NobodyError."""
    async with host.runtime.store.read() as tx:
        account = await find_account(tx, command.account, command.site)
        record = await get_record(tx, host.settings, account)
    return AccountAnswer(
        person=record.person,
        grants=tuple(map(_given, record.grants)),
        reminders=tuple(map(_given, record.reminders)),
    )


def _given(row: Grant | Reminder) -> GivenLine:
    return GivenLine(milestone=row.milestone, recorded_at=row.recorded_at, value=row.value)


async def explain(host: Host, command: ExplainAccount, _report: Report[NoReport]) -> ExplainAnswer:
    """Why an account did or did not get something. Raises UsageError and NobodyError."""
    async with host.runtime.store.read() as tx:
        account = await find_account(tx, command.account, command.site)
        now = host.runtime.clock()
        return ExplainAnswer(
            explanation=await explain_account(tx, host.settings, account, now, command.milestone)
        )


async def list_orders(host: Host, command: ListOrders, _report: Report[NoReport]) -> OrdersPage:
    """A page of orders. Raises UsageError for a site that there is none of."""
    async with host.runtime.store.read() as tx:
        site_id = await _site_id(tx, command.site)
        if command.key is not None:
            found = await _list_of_key(tx, host.runtime.rules.secret, command, site_id, command.key)
        else:
            found = await pages.list_orders_up_to(
                tx,
                command.cursor,
                command.limit + 1,
                site_id=site_id,
                account_id=command.account,
                source=command.source,
            )
    shown, more = _cut(found, command.limit)
    return OrdersPage(orders=tuple(map(_order_line, shown)), next=_following(shown[-1].id) if more else None)


async def _list_of_key(
    tx: Transaction, secret: bytes, command: ListOrders, site_id: str | None, key: str
) -> list[Order]:
    """The few orders of a key, newest first: one of each site and source at most, by which it is unique."""
    site_ids = [site.id for site in await sites.list_sites(tx)] if site_id is None else [site_id]
    sources = list(OrderSource) if command.source is None else [command.source]
    owners = [order_key(secret, site, source, key) for site in site_ids for source in sources]
    highest, account = command.cursor, command.account
    found = [
        order
        for order in (await orders.get_orders(tx, owners)).values()
        # The key of one whose customer was erased is known to nobody any more.
        if order.key == key
        and (account is None or order.account_id == account)
        and (highest is None or (order.id or 0) <= highest)
    ]
    return sorted(found, key=lambda order: order.id or 0, reverse=True)


def _order_line(row: Order) -> OrderLine:
    assert row.id is not None, "it was read from the table"
    return OrderLine(
        order=row.id,
        site=row.site_id,
        source=OrderSource(row.source),
        key=row.key,
        kind=row.kind,
        account=row.account_id,
        verdict=row.verdict,
        recorded_at=row.recorded_at,
    )


async def get_order(host: Host, command: GetOrder, _report: Report[NoReport]) -> OrderAnswer:
    """What became of an order, as soon as it is settled, or after a while. Raises NotFoundError."""
    async with host.runtime.store.read() as tx:
        order = await pages.find_order(tx, command.order)
    if order is None:
        raise NotFoundError(f"There is no order {command.order}, or it is so old that it was forgotten.")
    return await await_order(host, Placed(order, created=False), command.wait)


async def list_actions(host: Host, command: ListActions, _report: Report[NoReport]) -> ActionsPage:
    """A page of actions. Raises UsageError for a site that there is none of."""
    async with host.runtime.store.read() as tx:
        which = Which(
            site=await _site_id(tx, command.site),
            milestone=command.milestone,
            kind=command.kind,
            state=command.state,
            verdict=command.verdict,
            account=command.account,
            up_to=command.cursor,
        )
        found = await lookup.list_actions(tx, which, limit=command.limit + 1)
    shown, more = _cut(found, command.limit)
    lines = tuple(map(describe_action, shown))
    return ActionsPage(actions=lines, next=_following(shown[-1].id) if more else None)


async def get_action(host: Host, command: GetAction, _report: Report[NoReport]) -> ActionAnswer:
    """One action with its neighbours. Raises NotFoundError."""
    async with host.runtime.store.read() as tx:
        return ActionAnswer(action=await get_detail(tx, command.action))


async def get_standing(host: Host, _command: GetStanding, report: Report[NoReport]) -> StandingAnswer:
    """How things stand."""
    daemon = await status(host, GetStatus(), report)
    async with host.runtime.store.read() as tx:
        standing = await get_status(tx, host.settings, host.runtime.clock())
    return StandingAnswer(daemon=daemon, mode=host.settings.daemon.mode, standing=standing)


async def _site_id(tx: Transaction, named: str | None) -> str | None:
    if named is None:
        return None
    first, *_ = await find_sites(tx, named)
    return first.id


def _cut(found: Sequence[T], limit: int) -> tuple[Sequence[T], bool]:
    """A page, and whether another follows: one more was asked for than it has."""
    return found[:limit], len(found) > limit


def _following(last: int | None) -> str | None:
    """Where the page begins that comes after this number, newest first."""
    return str(last - 1) if last is not None and last > 1 else None


def _cursor(place: AccountPlace) -> str:
    return base64.urlsafe_b64encode("\n".join(place).encode()).decode().rstrip("=")


def _place(cursor: str | None) -> AccountPlace:
    if cursor is None:
        return "", ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        site, line_end, account = (
            base64.b64decode(padded, altchars=b"-_", validate=True).decode().partition("\n")
        )
    except (binascii.Error, ValueError):
        site = line_end = account = ""
    if not line_end or "\0" in site + account:
        raise UsageError("This cursor was not given by a page of accounts; take `next` of the page before.")
    return site, account
