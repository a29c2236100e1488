"""Forgetting what is old, some at a time, so that no other writer waits for long. Grants are never forgotten."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, extract, func, select, update

from milestones.domain.account import Version
from milestones.domain.actions import FINAL
from milestones.domain.pruning import first_needed, without
from milestones.store import accounts, agreements, mutes
from milestones.store.database.locks import lock_accounts
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import attempts
from milestones.store.people import erasure
from milestones.store.tables import (
    Account,
    Action,
    Earning,
    ObservationRun,
    Order,
    Rejected,
    Scan,
    ScanState,
    Trace,
)

BATCH = 500
"""Rows of one transaction: a few milliseconds of everybody's time."""

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_EARNINGS = table_of(Earning)
_ORDERS = table_of(Order)
_RUNS = table_of(ObservationRun)
_REJECTED = table_of(Rejected)
_SCANS = table_of(Scan)
_TRACES = table_of(Trace)


async def forget_actions(tx: Transaction, before: datetime) -> int:
    """Delete the actions of grants, reminders and orders that are settled altogether since before then.

    Points that are capped stay for the period of the cap as well: the next ones are counted against them.
    """
    young = _ACTIONS.alias("young")
    cap = func.coalesce(young.c.payload["cap"][1].as_float(), 0)
    counted_until = extract("epoch", young.c.settled_at) + cap
    unfinished = (
        select(young.c.id)
        .where(young.c.owner == _ACTIONS.c.owner)
        .where(
            young.c.state.not_in(FINAL)
            | (young.c.settled_at >= before)
            | (counted_until >= before.timestamp())
            | young.c.settled_at.is_(None)
        )
        .exists()
    )
    old = (
        select(_ACTIONS.c.id)
        .where(_ACTIONS.c.state.in_(FINAL), _ACTIONS.c.settled_at < before, ~unfinished)
        .limit(BATCH)
    )
    ids = (await tx.execute(old)).scalars().all()
    # Without their rows nobody could find the files of mails any more, when their customer is to be erased.
    await erasure.delete_copies(tx, _ACTIONS.c.id.in_(ids))
    await attempts.forget(tx, ids)
    return (await tx.execute(delete(_ACTIONS).where(_ACTIONS.c.id.in_(ids)))).rowcount


async def forget_orders(tx: Transaction, before: datetime) -> int:
    """Delete the orders that were recorded before then and whose actions are forgotten."""
    owed = select(_ACTIONS.c.id).where(_ACTIONS.c.owner == _ORDERS.c.owner).exists()
    old = select(_ORDERS.c.id).where(_ORDERS.c.recorded_at < before, ~owed).limit(BATCH)
    return (await tx.execute(delete(_ORDERS).where(_ORDERS.c.id.in_(old)))).rowcount


async def forget_earnings(tx: Transaction, now: datetime) -> int:
    """Delete what no cap counts any more. What is given once stays."""
    old = select(_EARNINGS.c.owner).where(_EARNINGS.c.forget_at < now).limit(BATCH)
    return (await tx.execute(delete(_EARNINGS).where(_EARNINGS.c.owner.in_(old)))).rowcount


async def forget_agreements(tx: Transaction, before: datetime) -> int:
    """Delete the agreements with other programs that came to their end before then; links keep what they left."""
    return await agreements.forget(tx, before)


async def forget_traces(tx: Transaction, before: datetime) -> int:
    """Delete verdicts that were not given any more since before then."""
    key = (_TRACES.c.site_id, _TRACES.c.account_id, _TRACES.c.milestone, _TRACES.c.stage, _TRACES.c.verdict)
    old = (await tx.execute(select(*key).where(_TRACES.c.last_at < before).limit(BATCH))).all()
    for row in old:
        same = [column == value for column, value in zip(key, row, strict=True)]
        await tx.execute(delete(_TRACES).where(*same))
    return len(old)


async def forget_scans(tx: Transaction, before: datetime) -> int:
    """Delete finished scans, but for the newest of each kind: its watermark is needed."""
    newest = (
        select(func.max(_SCANS.c.id))
        .where(_SCANS.c.state == ScanState.FINISHED)
        .group_by(_SCANS.c.site_id, _SCANS.c.kind)
    )
    old = (
        select(_SCANS.c.id)
        .where(
            _SCANS.c.state == ScanState.FINISHED, _SCANS.c.finished_at < before, _SCANS.c.id.not_in(newest)
        )
        .limit(BATCH)
    )
    return (await tx.execute(delete(_SCANS).where(_SCANS.c.id.in_(old)))).rowcount


async def forget_bodies(tx: Transaction, before: datetime) -> int:
    """Delete requests that could not be understood and were not replayed."""
    old = select(_REJECTED.c.id).where(_REJECTED.c.received_at < before).limit(BATCH)
    return (await tx.execute(delete(_REJECTED).where(_REJECTED.c.id.in_(old)))).rowcount


async def forget_observations(
    tx: Transaction, site_id: str, versions: Sequence[Version], before: datetime, after: str
) -> tuple[str | None, int]:
    """Delete old history of some accounts whose id is greater than ``after``.

    Returns the last account looked at, or None at the end, and how many runs went.
    """
    old_runs = _RUNS.alias("old_runs")
    more_than_one = select(old_runs.c.account_id).where(
        old_runs.c.site_id == site_id, old_runs.c.account_id > after, old_runs.c.recorded_at < before
    )
    grouped = more_than_one.group_by(old_runs.c.account_id).having(func.count() > 1)
    ids = list((await tx.execute(grouped.order_by(old_runs.c.account_id).limit(BATCH))).scalars())
    if not ids:
        return None, 0
    # Whoever writes their history now must end first: its runs are deleted by their places.
    await lock_accounts(tx, ((site_id, account_id) for account_id in ids))
    states = await accounts.get_states(tx, site_id, ids)
    histories = await accounts.get_histories(tx, site_id, ids)
    young = await _first_young(tx, site_id, ids, before)
    forgotten = 0
    for account_id, runs in histories.items():
        state = states[account_id]
        first_ordinal = state.ordinal - len(runs) + 1
        first_young = young.get(account_id, state.ordinal + 1) - first_ordinal
        place = first_needed(runs, [version.milestone for version in versions], first_young)
        if place == 0:
            continue
        left = without(state, versions, runs[place].first)
        await tx.execute(
            delete(_RUNS).where(
                _RUNS.c.site_id == site_id,
                _RUNS.c.account_id == account_id,
                _RUNS.c.run < first_ordinal + place,
            )
        )
        await tx.execute(
            update(_ACCOUNTS)
            .where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.id == account_id)
            .values(
                bases=accounts.bases_row(left.bases),
                first_revision=left.first.revision,
                first_stamped_at=left.first.at,
                first_sequence=left.first.sequence,
            )
        )
        await mutes.forget(tx, site_id, account_id, left.first)
        forgotten += place
    return ids[-1], forgotten


async def _first_young(
    tx: Transaction, site_id: str, account_ids: Sequence[str], before: datetime
) -> dict[str, int]:
    """The ordinal of the first run that was recorded since, by account.

    It counts when something was heard, not when it was true: an event of points tells no date (docs/wix-api.md, 4.4).
    """
    statement = (
        select(_RUNS.c.account_id, func.min(_RUNS.c.run))
        .where(_RUNS.c.site_id == site_id, _RUNS.c.account_id.in_(account_ids), _RUNS.c.recorded_at >= before)
        .group_by(_RUNS.c.account_id)
    )
    return {row[0]: row[1] for row in (await tx.execute(statement)).all()}
