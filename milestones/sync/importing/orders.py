"""Rows become orders: each once, also where the file is edited and given again.

The key of an order names the import, whether it sets or adds, the customer, and how many orders this customer had by it
before. So a row that was ordered is known again wherever it stands in the file. What it said then decides: a balance that
has changed is set anew, and an amount that has changed is refused, since the first one is booked already.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import select

from milestones.domain import keys
from milestones.domain.actions import State
from milestones.domain.order import Create, OrderSource, Person
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.pipeline.context import Rules
from milestones.pipeline.orders import Asking, Placed, place_all
from milestones.pipeline.persons import find_whose
from milestones.store import accounts
from milestones.store.database.locks import lock_site
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.outbox import moves, orders
from milestones.store.tables import Action, Order
from milestones.sync.importing.rows import Entry

_ACTIONS = table_of(Action)

_BLOCKED = frozenset({State.WAITING, State.HELD})
"""Where what waits for an action that was refused stands: it has not begun."""

_MOST_BEFORE = 100
"""Orders of one customer by one import. Whoever sets a balance more often gives the import another name."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What holds for all rows of an import. The fields are those of ``commands.models.imports.ImportPoints``."""

    site_id: str
    name: str
    reason: str
    adds: bool
    fires: bool
    creates: bool
    passes: bool


class Prospect(StrEnum):
    """What is to be done for a row."""

    NEW = "new"
    AGAIN = "again"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Plan:
    """A row and what is to be done for it. undone: actions of an earlier order that came to nothing, and must not go on."""

    entry: Entry
    prospect: Prospect
    key: str = ""
    why: str = ""
    account_id: str = ""
    balance: int | None = None
    state: str = ""
    undone: tuple[int, ...] = ()
    is_held: bool = False


@dataclass(slots=True)
class _Before:
    """The newest order of a customer by this import. actions: all that it owes still."""

    number: int = -1
    order: Order | None = None
    actions: list[Action] = field(default_factory=list)

    @property
    def adjustment(self) -> Action | None:
        """The action that changes the points; None where it is forgotten, long after it was done."""
        return next((action for action in self.actions if action.kind == AdjustPoints.kind), None)

    @property
    def came_to_nothing(self) -> bool:
        """Whether nothing was booked, and nothing will be by itself."""
        adjustment = self.adjustment
        if adjustment is None or adjustment.lost:
            return False
        if adjustment.state in {State.DISCARDED, State.CANCELLED}:
            return True
        return adjustment.attempts == 0 and any(
            action.state == State.DISCARDED for action in self.actions if action is not adjustment
        )


async def plan_rows(tx: Transaction, rules: Rules, terms: Terms, entries: Sequence[Entry]) -> list[Plan]:
    """What is to be done for each of these rows."""
    marks = {entry: _mark(rules.secret, terms, entry) for entry in entries}
    before = await _get_before(tx, rules.secret, terms.site_id, set(marks.values()))
    persons = {entry: _person(terms, entry) for entry in entries}
    whose = await find_whose(tx, rules.secret, terms.site_id, persons.values())
    states = await accounts.get_states(
        tx, terms.site_id, {one.account_id for one in whose.values() if one.account_id}
    )
    plans = []
    for entry in entries:
        found = whose[persons[entry]]
        plan = _plan(terms, entry, marks[entry], before.get(marks[entry], _Before()))
        if found.fault is not None and plan.prospect is not Prospect.KNOWN:
            plan = replace(plan, prospect=Prospect.REFUSED, why=found.fault, undone=())
        state = states.get(found.account_id)
        balance = state.measures.balance if state is not None else None
        plans.append(replace(plan, account_id=found.account_id, balance=balance))
    return plans


def _mark(secret: bytes, terms: Terms, entry: Entry) -> str:
    told = ["import", terms.site_id, terms.name, "add" if terms.adds else "set", entry.person]
    return keys.request_mark(secret, json.dumps(told))


def _key(mark: str, number: int) -> str:
    return f"{mark}.{number}"


def _person(terms: Terms, entry: Entry) -> Person:
    if entry.contact_id:
        return Person(contact_id=entry.contact_id, create=Create.ACCOUNT)
    create = Create.CONTACT if terms.creates else Create.ACCOUNT
    return Person(email=entry.mail, create=create, first_name=entry.first_name, last_name=entry.last_name)


