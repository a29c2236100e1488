"""What cannot be so between rows, found where it is. Reads everything; changes nothing."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    column,
    exists,
    func,
    not_,
    or_,
    select,
    text,
    tuple_,
)

from milestones.domain.actions import FINAL, State
from milestones.domain.verdict import Verdict
from milestones.kinds.registry import NAMES
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import (
    Account,
    Action,
    Attempt,
    Change,
    ContactChange,
    DefinitionVersion,
    Grant,
    ObservationRun,
    Order,
    Reminder,
    Scan,
    ScanState,
    Site,
)

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_ATTEMPTS = table_of(Attempt)
_CHANGES = table_of(ContactChange)
_GRANTS = table_of(Grant)
_ORDERS = table_of(Order)
_REMINDERS = table_of(Reminder)
_RUNS = table_of(ObservationRun)
_SCANS = table_of(Scan)
_SITES = table_of(Site)
_VERSIONS = table_of(DefinitionVersion)
_AWAITED = _ACTIONS.alias("awaited")

MOST_FAULTS = 5
"""Faults of a file, and rows of a contradiction, that are named."""


async def list_file_faults(tx: Transaction) -> list[str]:
    """What SQLite finds wrong with its file. PostgreSQL looks after its own."""
    if tx.dialect.name != "sqlite":
        return []
    found = (await tx.execute(text(f"PRAGMA integrity_check({MOST_FAULTS})"))).scalars().all()
    return [fault for fault in found if fault != "ok"]


class Contradiction(NamedTuple):
    """Rows that cannot be so.

    row: the column that names one. where: which they are. sentence: what they are, behind their number.
    """

    row: Column[str] | Column[int]
    where: ColumnElement[bool]
    sentence: str


async def list_contradictions(tx: Transaction) -> dict[str, list[str]]:
    """A sentence for each contradiction that there is, by what it is about."""
    found: dict[str, list[str]] = {}
    for what, of_table in (
        ("accounts", _of_accounts()),
        ("grants", _of_grants()),
        ("actions", _of_actions(tx.dialect.name)),
    ):
        found[what] = [told for one in of_table if (told := await _describe(tx, one)) is not None]
    return found


async def _describe(tx: Transaction, one: Contradiction) -> str | None:
    counted = select(func.count()).select_from(one.row.table).where(one.where)
    number = (await tx.execute(counted)).scalar_one()
    if not number:
        return None
    named = select(one.row).where(one.where).order_by(one.row).limit(MOST_FAULTS)
    examples = ", ".join(map(str, (await tx.execute(named)).scalars()))
    more = ", ..." if number > MOST_FAULTS else ""
    return f"{number:,} {one.sentence} ({examples}{more})."


def _of_accounts() -> Iterator[Contradiction]:
    newest = and_(
        _RUNS.c.site_id == _ACCOUNTS.c.site_id,
        _RUNS.c.account_id == _ACCOUNTS.c.id,
        _RUNS.c.run == _ACCOUNTS.c.run,
    )
    other = or_(
        _RUNS.c.balance != _ACCOUNTS.c.balance,
        _RUNS.c.earned != _ACCOUNTS.c.earned,
        # A run that is silent about them leaves the account where it was.
        and_(
            _RUNS.c.tier_points.is_not(None),
            _RUNS.c.tier_points.is_distinct_from(_ACCOUNTS.c.tier_points),
        ),
    )
    name = _ACCOUNTS.c.id
    yield Contradiction(
        name, ~exists().where(_SITES.c.id == _ACCOUNTS.c.site_id), "account(s) belong to no known site"
    )
    yield Contradiction(name, ~exists().where(newest), "account(s) lack the newest stretch of their history")
    yield Contradiction(
        name, exists().where(newest, other), "account(s) stand at other points than their history ends with"
    )


def _of_grants() -> Iterator[Contradiction]:
    for table, name in ((_GRANTS, "grant(s)"), (_REMINDERS, "reminder(s)")):
        account = and_(_ACCOUNTS.c.site_id == table.c.site_id, _ACCOUNTS.c.id == table.c.account_id)
        version = and_(_VERSIONS.c.site_id == table.c.site_id, _VERSIONS.c.number == table.c.version)
        yield Contradiction(table.c.id, ~exists().where(account), f"{name} belong to no known account")
        yield Contradiction(
            table.c.id, ~exists().where(version), f"{name} were made under a definition that is not known"
        )


def _of_actions(dialect: str) -> Iterator[Contradiction]:
    owners: list[ColumnElement[bool]] = [
        exists().where(
            table.c.site_id == _ACTIONS.c.site_id,
            table.c.account_id == _ACTIONS.c.account_id,
            table.c.milestone == _ACTIONS.c.milestone,
        )
        for table in (_GRANTS, _REMINDERS)
    ]
    owners.append(exists().where(_ORDERS.c.owner == _ACTIONS.c.owner))
    # Last, and each as one list for all actions: asked anew for each, they would be looked through for each.
    place = tuple_(_ACTIONS.c.site_id, _ACTIONS.c.milestone)
    owners += [place.in_(_merged_away(table)) for table in (_GRANTS, _REMINDERS)]
    name, state = _ACTIONS.c.id, _ACTIONS.c.state
    yield Contradiction(name, not_(or_(*owners)), "action(s) belong to no grant, reminder or order")
    yield Contradiction(
        name,
        or_(state.not_in(list(State)), _ACTIONS.c.kind.not_in(NAMES)),
        "action(s) are of a kind or in a state that only another version knows",
    )
    yield Contradiction(
        name, _awaits(dialect, ~exists().where(_is_awaited())), "action(s) wait for one that does not exist"
    )
    open_one = exists().where(_is_awaited(), _AWAITED.c.state.not_in(FINAL))
    yield Contradiction(
        name,
        and_(state == State.WAITING, _ACTIONS.c.needs.is_(None), ~_awaits(dialect, open_one)),
        "action(s) wait for nothing that will come; `milestones outbox hold` and `release` free them",
    )
    yield Contradiction(
        _ATTEMPTS.c.action_id,
        ~exists().where(_ACTIONS.c.id == _ATTEMPTS.c.action_id),
        "attempt(s) belong to no action",
    )
    running = exists().where(_SCANS.c.id == _ACTIONS.c.scan_id, _SCANS.c.state == ScanState.RUNNING)
    yield Contradiction(
        name,
        and_(state == State.HELD, _ACTIONS.c.verdict == Verdict.SCAN_UNDER_WAY, ~running),
        "action(s) wait for the end of a scan that is over; `milestones outbox hold` and `release` free them",
    )


def _merged_away(table: Table) -> Select[Any]:
    """Sites and milestones of what was given to accounts whose contact was merged: what they owe has gone to another."""
    return (
        select(table.c.site_id, table.c.milestone)
        .join(_ACCOUNTS, (_ACCOUNTS.c.site_id == table.c.site_id) & (_ACCOUNTS.c.id == table.c.account_id))
        .join(
            _CHANGES,
            (_CHANGES.c.site_id == _ACCOUNTS.c.site_id) & (_CHANGES.c.contact_key == _ACCOUNTS.c.contact_key),
        )
        .where(_CHANGES.c.change == Change.MERGED)
    )


_KEY = column("value", String)


def _is_awaited() -> ColumnElement[bool]:
    return _AWAITED.c.key == _KEY


def _awaits(dialect: str, such: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether an action waits for one of which ``such`` is true."""
    spread = func.json_each if dialect == "sqlite" else func.jsonb_array_elements_text
    keys = spread(_ACTIONS.c.waits_for).table_valued(column("value", String), name="keys")
    return exists(select(1).select_from(keys).where(such).correlate(_ACTIONS))
