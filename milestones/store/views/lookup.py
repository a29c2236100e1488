"""What the commands and the page look up: accounts and actions, with their surroundings. Nothing here writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Table, and_, false, func, or_, select

from milestones.domain.actions import MAIL, State
from milestones.domain.keys import address_key, contact_key
from milestones.domain.milestone import Milestone, Repeat
from milestones.formats.mail_addresses import address_form, is_address
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import (
    Account,
    Action,
    DefinitionVersion,
    Grant,
    ObservationRun,
    Order,
    Rejected,
    Reminder,
    Site,
    Subscription,
    Suppression,
    Trace,
)

_SITES = table_of(Site)
_ACCOUNTS = table_of(Account)
_RUNS = table_of(ObservationRun)
_ACTIONS = table_of(Action)
_ORDERS = table_of(Order)
_VERSIONS = table_of(DefinitionVersion)
_GRANTS = table_of(Grant)
_REMINDERS = table_of(Reminder)
_TRACES = table_of(Trace)
_SUPPRESSIONS = table_of(Suppression)
_SUBSCRIPTIONS = table_of(Subscription)
_REJECTED = table_of(Rejected)


def is_of(table: Table, account_id: str, site_id: str | None) -> ColumnElement[bool]:
    """Whether a row of actions or orders is of an account. Of which site is asked also where any will do: the index begins
    with it.
    """
    sites = select(_SITES.c.id) if site_id is None else [site_id]
    return and_(table.c.site_id.in_(sites), table.c.account_id == account_id)


@dataclass(frozen=True, slots=True)
class Which:
    """Actions by what they have in common; an empty field leaves it open.

    source: of the order that owes them. up_to: the highest id: what was recorded after a person looked is not meant.
    """

    ids: tuple[int, ...] = ()
    site: str | None = None
    milestone: str | None = None
    kind: str | None = None
    state: str | None = None
    verdict: str | None = None
    account: str | None = None
    source: str | None = None
    up_to: int | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        """For the WHERE of a statement on actions."""
        columns = {
            "site_id": self.site,
            "milestone": self.milestone,
            "kind": self.kind,
            "state": self.state,
            "verdict": self.verdict,
        }
        wanted = [_ACTIONS.c[name] == value for name, value in columns.items() if value is not None]
        if self.account is not None:
            wanted.append(is_of(_ACTIONS, self.account, self.site))
        if self.ids:
            wanted.append(_ACTIONS.c.id.in_(self.ids))
        if self.source is not None:
            of_source = select(_ORDERS.c.owner).where(_ORDERS.c.source == self.source)
            wanted.append(_ACTIONS.c.owner.in_(of_source))
        if self.up_to is not None:
            wanted.append(_ACTIONS.c.id <= self.up_to)
        return and_(_ACTIONS.c.id.is_not(None), *wanted)


async def list_actions(
    tx: Transaction, which: Which, *, limit: int | None = None, untold: bool = False
) -> list[Action]:
    """Actions, newest first. untold: only coupons that are there and whose mail will not come."""
    statement = select(_ACTIONS).where(which.condition).order_by(_ACTIONS.c.id.desc()).limit(limit)
    if untold:
        statement = statement.where(_is_untold())
    return [Action(**row) for row in (await tx.execute(statement)).mappings()]


_MAILS = _ACTIONS.alias("mails")
_HOPELESS = [State.CANCELLED.value, State.DISCARDED.value]


def _is_untold() -> ColumnElement[bool]:
    """Made, while no mail of the same grant was sent or still may be: nobody knows the code."""
    of_same = and_(_MAILS.c.owner == _ACTIONS.c.owner, _MAILS.c.kind == MAIL)
    mails = select(_MAILS.c.id).where(of_same)
    return and_(
        _ACTIONS.c.kind == "coupon",
        _ACTIONS.c.state == State.DONE,
        mails.exists(),
        ~mails.where(_MAILS.c.state.not_in(_HOPELESS)).exists(),
    )


async def count_untold(tx: Transaction, since: datetime) -> int:
    """Coupons that nobody was told of because a mail came to nothing since a time."""
    lately = select(_MAILS.c.owner).where(
        _MAILS.c.settled_at > since, _MAILS.c.kind == MAIL, _MAILS.c.state.in_(_HOPELESS)
    )
    statement = select(func.count()).where(_ACTIONS.c.owner.in_(lately), _is_untold())
    return int((await tx.execute(statement)).scalar_one())


async def count_by_state(tx: Transaction, which: Which) -> dict[str, int]:
    """How many actions are in each state."""
    statement = select(_ACTIONS.c.state, func.count()).where(which.condition).group_by(_ACTIONS.c.state)
    found = {row[0]: row[1] for row in (await tx.execute(statement)).all()}
    return {state.value: found[state.value] for state in State if state.value in found}


async def list_of_owner(tx: Transaction, owner: str) -> list[Action]:
    """All actions of one grant or reminder, in their order."""
    statement = select(_ACTIONS).where(_ACTIONS.c.owner == owner).order_by(_ACTIONS.c.id)
    return [Action(**row) for row in (await tx.execute(statement)).mappings()]


# Accounts


async def find_accounts(tx: Transaction, secret: bytes, text: str) -> list[Account]:
    """The accounts that an operator may mean, on any site: by account, contact or member id, or by address.

    Of a contact that was erased, the account is still found by the id that the contact had.
    """
    sites = (await tx.execute(select(_SITES.c.id))).scalars().all()
    asked = []
    # Each by an index, all of which begin with the site.
    for some in chunks(sites):
        of_site = _ACCOUNTS.c.site_id.in_(some)
        asked += [of_site & (_ACCOUNTS.c.id == text), of_site & (_ACCOUNTS.c.member_id == text)]
        if "@" in text or is_address(text):
            form = address_form(text)
            keys = [address_key(secret, site, form) for site in some]
            asked.append(of_site & _ACCOUNTS.c.email_key.in_(keys))
        else:
            keys = [contact_key(secret, site, text) for site in some]
            asked.append(of_site & _ACCOUNTS.c.contact_key.in_(keys))
    found: dict[tuple[str, str], Account] = {}
    for condition in asked:
        for row in (await tx.execute(select(_ACCOUNTS).where(condition))).mappings():
            found[row["site_id"], row["id"]] = Account(**row)
    # Not by the statement: SQLite would go through all accounts in their order, rather than put a few into it.
    return [found[place] for place in sorted(found)]


SHORTEST_PREFIX = 4
"""Characters of an id by which an account is found: fewer are a typing error."""

LONGEST_PREFIX = 100
"""Characters that may begin an id. SQLite gives up on patterns of 50,000."""


async def find_accounts_like(
    tx: Transaction, site_ids: Sequence[str], text: str, limit: int
) -> list[Account]:
    """Accounts of these sites by the customer's name, or by the beginning of an account, contact or member id."""
    wanted = text.strip().lower()
    if not wanted:
        return []
    like = [func.lower(_ACCOUNTS.c.name) == wanted, _ACCOUNTS.c.name == text.strip()]
    if SHORTEST_PREFIX <= len(wanted) <= LONGEST_PREFIX:
        ids = (_ACCOUNTS.c.id, _ACCOUNTS.c.contact_id, _ACCOUNTS.c.member_id)
        like += [func.lower(column).startswith(wanted, autoescape=True) for column in ids]
    statement = select(_ACCOUNTS).where(_ACCOUNTS.c.site_id.in_(site_ids), or_(*like))
    statement = statement.order_by(_ACCOUNTS.c.site_id, _ACCOUNTS.c.id).limit(limit)
    return [Account(**row) for row in (await tx.execute(statement)).mappings()]