async def _get_before(tx: Transaction, secret: bytes, site_id: str, marks: set[str]) -> dict[str, _Before]:
    found: dict[str, _Before] = {}
    looked_for = set(marks)
    for number in range(_MOST_BEFORE):
        owners = {
            keys.order_key(secret, site_id, OrderSource.IMPORT, _key(mark, number)): mark
            for mark in looked_for
        }
        recorded = await orders.get_orders(tx, owners)
        looked_for = {owners[owner] for owner in recorded}
        if not looked_for:
            break
        found |= {owners[owner]: _Before(number, order) for owner, order in recorded.items()}
    by_owner = {one.order.owner: one for one in found.values() if one.order is not None}
    names = list(by_owner)
    for start in range(0, len(names), 500):
        statement = select(_ACTIONS).where(_ACTIONS.c.owner.in_(names[start : start + 500]))
        for row in (await tx.execute(statement)).mappings():
            by_owner[row["owner"]].actions.append(Action(**row))
    return found


def _plan(terms: Terms, entry: Entry, mark: str, before: _Before) -> Plan:
    assert entry.points is not None, "only rows with points are given"
    following = _key(mark, before.number + 1)
    if before.order is None:
        return Plan(entry, Prospect.NEW, following)
    adjustment = before.adjustment
    if before.came_to_nothing:
        left = tuple(action.id for action in before.actions if action.id and action.state in _BLOCKED)
        return Plan(entry, Prospect.AGAIN, following, undone=left)
    if adjustment is None:
        return Plan(entry, Prospect.KNOWN, state=State.DONE)
    told = adjustment.payload["amount" if terms.adds else "balance"]
    if told == entry.points:
        return Plan(entry, Prospect.KNOWN, state=adjustment.state)
    day = f"{before.order.recorded_at:%Y-%m-%d}"
    if terms.adds:
        why = (
            f"{told:,} points were imported for this customer on {day}, and the row says {entry.points:,} now. Give another "
            "import another name (--name); mend this one with `milestones accounts adjust`."
        )
        return Plan(entry, Prospect.REFUSED, why=why)
    if adjustment.state != State.DONE:
        why = (
            f"An earlier import of this row, to {told:,} points, is not done yet (`milestones outbox show "
            f"{adjustment.id}`). Import it again when it is."
        )
        return Plan(entry, Prospect.REFUSED, why=why)
    return Plan(entry, Prospect.AGAIN, following)


async def place_rows(
    store: Store, rules: Rules, terms: Terms, entries: Sequence[Entry], now: datetime
) -> list[Plan]:
    """Order what is to be done for these rows, in one transaction. Killed anywhere, it is given again and goes on.

    Raises UsageError where nothing is done for the site, and StoreError.
    """
    async with store.read() as tx:
        plans = await plan_rows(tx, rules, terms, entries)
    if any(plan.undone for plan in plans):
        async with store.write() as tx:
            # No drain takes up meanwhile what is looked at here, and no person lets it go on.
            await lock_site(tx, terms.site_id)
            plans = await plan_rows(tx, rules, terms, entries)
            await moves.cancel(tx, [number for plan in plans for number in plan.undone], now)
    chosen = [plan for plan in plans if plan.prospect in {Prospect.NEW, Prospect.AGAIN}]
    results = await place_all(store, rules, [_asking(terms, plan) for plan in chosen], now)
    placed = {plan.entry.line: result for plan, result in zip(chosen, results, strict=True)}
    return [_with_result(plan, placed.get(plan.entry.line)) for plan in plans]


def _asking(terms: Terms, plan: Plan) -> Asking:
    points = plan.entry.points
    request = AdjustPoints(
        by=points if terms.adds else None,
        to=None if terms.adds else points,
        reason=terms.reason,
        mutes=not terms.fires,
    )
    person = _person(terms, plan.entry)
    return Asking(terms.site_id, OrderSource.IMPORT, plan.key, person, request, passes=terms.passes)


def _with_result(plan: Plan, result: Placed | UsageError | None) -> Plan:
    if result is None:
        return plan
    if isinstance(result, UsageError):
        return replace(plan, prospect=Prospect.REFUSED, why=str(result))
    return replace(plan, is_held=result.order.verdict == Verdict.BREAKER)
