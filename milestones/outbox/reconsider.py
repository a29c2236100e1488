"""What came while the gates were asked: what is missing may be there by the time an action begins to wait for it.

Whoever brings a member, consent or the threshold wakes what waits for it. An action that is leased does not wait yet,
so it would be passed by, and then wait for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from milestones.domain.account import AccountState
from milestones.domain.actions import Need, State
from milestones.domain.keys import address_key
from milestones.domain.observation import Measure
from milestones.formats.mail_addresses import address_form
from milestones.kinds.channel import Task
from milestones.store import accounts
from milestones.store.database import meta
from milestones.store.database.locks import lock_accounts, lock_site
from milestones.store.database.store import Transaction
from milestones.store.outbox.claims import Settlement
from milestones.store.views import lookup

LAG = timedelta(hours=1)
"""How far Wix's answer about a subscription may lag behind its own event."""

AGAIN = timedelta(minutes=5)
"""When to ask again about a subscription of which answer and event disagree."""


async def reconsider(
    tx: Transaction,
    site_id: str,
    settlements: Sequence[Settlement],
    tasks: Mapping[int, Task],
    now: datetime,
) -> list[Settlement]:
    """The settlements, but what would wait for something that is there becomes due. The caller writes them with
    ``tx``, so that whatever comes later finds them waiting.
    """
    concerned = {tasks[item.action_id].account_id for item in settlements if item.needs}
    if not concerned:
        return list(settlements)
    # In the order of ``store.database.locks``; where there are row locks, nobody writes about these accounts meanwhile.
    await lock_site(tx, site_id)
    await lock_accounts(tx, ((site_id, account_id) for account_id in concerned))
    known = await accounts.get_states(tx, site_id, concerned)
    result = []
    for item in settlements:
        task = tasks[item.action_id]
        account = known.get(task.account_id)
        due = await _due(tx, item, task, account, now) if item.needs and account is not None else None
        result.append(
            item if due is None else replace(item, state=State.AVAILABLE, needs=None, available_at=due)
        )
    return result


async def _due(
    tx: Transaction, item: Settlement, task: Task, account: AccountState, now: datetime
) -> datetime | None:
    """When the action may be tried, now that what it needs is there; None while it is not."""
    if (
        item.needs is Need.MEMBER
        and task.customer.member_id is None
        and account.customer.member_id is not None
    ):
        return now
    if item.needs is Need.THRESHOLD and _is_reached(task, account):
        return now + timedelta(seconds=task.payload["settle"]["seconds"])
    if item.needs is Need.CONSENT and account.customer.email not in {None, task.customer.email}:
        return now
    if item.needs is Need.CONSENT and await _has_just_subscribed(
        tx, task.site_id, account.customer.email, now
    ):
        return now + AGAIN
    return None


def _is_reached(task: Task, account: AccountState) -> bool:
    settle = task.payload["settle"]
    value = account.measures.of(Measure(settle["measure"]))
    return value is None or value >= settle["threshold"]


async def _has_just_subscribed(tx: Transaction, site_id: str, address: str | None, now: datetime) -> bool:
    if address is None:
        return False
    secret = bytes.fromhex(await meta.get(tx, "secret") or "")
    subscription = await lookup.find_subscription(
        tx, site_id, address_key(secret, site_id, address_form(address))
    )
    return (
        subscription is not None
        and subscription.status == "SUBSCRIBED"
        and now - subscription.heard_at <= LAG
    )