async def list_accounts(
    tx: Transaction, *, site_id: str | None, near: Milestone | None, limit: int
) -> list[Account]:
    """Accounts with the highest values first. near: only those inside the near window of this milestone."""
    measure = _ACCOUNTS.c[near.measure.value] if near is not None else _ACCOUNTS.c.balance
    statement = select(_ACCOUNTS).order_by(measure.desc(), _ACCOUNTS.c.id).limit(limit)
    if site_id is not None:
        statement = statement.where(_ACCOUNTS.c.site_id == site_id)
    if near is not None:
        statement = statement.where(is_near(near))
    return [Account(**row) for row in (await tx.execute(statement)).mappings()]


def is_near(milestone: Milestone) -> ColumnElement[bool]:
    """Whether an account is inside the near window of a milestone."""
    if milestone.near is None:
        return false()
    measure = _ACCOUNTS.c[milestone.measure.value]
    # Below the threshold; of a ladder, below any step. A step is reached by its first point.
    start = milestone.threshold - milestone.near.within
    counted = measure % milestone.threshold if milestone.repeat is Repeat.LADDER else measure
    return and_(measure >= 0, counted >= start, counted < milestone.threshold)


async def accounts_by_id(tx: Transaction, site_id: str, account_ids: Iterable[str]) -> list[Account]:
    """Those of these accounts of a site that are known."""
    of_site = select(_ACCOUNTS).where(_ACCOUNTS.c.site_id == site_id)
    return [
        Account(**row)
        for ids in chunks(list(account_ids))
        for row in (await tx.execute(of_site.where(_ACCOUNTS.c.id.in_(ids)))).mappings()
    ]


