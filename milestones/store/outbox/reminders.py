"""What one person was reminded of, by whichever of their accounts: two accounts of one contact or of one mail address are
one reader.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from milestones.domain.actions import FINAL, MAIL, State
from milestones.domain.reminder import APART
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Action, Reminder

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_REMINDERS = table_of(Reminder)


@dataclass(frozen=True, slots=True)
class PersonReminders:
    """The reminders of a person: when those of their other accounts were recorded, and the mails of all.

    accounts: of this person, the one that was asked about included.
    """

    accounts: frozenset[str]
    others: Sequence[datetime] = ()
    mails: Sequence[Mapping[Any, Any]] = ()

    @property
    def waiting(self) -> bool:
        """Whether a mail of these is yet to leave, whatever keeps it."""
        return any(row["state"] not in FINAL and row["state"] != State.UNKNOWN for row in self.mails)

    def list_left(self, account_id: str) -> list[tuple[str | None, datetime]]:
        """When mails of these left, as far as anybody knows, with the milestone if it was this account's."""
        return [
            (row["milestone"] if row["account_id"] == account_id else None, row["settled_at"])
            for row in self.mails
            if row["state"] in {State.DONE, State.UNKNOWN} and row["settled_at"] is not None
        ]

    def free_at(self, action: Action, now: datetime) -> datetime | None:
        """When the mail of a reminder may leave, if another one of its person comes first; None if it may now.

        Those that are claimed go in the order of ``domain.reminder.nearest_first``.
        """
        mine = _order(action.payload, action.milestone, action.id)
        claimed = [row for row in self.mails if row["state"] == State.RUNNING and row["id"] != action.id]
        if any(_order(row["payload"], row["milestone"], row["id"]) < mine for row in claimed):
            return now + AGAIN
        left = [at for milestone, at in self.list_left(action.account_id) if milestone != action.milestone]
        return max((at + APART for at in left if at + APART > now), default=None)


AGAIN = timedelta(minutes=5)
"""When to look again what became of a mail that comes first."""


def _order(payload: Mapping[str, Any], milestone: str, number: int | None) -> tuple[int, str, int]:
    return payload["points"]["missing"], milestone, number or 0


Keys = tuple[str | None, str | None]
"""By which the contact and the mail address of an account are recognised."""

NOTHING_ASSUMED: Mapping[str, Keys] = {}


async def get_by_person(
    tx: Transaction,
    site_id: str,
    account_ids: Iterable[str],
    assumed: Mapping[str, Keys] = NOTHING_ASSUMED,
) -> dict[str, PersonReminders]:
    """For each of these accounts, what its person was reminded of.

    assumed: accounts that are to be taken as if they had these keys, whatever is stored of them.
    """
    people = await _people(tx, site_id, list(account_ids), assumed)
    everybody = sorted({account for accounts in people.values() for account in accounts})
    recorded: dict[str, dict[Any, datetime]] = {}
    inherited: dict[str, set[Any]] = {}
    mails: dict[str, list[Mapping[Any, Any]]] = {}
    columns = [
        _ACTIONS.c[name] for name in ("id", "account_id", "milestone", "state", "settled_at", "payload")
    ]
    for ids in chunks(everybody):
        reminders = select(_REMINDERS).where(
            _REMINDERS.c.site_id == site_id, _REMINDERS.c.account_id.in_(ids)
        )
        for row in (await tx.execute(reminders)).mappings():
            occasion = row["milestone"], row["approach"], row["number"]
            if row["scan_id"] is None:
                inherited.setdefault(row["account_id"], set()).add(occasion)
            else:
                recorded.setdefault(row["account_id"], {})[occasion] = row["recorded_at"]
        actions = select(*columns).where(
            _ACTIONS.c.site_id == site_id,
            _ACTIONS.c.account_id.in_(ids),
            _ACTIONS.c.kind == MAIL,
            # Only reminders belong to a scan.
            _ACTIONS.c.scan_id.is_not(None),
        )
        for row in (await tx.execute(actions)).mappings():
            mails.setdefault(row["account_id"], []).append(row)
    return {
        account_id: PersonReminders(
            accounts,
            [
                at
                for other in accounts
                if other != account_id
                for occasion, at in recorded.get(other, {}).items()
                # After a merge it counts as its own.
                if occasion not in inherited.get(account_id, ())
            ],
            [row for other in accounts for row in mails.get(other, [])],
        )
        for account_id, accounts in people.items()
    }


async def _people(
    tx: Transaction, site_id: str, account_ids: Collection[str], assumed: Mapping[str, Keys]
) -> dict[str, frozenset[str]]:
    """The accounts of the person that each of these is of, itself included."""
    columns = (_ACCOUNTS.c.id, _ACCOUNTS.c.contact_key, _ACCOUNTS.c.email_key)
    of_site = select(*columns).where(_ACCOUNTS.c.site_id == site_id)
    asked: dict[str, Keys] = {
        row.id: (row.contact_key, row.email_key)
        for ids in chunks(list(account_ids))
        for row in (await tx.execute(of_site.where(_ACCOUNTS.c.id.in_(ids)))).all()
    }
    asked |= {key: assumed[key] for key in account_ids if key in assumed}
    sharing: dict[str, set[str]] = {}
    for column, keys in (
        (_ACCOUNTS.c.contact_key, {of_contact for of_contact, _ in asked.values()}),
        (_ACCOUNTS.c.email_key, {of_address for _, of_address in asked.values()}),
    ):
        for some in chunks([key for key in keys if key is not None]):
            for row in (await tx.execute(of_site.where(column.in_(some)))).all():
                if row.id not in assumed:
                    _share(sharing, row.id, (row.contact_key, row.email_key))
    for account_id, pair in assumed.items():
        _share(sharing, account_id, pair)
    result = {account_id: frozenset({account_id}) for account_id in account_ids}
    for account_id, pair in asked.items():
        result[account_id] |= frozenset(other for key in pair if key is not None for other in sharing[key])
    return result


def _share(sharing: dict[str, set[str]], account_id: str, keys: Keys) -> None:
    for key in keys:
        if key is not None:
            sharing.setdefault(key, set()).add(account_id)
