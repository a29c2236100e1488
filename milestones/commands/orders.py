"""Orders of a person: recorded in one transaction, done by the drain, and awaited for a moment."""

import asyncio

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.orders import (
    AdjustAccount,
    EarnForAccount,
    Keyed,
    OrderAnswer,
    OrderCommand,
    OrderedAction,
)
from milestones.domain.actions import State
from milestones.domain.keys import order_key
from milestones.domain.order import OrderSource, Person, Request
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.context import Outcome
from milestones.pipeline.orders import Asking, Placed, place
from milestones.store.outbox import orders
from milestones.store.tables import Action
from milestones.store.views import lookup
from milestones.views.actions import describe_action
from milestones.views.customers import find_account

SOURCE = OrderSource.CLI

LOOK = 0.05
"""Seconds between two looks at what a person waits for."""


async def adjust(host: Host, command: AdjustAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Change the points of an account. Raises UsageError and NobodyError."""
    return await _order(host, command, AdjustPoints(command.by, command.to, command.reason.strip()))


async def earn(host: Host, command: EarnForAccount, _report: Report[NoReport]) -> OrderAnswer:
    """Have an account earn points. Raises UsageError and NobodyError."""
    return await _order(host, command, EarnPoints(command.amount, command.description.strip()))


async def _order(host: Host, command: OrderCommand, request: Request) -> OrderAnswer:
    async with host.runtime.store.read() as tx:
        account = await find_account(tx, command.account, command.site)
    return await give_order(host, account.site_id, account.id, request, command)


async def give_order(
    host: Host, site_id: str, account_id: str, request: Request, given: Keyed
) -> OrderAnswer:
    """Record an order for an account, and wait for it as long as was asked for. Raises UsageError and StoreError."""
    runtime = host.runtime
    asking = Asking(site_id, SOURCE, given.key, Person(account_id=account_id), request)
    placed = await place(runtime.store, runtime.rules, asking, runtime.clock())
    runtime.tell(Outcome(wake={site_id}))
    return await _result(host, placed, given.wait)


async def is_recorded(host: Host, site_id: str, key: str) -> bool:
    """Whether an order with this key was given before: then what speaks against a new one says nothing."""
    owner = order_key(host.runtime.rules.secret, site_id, SOURCE, key)
    async with host.runtime.store.read() as tx:
        return owner in await orders.get_orders(tx, [owner])


async def _result(host: Host, placed: Placed, seconds: float) -> OrderAnswer:
    """What became of it, as soon as it is settled, or after so many seconds."""
    loop = asyncio.get_running_loop()
    until = loop.time() + (seconds if host.runtime.works else 0)
    actions = await _actions(host, placed)
    while not _is_settled(actions) and loop.time() < until:
        await asyncio.sleep(LOOK)
        actions = await _actions(host, placed)
    order = placed.order
    assert order.id is not None, "it was read from the table"
    return OrderAnswer(
        order=order.id,
        key=order.key,
        created=placed.created,
        site=order.site_id,
        account=order.account_id,
        verdict=order.verdict,
        settled=_is_settled(actions),
        works=host.runtime.works,
        actions=tuple(map(_describe, actions)),
    )


async def _actions(host: Host, placed: Placed) -> list[Action]:
    async with host.runtime.store.read() as tx:
        return await lookup.list_of_owner(tx, placed.order.owner)


def _is_settled(actions: list[Action]) -> bool:
    """Whether nobody but a person moves them on. What waits for one that is held, waits for a person."""
    return not any(action.state in {State.AVAILABLE, State.RUNNING} for action in actions)


def _describe(action: Action) -> OrderedAction:
    line = describe_action(action)
    return OrderedAction(
        id=line.id,
        kind=line.kind,
        state=line.state,
        sentence=line.sentence,
        reason=line.reason,
        error=line.error,
        result=action.result,
    )