async def list_runs(tx: Transaction, site_id: str, account_id: str) -> list[ObservationRun]:
    """The history of an account as it is kept, oldest first."""
    statement = (
        select(_RUNS)
        .where(_RUNS.c.site_id == site_id, _RUNS.c.account_id == account_id)
        .order_by(_RUNS.c.run)
    )
    return [ObservationRun(**row) for row in (await tx.execute(statement)).mappings()]


async def list_grants(tx: Transaction, site_id: str, account_id: str) -> list[Grant]:
    """What an account was given, oldest first."""
    statement = select(_GRANTS).where(_GRANTS.c.site_id == site_id, _GRANTS.c.account_id == account_id)
    return [Grant(**row) for row in (await tx.execute(statement.order_by(_GRANTS.c.id))).mappings()]


async def list_reminders(tx: Transaction, site_id: str, account_id: str) -> list[Reminder]:
    """The reminders of an account, oldest first."""
    statement = select(_REMINDERS).where(
        _REMINDERS.c.site_id == site_id, _REMINDERS.c.account_id == account_id
    )
    return [Reminder(**row) for row in (await tx.execute(statement.order_by(_REMINDERS.c.id))).mappings()]


async def list_traces(tx: Transaction, site_id: str, account_id: str) -> list[Trace]:
    """What gates answered for an account, the latest last."""
    statement = select(_TRACES).where(_TRACES.c.site_id == site_id, _TRACES.c.account_id == account_id)
    return [Trace(**row) for row in (await tx.execute(statement.order_by(_TRACES.c.last_at))).mappings()]


async def find_suppression(tx: Transaction, key: str) -> Suppression | None:
    """Why and since when an address must not be mailed, by its key."""
    statement = select(_SUPPRESSIONS).where(_SUPPRESSIONS.c.address_key == key)
    row = (await tx.execute(statement)).mappings().first()
    return Suppression(**row) if row is not None else None


async def find_subscription(tx: Transaction, site_id: str, key: str) -> Subscription | None:
    """What Wix last told by itself of a subscription."""
    statement = select(_SUBSCRIPTIONS).where(
        _SUBSCRIPTIONS.c.site_id == site_id, _SUBSCRIPTIONS.c.email_key == key
    )
    row = (await tx.execute(statement)).mappings().first()
    return Subscription(**row) if row is not None else None


# Sites, kept bodies


async def find_sites(tx: Transaction, text: str) -> list[Site]:
    """Sites by id or by name."""
    named = or_(_SITES.c.id == text, func.lower(_SITES.c.name) == text.strip().casefold())
    return [Site(**row) for row in (await tx.execute(select(_SITES).where(named))).mappings()]


async def list_rejected(
    tx: Transaction, ids: Sequence[int] = (), *, limit: int | None = None
) -> list[Rejected]:
    """Kept bodies, newest first; all of them, or these."""
    statement = select(_REJECTED).order_by(_REJECTED.c.id.desc()).limit(limit)
    if ids:
        statement = statement.where(_REJECTED.c.id.in_(ids))
    return [Rejected(**row) for row in (await tx.execute(statement)).mappings()]


async def count_rejected(tx: Transaction) -> int:
    """How many bodies are kept."""
    return int((await tx.execute(select(func.count()).select_from(_REJECTED))).scalar_one())


async def list_account_ids(tx: Transaction, site_id: str, after: str, limit: int) -> list[str]:
    """Ids of a site's accounts that come after one, in order."""
    statement = select(_ACCOUNTS.c.id).where(_ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.id > after)
    return list((await tx.execute(statement.order_by(_ACCOUNTS.c.id).limit(limit))).scalars())


async def get_grants_by_account(tx: Transaction, site_id: str, ids: Sequence[str]) -> dict[str, list[Grant]]:
    """The grants of these accounts, oldest first."""
    found: dict[str, list[Grant]] = {}
    statement = select(_GRANTS).where(_GRANTS.c.site_id == site_id, _GRANTS.c.account_id.in_(ids))
    for row in (await tx.execute(statement.order_by(_GRANTS.c.id))).mappings():
        found.setdefault(row["account_id"], []).append(Grant(**row))
    return found


async def list_of_kind(tx: Transaction, site_id: str, kind: str) -> list[Action]:
    """The actions of a kind, whatever became of them."""
    statement = select(_ACTIONS).where(_ACTIONS.c.site_id == site_id, _ACTIONS.c.kind == kind)
    return [Action(**row) for row in (await tx.execute(statement.order_by(_ACTIONS.c.id))).mappings()]
