"""Accounts and their histories: rows to the values of ``domain.account`` and back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, delete, func, select, update
from sqlmodel import col

from milestones.domain.account import AccountState, Taken
from milestones.domain.actions import Need, State
from milestones.domain.keys import address_key, contact_key
from milestones.domain.observation import Customer, Measures, Point, Run, Stamp
from milestones.formats.mail_addresses import address_form
from milestones.store.database.locks import lock_accounts
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import chunks, put, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves
from milestones.store.tables import Account, Action, ObservationRun

_ACCOUNTS = table_of(Account)
_RUNS = table_of(ObservationRun)
_ACTIONS = table_of(Action)

_OF_A_STATE = (
    *(
        "id",
        "balance",
        "earned",
        "tier_points",
        "run",
        "first_revision",
        "first_stamped_at",
        "first_sequence",
    ),
    *(
        "definitions",
        "bases",
        "contact_id",
        "member_id",
        "email",
        "name",
        "created_at",
        "erased_at",
        "contact_key",
    ),
)
"""The columns that ``domain.account`` knows of."""

_Place = tuple[str, tuple[int, int, int, int, bool, int]]
"""A point of an account's history: the account, and the point's order."""


def _states_query(ids: Sequence[Any]) -> Executable:
    newest = (
        (_RUNS.c.site_id == _ACCOUNTS.c.site_id)
        & (_RUNS.c.account_id == _ACCOUNTS.c.id)
        & (_RUNS.c.run == _ACCOUNTS.c.run)
    )
    run = (_RUNS.c.stamps, _RUNS.c.tier_points.label("run_tier_points"))
    theirs = (_ACCOUNTS.c.site_id == bindparam("site_id")) & _ACCOUNTS.c.id.in_(ids)
    return select(*(_ACCOUNTS.c[name] for name in _OF_A_STATE), *run).join(_RUNS, newest).where(theirs)


def _histories_query(ids: Sequence[Any]) -> Executable:
    theirs = (_RUNS.c.site_id == bindparam("site_id")) & _RUNS.c.account_id.in_(ids)
    return select(_RUNS).where(theirs).order_by(_RUNS.c.account_id, _RUNS.c.run)


_STATES, _HISTORIES = Lookup(_states_query), Lookup(_histories_query)


async def get_states(tx: Transaction, site_id: str, account_ids: Iterable[str]) -> dict[str, AccountState]:
    """What is known of these accounts, with the newest run of each."""
    rows = await _STATES.fetch(tx, account_ids, site_id=site_id)
    return {row.id: _state(row) for row in rows}


async def get_histories(tx: Transaction, site_id: str, account_ids: Iterable[str]) -> dict[str, list[Run]]:
    """The whole kept history of each of these accounts, in true order."""
    result: dict[str, list[Run]] = {}
    for row in await _HISTORIES.fetch(tx, account_ids, site_id=site_id):
        result.setdefault(row.account_id, []).append(_run(row))
    return result


async def save(
    tx: Transaction,
    site_id: str,
    secret: bytes,
    taken: Sequence[Taken],
    now: datetime,
    known: Mapping[str, AccountState] | None = None,
) -> None:
    """Write accounts and the runs that changed.

    secret: makes the key by which an address is recognised. known: the accounts as they were read in this transaction,
    whose newest runs are not written again where they stand as they were.
    """
    kept = {account_id: state.last for account_id, state in (known or {}).items()}
    rewritten = [item.state.account_id for item in taken if item.rewritten]
    origins = await _origins(tx, site_id, rewritten)
    for ids in chunks(rewritten):
        await tx.execute(delete(_RUNS).where(_RUNS.c.site_id == site_id, _RUNS.c.account_id.in_(ids)))
    await put(tx, Account, [_account_row(site_id, secret, item.state, now) for item in taken])
    await put(
        tx,
        ObservationRun,
        [
            {
                "site_id": site_id,
                "account_id": item.state.account_id,
                "run": ordinal,
                **run.measures._asdict(),
                "stamps": [list(stamp) for stamp in run.stamps],
                "source": source,
                "recorded_at": recorded_at,
            }
            for item in taken
            for ordinal, run in item.runs.items()
            if item.rewritten or run is not kept.get(item.state.account_id)
            for source, recorded_at in [
                origins.get((item.state.account_id, run.first.order), (item.source.value, now))
            ]
        ],
        keep=("recorded_at", "source"),
    )


async def _origins(
    tx: Transaction, site_id: str, account_ids: Sequence[str]
) -> dict[_Place, tuple[str, datetime]]:
    """Who told of each point of these histories first, and when: to be kept when they are written anew."""
    result: dict[_Place, tuple[str, datetime]] = {}
    for row in await _HISTORIES.fetch(tx, account_ids, site_id=site_id):
        run = _run(row)
        points = [Point(stamp, run.measures) for stamp in run.stamps]
        result |= {(row.account_id, point.order): (row.source, row.recorded_at) for point in points}
    return result


def person_keys(site_id: str, secret: bytes, state: AccountState) -> tuple[str | None, str | None]:
    """The keys by which the contact and the mail address of an account are recognised; two that share one are one
    person's.
    """
    contact_id, email = state.customer.contact_id, state.customer.email
    return (
        state.contact_key or (contact_key(secret, site_id, contact_id) if contact_id else None),
        address_key(secret, site_id, address_form(email)) if email else None,
    )


def _account_row(site_id: str, secret: bytes, state: AccountState, now: datetime) -> dict[str, Any]:
    newest, customer, contact_id = state.last.last.stamp, state.customer, state.customer.contact_id
    of_contact, of_address = person_keys(site_id, secret, state)
    return {
        "site_id": site_id,
        "id": state.account_id,
        "contact_id": contact_id if state.erased_at is None else None,
        "contact_key": of_contact,
        "member_id": customer.member_id,
        "email": customer.email,
        "email_key": of_address,
        "name": customer.name,
        **state.measures._asdict(),
        "revision": newest.revision,
        "stamped_at": newest.at,
        "sequence": newest.sequence,
        "run": state.ordinal,
        "first_revision": state.first.revision,
        "first_stamped_at": state.first.at,
        "first_sequence": state.first.sequence,
        "definitions": state.definitions,
        "bases": bases_row(state.bases),
        "created_at": state.created_at,
        "seen_at": now,
        "erased_at": state.erased_at,
    }


def bases_row(bases: Mapping[str, Point]) -> dict[str, list[int | None]]:
    """Where versions start to look, as it is kept."""
    return {key: [*point.stamp, *point.measures] for key, point in bases.items()}


def _state(row: Any) -> AccountState:
    bases = row.bases.items() if row.bases else ()
    return AccountState(
        account_id=row.id,
        last=Run(Measures(row.balance, row.earned, row.run_tier_points), _stamps(row.stamps)),
        ordinal=row.run,
        measures=Measures(row.balance, row.earned, row.tier_points),
        first=Stamp(row.first_revision, row.first_stamped_at, row.first_sequence),
        definitions=row.definitions,
        bases={key: Point(Stamp(*point[:3]), Measures(*point[3:])) for key, point in bases},
        customer=Customer(row.contact_id, row.member_id, row.email, row.name),
        created_at=row.created_at,
        erased_at=row.erased_at,
        contact_key=row.contact_key,
    )


def _run(row: Any) -> Run:
    return Run(Measures(row.balance, row.earned, row.tier_points), _stamps(row.stamps))


def _stamps(stamps: Iterable[Iterable[int]]) -> tuple[Stamp, ...]:
    return tuple(Stamp(*stamp) for stamp in stamps)


async def wake(tx: Transaction, site_id: str, need: Need, account_ids: Sequence[str], now: datetime) -> None:
    """Let go on what waited for something of these accounts: a member, or consent."""
    for ids in chunks(account_ids):
        theirs = _is_waiting(site_id, need) & _ACTIONS.c.account_id.in_(ids)
        await moves.go_on(tx, theirs, now, verdict=None)


async def wake_consent(tx: Transaction, site_id: str, email_key: str, now: datetime) -> None:
    """Let go on what waited for the customer of this address to agree to mail."""
    owners = select(_ACCOUNTS.c.id).where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.email_key == email_key)
    theirs = _is_waiting(site_id, Need.CONSENT) & _ACTIONS.c.account_id.in_(owners)
    await moves.go_on(tx, theirs, now, verdict=None)


async def wake_settling(
    tx: Transaction, site_id: str, measures: Mapping[tuple[str, str], int | None], now: datetime
) -> None:
    """Of rewards that had fallen back, those that are reached again: their return period starts anew.

    measures: the measure now, by (account, milestone); None where Wix does not tell it any more.
    """
    columns = (_ACTIONS.c.id, _ACTIONS.c.account_id, _ACTIONS.c.milestone, _ACTIONS.c.payload)
    for ids in chunks(sorted({account_id for account_id, _ in measures})):
        waiting = select(*columns).where(
            _ACTIONS.c.site_id == site_id,
            _ACTIONS.c.account_id.in_(ids),
            _ACTIONS.c.state == State.WAITING,
            _ACTIONS.c.needs == Need.THRESHOLD,
        )
        for row in (await tx.execute(waiting)).all():
            key, settle = (row.account_id, row.milestone), row.payload["settle"]
            value = measures.get(key)
            if key not in measures or (value is not None and value < settle["threshold"]):
                continue
            due = now + timedelta(seconds=settle["seconds"])
            await moves.go_on(tx, _ACTIONS.c.id == row.id, due)


def _is_waiting(site_id: str, need: Need) -> ColumnElement[bool]:
    return and_(_ACTIONS.c.site_id == site_id, _ACTIONS.c.state == State.WAITING, _ACTIONS.c.needs == need)


async def note_seen(tx: Transaction, site_id: str, account_ids: Sequence[str], now: datetime) -> None:
    """Note that these accounts are there, whether or not anything is new about them."""
    await lock_accounts(tx, ((site_id, account_id) for account_id in account_ids))
    for ids in chunks(account_ids):
        theirs = (_ACCOUNTS.c.site_id == site_id) & _ACCOUNTS.c.id.in_(ids)
        await tx.execute(update(_ACCOUNTS).where(theirs).values(seen_at=now))


async def list_unseen(tx: Transaction, site_id: str, moment: datetime) -> list[tuple[str, str | None]]:
    """(account, contact) of those that nothing was heard of, and who are not known to be gone."""
    statement = select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_id).where(
        _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.seen_at < moment, _ACCOUNTS.c.erased_at.is_(None)
    )
    return [(row.id, row.contact_id) for row in (await tx.execute(statement)).all()]


async def list_with_customers(
    tx: Transaction, site_id: str, account_ids: Sequence[str]
) -> list[tuple[str, str | None]]:
    """(account, contact) of those of whose customer a name or an address is known."""
    with_customer = _ACCOUNTS.c.email.is_not(None) | _ACCOUNTS.c.name.is_not(None)
    statement = select(_ACCOUNTS.c.id, _ACCOUNTS.c.contact_id).where(
        _ACCOUNTS.c.site_id == site_id, with_customer
    )
    return [
        (row.id, row.contact_id)
        for ids in chunks(account_ids)
        for row in (await tx.execute(statement.where(_ACCOUNTS.c.id.in_(ids)))).all()
    ]


async def count(tx: Transaction, site_id: str) -> int:
    """How many accounts of a site are known."""
    statement = select(func.count()).select_from(Account).where(col(Account.site_id) == site_id)
    return (await tx.execute(statement)).scalar_one()
