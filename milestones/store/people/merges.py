"""Contacts that became one: what was given to any of them counts for all, and what is still owed goes to the one left.

Merges form trees: a contact goes into another, which may later go into a third. All accounts of a tree are one
customer; the *heir* is the account of the contact at its root. Wix may tell of any of it in any order, so ``follow``
brings a tree to the same end from wherever it stands, and may be repeated.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Executable, and_, bindparam, or_, select, update

from milestones.domain.actions import FINAL, Need, State
from milestones.domain.keys import grant_key, reminder_key
from milestones.domain.milestone import Repeat
from milestones.domain.verdict import Verdict
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import add_missing, chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves, schedule
from milestones.store.people import erasure
from milestones.store.tables import (
    Account,
    Action,
    Change,
    ContactChange,
    DefinitionVersion,
    Grant,
    Reminder,
)

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_CHANGES = table_of(ContactChange)
_GRANTS = table_of(Grant)
_REMINDERS = table_of(Reminder)
_VERSIONS = table_of(DefinitionVersion)

PATIENCE = timedelta(hours=48)
"""How long a deletion waits for its merge, and what is owed for the account into which it went. Wix repeats events
for 47 hours (docs/wix-api.md, 4.1)."""

_HAS_BEGUN = frozenset({State.RUNNING, State.DONE, State.UNKNOWN})


@dataclass(frozen=True, slots=True)
class _Customer:
    """All accounts of a tree: the heir, if it is known, and the others. gone: nobody is left to be given anything."""

    heir: str | None
    gone: bool
    others: tuple[str, ...]

    @property
    def accounts(self) -> tuple[str, ...]:
        return self.others if self.heir is None else (self.heir, *self.others)


def _merges_query(keys: Sequence[Any]) -> Executable:
    merged = (_CHANGES.c.site_id == bindparam("site_id")) & (_CHANGES.c.change == Change.MERGED)
    either = or_(_CHANGES.c.contact_key.in_(keys), _CHANGES.c.target_key.in_(keys))
    return select(_CHANGES.c.contact_key, _CHANGES.c.target_key).where(merged, either)


_MERGES = Lookup(_merges_query)


async def find_merged(tx: Transaction, site_id: str, contact_keys: Iterable[str]) -> set[str]:
    """Which of these contacts were merged, or had another merged into them."""
    keys = set(contact_keys)
    rows = await _MERGES.fetch(tx, sorted(keys), site_id=site_id)
    return keys & {key for row in rows for key in (row.contact_key, row.target_key)}


async def follow(tx: Transaction, site_id: str, contact_keys: Iterable[str], now: datetime) -> None:
    """Bring the customers together whose contacts these are: share what was given, hand over what is owed."""
    left = set(contact_keys)
    while left:
        root, tree = await _tree(tx, site_id, min(left))
        left -= tree
        customer = await _customer(tx, site_id, root, tree)
        await _share_grants(tx, site_id, customer.accounts, now)
        await _share_reminders(tx, site_id, customer.accounts, now)
        await _hand_over(tx, site_id, customer, now)


async def list_accounts(
    tx: Transaction, site_id: str, account_ids: Iterable[str]
) -> dict[str, frozenset[str]]:
    """All accounts of the customers who have these, by each."""
    keys: dict[str, str] = {}
    asked = sorted(set(account_ids))
    for ids in chunks(asked):
        statement = select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_key).where(
            _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.id.in_(ids), _ACCOUNTS.c.contact_key.is_not(None)
        )
        keys |= {row.id: row.contact_key for row in (await tx.execute(statement)).all()}
    merged = await find_merged(tx, site_id, keys.values())
    found = {account_id: frozenset([account_id]) for account_id in asked}
    for account_id, key in keys.items():
        if key in merged:
            customer = await _customer(tx, site_id, *await _tree(tx, site_id, key))
            found[account_id] |= frozenset(customer.accounts)
    return found


async def _tree(tx: Transaction, site_id: str, contact_key: str) -> tuple[str, set[str]]:
    """The contact at the root, and all contacts of the tree. Ends also where Wix tells of a circle."""
    root, passed = contact_key, {contact_key}
    targets = select(_CHANGES.c.target_key).where(
        _CHANGES.c.site_id == site_id, _CHANGES.c.change == Change.MERGED
    )
    while True:
        into = (await tx.execute(targets.where(_CHANGES.c.contact_key == root))).scalar_one_or_none()
        if into is None or into in passed:
            break
        root = into
        passed.add(root)
    tree, edge = {root}, {root}
    sources = select(_CHANGES.c.contact_key).where(_CHANGES.c.site_id == site_id)
    while edge:
        result = (await tx.execute(sources.where(_CHANGES.c.target_key.in_(edge)))).scalars()
        edge = set(result) - tree
        tree |= edge
    return root, tree | passed


async def _customer(tx: Transaction, site_id: str, root: str, tree: Collection[str]) -> _Customer:
    statement = (
        select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_key, _ACCOUNTS.c.erased_at)
        .where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.contact_key.in_(tree))
        .order_by(_ACCOUNTS.c.id)
    )
    rows = (await tx.execute(statement)).all()
    # A contact has one account by contract. Were there two, one that is not erased is the better heir.
    heirs = sorted(
        (row for row in rows if row.contact_key == root), key=lambda row: (row.erased_at is not None, row.id)
    )
    heir = heirs[0] if heirs else None
    deleted = select(_CHANGES.c.contact_key).where(
        _CHANGES.c.site_id == site_id, _CHANGES.c.contact_key == root, _CHANGES.c.change == Change.DELETED
    )
    return _Customer(
        heir.id if heir is not None else None,
        (heir is not None and heir.erased_at is not None) or (await tx.execute(deleted)).first() is not None,
        tuple(row.id for row in rows if heir is None or row.id != heir.id),
    )


# What was given once


async def _share_grants(tx: Transaction, site_id: str, accounts: Sequence[str], now: datetime) -> None:
    """Milestones that are given once, and rungs of ladders, count as given to every account of the customer.

    Those that are given again and again do not: each account's history says where its cycles are.
    """
    repeating = await _list_repeating(tx, site_id)
    statement = (
        select(_GRANTS)
        .where(_GRANTS.c.site_id == site_id, _GRANTS.c.account_id.in_(accounts))
        .order_by(_GRANTS.c.id)
    )
    rows = [row for row in (await tx.execute(statement)).mappings().all() if row["version"] not in repeating]
    originals = [row for row in rows if row["verdict"] != Verdict.INHERITED]
    first: dict[Any, Mapping[Any, Any]] = {}
    for row in originals:
        first.setdefault((row["milestone"], row["occurrence"]), row)
    copies = [
        {**row, "account_id": account, "verdict": Verdict.INHERITED.value}
        for row in first.values()
        for account in accounts
        if account != row["account_id"]
    ]
    await _add_copies(tx, Grant, copies, ["site_id", "account_id", "milestone", "occurrence"])
    await _cancel_doubles(
        tx,
        [
            (
                (row["milestone"], row["occurrence"]),
                grant_key(site_id, row["account_id"], row["milestone"], row["occurrence"]),
            )
            for row in originals
        ],
        now,
    )


async def _list_repeating(tx: Transaction, site_id: str) -> set[int]:
    """Numbers of the definitions that are given again and again."""
    statement = select(_VERSIONS.c.number, _VERSIONS.c.definition).where(_VERSIONS.c.site_id == site_id)
    rows = (await tx.execute(statement)).all()
    return {row.number for row in rows if row.definition["repeat"] == Repeat.EVERY}


async def _share_reminders(tx: Transaction, site_id: str, accounts: Sequence[str], now: datetime) -> None:
    """Who was reminded under one account is not reminded anew under another."""
    statement = (
        select(_REMINDERS)
        .where(_REMINDERS.c.site_id == site_id, _REMINDERS.c.account_id.in_(accounts))
        .order_by(_REMINDERS.c.id)
    )
    rows = (await tx.execute(statement)).mappings().all()
    copies = [{**row, "account_id": account, "scan_id": None} for row in rows for account in accounts]
    unique = ["site_id", "account_id", "milestone", "approach", "number"]
    await _add_copies(tx, Reminder, copies, unique)
    await _cancel_doubles(
        tx,
        [
            (
                (row["milestone"], row["approach"], row["number"]),
                reminder_key(site_id, row["account_id"], row["milestone"], row["approach"], row["number"]),
            )
            for row in rows
            if row["scan_id"] is not None
        ],
        now,
    )


async def _add_copies(
    tx: Transaction,
    model: type[Grant] | type[Reminder],
    rows: Sequence[Mapping[Any, Any]],
    unique: Sequence[str],
) -> None:
    bare = [{str(name): value for name, value in row.items() if name != "id"} for row in rows]
    await add_missing(tx, model, bare, unique=unique)


async def _cancel_doubles(tx: Transaction, owners: Iterable[tuple[Any, str]], now: datetime) -> None:
    """Of what two accounts were owed before anybody told that they are one customer's, one is enough.

    owners: what they are for, and their key, oldest first; none that was inherited. One that has begun is preferred;
    if several have, they go on, since what was done cannot be taken back. One whose actions are forgotten has ended.
    """
    by_occasion: dict[Any, list[str]] = {}
    for occasion, owner in owners:
        by_occasion.setdefault(occasion, []).append(owner)
    for several in by_occasion.values():
        if len(several) < 2:
            continue
        columns = (_ACTIONS.c.owner, _ACTIONS.c.state, _ACTIONS.c.lost_at)
        rows = (await tx.execute(select(*columns).where(_ACTIONS.c.owner.in_(several)))).all()
        begun = {row.owner for row in rows if row.state in _HAS_BEGUN or row.lost_at is not None}
        begun |= set(several) - {row.owner for row in rows}
        owing = [owner for owner in several if any(r.owner == owner and r.state not in FINAL for r in rows)]
        spared = begun or set(owing[:1])
        doubles = _ACTIONS.c.owner.in_(set(owing) - spared)
        await moves.give_up(tx, doubles, Verdict.ALREADY_GIVEN, now)


# What is still owed


async def _hand_over(tx: Transaction, site_id: str, customer: _Customer, now: datetime) -> None:
    """Open actions go on for the heir: to its address, its member, its points. All gates are asked again."""
    theirs = (_ACTIONS.c.site_id == site_id) & _ACTIONS.c.account_id.in_(customer.accounts)
    if customer.gone:
        await erasure.cancel(tx, site_id, customer.accounts, Verdict.DELETED, now)
    if customer.heir is None:
        await moves.await_heir(tx, theirs & schedule.TIMED)
        return
    await moves.go_on(
        tx,
        and_(
            theirs,
            _ACTIONS.c.needs.is_not(None),
            or_(_ACTIONS.c.needs == Need.ACCOUNT, _ACTIONS.c.account_id != customer.heir),
        ),
        verdict=None,
    )
    await tx.execute(
        update(_ACTIONS).where(theirs, _ACTIONS.c.state.not_in(FINAL)).values(account_id=customer.heir)
    )


async def list_expired(tx: Transaction, now: datetime) -> dict[str, list[str]]:
    """The accounts, by site, whose actions wait for an account of which nobody told in all this time."""
    waiting = (
        select(_ACTIONS.c.site_id, _ACTIONS.c.account_id)
        .join(
            _ACCOUNTS,
            (_ACCOUNTS.c.site_id == _ACTIONS.c.site_id) & (_ACCOUNTS.c.id == _ACTIONS.c.account_id),
        )
        .join(
            _CHANGES,
            (_CHANGES.c.site_id == _ACCOUNTS.c.site_id)
            & (_CHANGES.c.contact_key == _ACCOUNTS.c.contact_key)
            & (_CHANGES.c.change == Change.MERGED),
        )
        .where(
            # By site and state first, as the index of what is due has them.
            _ACTIONS.c.site_id.in_(select(_CHANGES.c.site_id)),
            _ACTIONS.c.state == State.WAITING,
            _ACTIONS.c.needs == Need.ACCOUNT,
            _CHANGES.c.recorded_at <= now - PATIENCE,
        )
    )
    result: dict[str, list[str]] = {}
    for row in (await tx.execute(waiting.distinct())).all():
        result.setdefault(row.site_id, []).append(row.account_id)
    return result
