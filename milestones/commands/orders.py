"""Orders of a person: recorded in one transaction, done by the drain, and awaited for a moment."""

import asyncio
import re

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.orders import (
    AdjustAccount,
    CreateAccount,
    EarnForAccount,
    Keyed,
    OrderAnswer,
    OrderedAction,
    OrderForAnybody,
)
from milestones.domain.actions import State
from milestones.domain.keys import order_key
from milestones.domain.order import Create, Person, Request
from milestones.formats.mail_addresses import is_address
from milestones.kinds.account.payload import OpenAccount
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.context import Outcome
from milestones.pipeline.orders import Asking, Placed, place
from milestones.store.database.store import Transaction
from milestones.store.outbox import orders
from milestones.store.tables import Action
from milestones.store.views import lookup
from milestones.views.actions import describe_action
from milestones.views.customers import NobodyError, find_account
from milestones.views.lookup import find_one_site
from milestones.views.notices import find_stop

_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
"""What may be the id of a contact that nobody has told of. A name with a typing error is none."""

LOOK = 0.05
"""Seconds between two looks at what a person waits for."""


async def adjust(host: Host, command: AdjustAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Change the points of an account. Raises UsageError and NobodyError."""
    return await _order(host, command, AdjustPoints(command.by, command.to, command.reason.strip()))


async def earn(host: Host, command: EarnForAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Have an account earn points. Raises UsageError and NobodyError."""
    return await _order(host, command, EarnPoints(command.amount, command.description.strip()))


async def create(host: Host, command: CreateAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Open an account for a contact. Raises UsageError."""
    async with host.runtime.store.read() as tx:
        site = await find_one_site(tx, command.site)
    person = Person(
        contact_id=command.contact.strip(),
        email=command.email.strip(),
        create=Create.CONTACT if command.create_contact else Create.ACCOUNT,
        first_name=command.first_name.strip(),
        last_name=command.last_name.strip(),
        phone=command.phone.strip(),
    )
    return await give_order(host, site.id, person, OpenAccount(), command)


async def _order(host: Host, command: OrderForAnybody, request: Request) -> OrderAnswer:
    async with host.runtime.store.read() as tx:
        site_id, person = await _find_person(tx, command)
    return await give_order(host, site_id, person, request, command)


async def _find_person(tx: Transaction, command: OrderForAnybody) -> tuple[str, Person]:
    """Whom it is for, and on which site. An address is taken as it was given where something may be made for it, so that
    the same order is the same when it is given again. Raises UsageError and NobodyError.
    """
    named = command.account.strip()
    if command.create is not Create.NOTHING and is_address(named):
        return (await find_one_site(tx, command.site)).id, Person(email=named, create=command.create)
    try:
        account = await find_account(tx, command.account, command.site)
    except NobodyError:
        if command.create is Create.NOTHING or not _ID.fullmatch(named):
            raise
        return (await find_one_site(tx, command.site)).id, Person(contact_id=named, create=command.create)
    return account.site_id, Person(account_id=account.id)


async def give_order(host: Host, site_id: str, person: Person, request: Request, given: Keyed) -> OrderAnswer:
    """Record an order for somebody, and wait for it as long as was asked for. Raises UsageError and StoreError."""
    runtime = host.runtime
    asking = Asking(site_id, given.source, given.key, person, request)
    placed = await place(runtime.store, runtime.rules, asking, runtime.clock())
    runtime.tell(Outcome(wake={site_id}))
    return await await_order(host, placed, given.wait)


async def is_recorded(host: Host, site_id: str, given: Keyed) -> bool:
    """Whether an order was given before with the same key: then what speaks against a new one says nothing."""
    owner = order_key(host.runtime.rules.secret, site_id, given.source, given.key)
    async with host.runtime.store.read() as tx:
        return owner in await orders.get_orders(tx, [owner])


async def await_order(host: Host, placed: Placed, seconds: float) -> OrderAnswer:
    """What became of it, as soon as it is settled, or after so many seconds, or when this is to end."""
    loop = asyncio.get_running_loop()
    until = loop.time() + (seconds if host.runtime.works else 0)
    actions = await _actions(host, placed)
    while not _is_settled(actions) and loop.time() < until and not host.stopping:
        await asyncio.sleep(LOOK)
        actions = await _actions(host, placed)
    order = placed.order
    async with host.runtime.store.read() as tx:
        stop = await find_stop(tx, host.settings, order.site_id)
    assert order.id is not None, "it was read from the table"
    return OrderAnswer(
        order=order.id,
        key=order.key,
        created=placed.created,
        site=order.site_id,
        account=next((one.account_id for one in actions if one.account_id), order.account_id),
        verdict=order.verdict,
        settled=_is_settled(actions),
        works=host.runtime.works,
        actions=tuple(_describe(action, stop) for action in actions),
    )


async def _actions(host: Host, placed: Placed) -> list[Action]:
    async with host.runtime.store.read() as tx:
        return await lookup.list_of_owner(tx, placed.order.owner)


def _is_settled(actions: list[Action]) -> bool:
    """Whether nobody but a person moves them on. What waits for one that is held, waits for a person."""
    return not any(action.state in {State.AVAILABLE, State.RUNNING} for action in actions)


def _describe(action: Action, stop: str | None) -> OrderedAction:
    """stop: why nothing at all is done on its site."""
    line = describe_action(action)
    return OrderedAction(
        id=line.id,
        kind=line.kind,
        state=line.state,
        sentence=line.sentence,
        reason=stop or line.reason if action.state == State.AVAILABLE else line.reason,
        error=line.error,
        result=action.result,
    )
