"""Actions with what their gates look at, as it stands in one view of the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, bindparam, select

from milestones.domain.observation import Customer, Measures
from milestones.store import sites
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import reminders
from milestones.store.tables import Account, Action, Grant
from milestones.store.views import lookup

_ACTIONS = table_of(Action)
_ACCOUNTS = table_of(Account)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A leased action with what its gates look at.

    grants: what its account was given of its milestone, oldest first; read where a gate asks for it.
    definition: what its milestone is now; None where the configuration has it no longer, or no gate asks for it.
    free_at: when the mail of a reminder may leave, if another one to the same person comes first.
    """

    action: Action
    customer: Customer
    measures: Measures | None
    erased: bool
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    grants: Sequence[Grant] = ()
    definition: Mapping[str, Any] | None = None
    free_at: datetime | None = None


async def list_claimed(
    tx: Transaction, site_id: str, actions: Sequence[Action], now: datetime
) -> list[Claimed]:
    """These actions of one site, each with its facts."""
    ids = sorted({action.account_id for action in actions})
    accounts = {row.id: row for row in await _CUSTOMERS.fetch(tx, ids, site_id=site_id)}
    wanted = sorted({key for action in actions for key in action.waits_for})
    results = {row.key: (row.kind, row.result or {}) for row in await _RESULTS.fetch(tx, wanted)}
    concerned = {
        action.account_id for action in actions if "near" in action.payload or "settle" in action.payload
    }
    grants = await lookup.get_grants_by_account(tx, site_id, sorted(concerned))
    announced = sorted({action.account_id for action in actions if "near" in action.payload})
    definitions = await sites.get_definitions(tx, site_id) if announced else {}
    histories = await reminders.get_by_person(tx, site_id, announced) if announced else {}
    claimed = []
    for action in actions:
        account = accounts.get(action.account_id)
        inputs: dict[str, Mapping[str, Any]] = {}
        for key in action.waits_for:
            kind, result = results[key]
            inputs.setdefault(kind, result)
        claimed.append(
            Claimed(
                action=action,
                customer=_customer(account),
                measures=_measures(account),
                erased=account is not None and account.erased_at is not None,
                inputs=inputs,
                grants=[
                    grant
                    for grant in grants.get(action.account_id, [])
                    if grant.milestone == action.milestone
                ],
                definition=definitions.get(action.milestone),
                free_at=histories[action.account_id].free_at(action, now)
                if "near" in action.payload
                else None,
            )
        )
    return claimed


def _customers_query(ids: Sequence[Any]) -> Executable:
    columns = (*Customer.__slots__, *Measures._fields, "id", "erased_at")
    theirs = (_ACCOUNTS.c.site_id == bindparam("site_id")) & _ACCOUNTS.c.id.in_(ids)
    return select(*(_ACCOUNTS.c[name] for name in columns)).where(theirs)


def _results_query(keys: Sequence[Any]) -> Executable:
    return select(_ACTIONS.c.key, _ACTIONS.c.kind, _ACTIONS.c.result).where(_ACTIONS.c.key.in_(keys))


_CUSTOMERS, _RESULTS = Lookup(_customers_query), Lookup(_results_query)


def _customer(row: Any) -> Customer:
    return Customer() if row is None else Customer(row.contact_id, row.member_id, row.email, row.name)


def _measures(row: Any) -> Measures | None:
    return None if row is None else Measures(row.balance, row.earned, row.tier_points)
