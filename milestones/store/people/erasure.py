"""What is removed when a person is gone. That something was given stays, by the opaque id of the account; to whom does not.

The steps are repeatable: whoever finds an account of somebody who is gone may run them again.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import unquote_plus

from sqlalchemy import ColumnElement, Executable, delete, select, update

from milestones.domain.actions import FINAL, State
from milestones.domain.keys import contact_key
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import spellings
from milestones.kinds.registry import KINDS
from milestones.store.database import meta
from milestones.store.database.locks import lock_accounts
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import add_missing, chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import attempts, moves
from milestones.store.people import ordered
from milestones.store.tables import (
    Account,
    Action,
    Change,
    ContactChange,
    ErasedMail,
    Link,
    Order,
    Rejected,
    Subscription,
    Trace,
)

_ACCOUNTS = table_of(Account)
_ACTIONS = table_of(Action)
_CHANGES = table_of(ContactChange)
_LINKS = table_of(Link)
_MAILS = table_of(ErasedMail)
_ORDERS = table_of(Order)
_REJECTED = table_of(Rejected)
_SUBSCRIPTIONS = table_of(Subscription)
_TRACES = table_of(Trace)

REWRITE = "rewrite"
"""The fact that something was erased since the database was last rewritten, and when; empty if nothing was."""

REWRITTEN = "rewritten"
"""The fact when the database was last rewritten."""

_WORDY = [name for name, kind in KINDS.items() if kind.forget is not None]
"""Kinds whose payload holds words that may tell of a person."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_TOKEN = re.compile(rb"[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]+\.[A-Za-z0-9_=-]*")
"""A signed token (JWT), of three parts in base64."""

_ESCAPE = re.compile(r"\\+u([0-9a-fA-F]{4})")


async def erase(tx: Transaction, site_id: str, account_ids: Sequence[str], now: datetime) -> None:
    """Forget whose these accounts were."""
    # Who is writing of them just now has read whose they were: it must not be written after this.
    await lock_accounts(tx, ((site_id, account_id) for account_id in account_ids))
    for ids in chunks(account_ids):
        theirs = (_ACCOUNTS.c.site_id == site_id) & _ACCOUNTS.c.id.in_(ids)
        columns = (_ACCOUNTS.c.id, _ACCOUNTS.c.contact_id, _ACCOUNTS.c.member_id, _ACCOUNTS.c.email)
        rows = (await tx.execute(select(*columns, _ACCOUNTS.c.email_key).where(theirs))).all()
        await tx.execute(
            update(_ACCOUNTS)
            .where(theirs)
            .values(contact_id=None, member_id=None, email=None, name=None, email_key=None)
        )
        unerased = theirs & _ACCOUNTS.c.erased_at.is_(None)
        await tx.execute(update(_ACCOUNTS).where(unerased).values(erased_at=now))
        of_theirs = (_LINKS.c.site_id == site_id) & _LINKS.c.account_id.in_(ids)
        await tx.execute(update(_LINKS).where(of_theirs).values(email=None, email_key=None, phone=None))
        await _forget_subscriptions(tx, site_id, [row.email_key for row in rows if row.email_key])
        await tx.execute(delete(_TRACES).where(_TRACES.c.site_id == site_id, _TRACES.c.account_id.in_(ids)))
        await scrub(tx, (_ACTIONS.c.site_id == site_id) & _ACTIONS.c.account_id.in_(ids))
        await ordered.forget_keys(tx, (_ORDERS.c.site_id == site_id) & _ORDERS.c.account_id.in_(ids))
        named = {text for row in rows for text in row[:3] if text}
        named.update(text for row in rows if row.email for text in spellings(row.email))
        await _forget_bodies(tx, site_id, named)
    if account_ids:
        await request_rewrite(tx, now)


async def cancel(
    tx: Transaction, site_id: str, account_ids: Sequence[str], verdict: Verdict, now: datetime
) -> None:
    """Give up what has not begun for these accounts."""
    for ids in chunks(account_ids):
        theirs = (_ACTIONS.c.site_id == site_id) & _ACTIONS.c.account_id.in_(ids)
        await moves.give_up(tx, theirs, verdict, now, error=None)
        await _forget_payloads(tx, theirs)


async def erase_orders(tx: Transaction, site_id: str, contact_keys: Iterable[str], now: datetime) -> None:
    """Forget for whom something was ordered, and give it up, where the contact is gone before its account was known."""
    for keys in chunks(sorted(contact_keys)):
        theirs = (
            (_ORDERS.c.site_id == site_id) & _ORDERS.c.contact_key.in_(keys) & (_ORDERS.c.account_id == "")
        )
        owners = (await tx.execute(select(_ORDERS.c.owner).where(theirs))).scalars().all()
        for some in chunks(owners):
            owed = _ACTIONS.c.owner.in_(some)
            await moves.give_up(tx, owed, Verdict.DELETED, now, error=None)
            await scrub(tx, owed)
        await ordered.forget_keys(tx, theirs)
        if owners:
            await request_rewrite(tx, now)


async def scrub(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Take what may tell of a person out of actions: of their results what each kind calls personal, and the words of
    errors. What remains says what was given.
    """
    await tx.execute(update(_ACTIONS).where(which, _ACTIONS.c.error.is_not(None)).values(error=None))
    await attempts.scrub(tx, which)
    await _forget_payloads(tx, which)
    for row in await delete_copies(tx, which):
        left = KINDS[row.kind].scrub(row.result)
        if left != row.result:
            await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id == row.id).values(result=left))


async def _forget_payloads(tx: Transaction, which: ColumnElement[bool]) -> None:
    """Take what is personal out of what was ordered and is not done any more; to find what was lost, all of it is needed."""
    over = _ACTIONS.c.state.in_([*FINAL, State.UNKNOWN])
    columns = (_ACTIONS.c.id, _ACTIONS.c.kind, _ACTIONS.c.payload)
    for row in (await tx.execute(select(*columns).where(which, over, _ACTIONS.c.kind.in_(_WORDY)))).all():
        forget = KINDS[row.kind].forget
        assert forget is not None, "as they were chosen"
        await tx.execute(update(_ACTIONS).where(_ACTIONS.c.id == row.id).values(payload=forget(row.payload)))


async def delete_copies(tx: Transaction, which: ColumnElement[bool]) -> Sequence[Any]:
    """Have the files of mails deleted, where mails go into a folder. Returns (id, site, kind, result) of what has a result."""
    columns = (_ACTIONS.c.id, _ACTIONS.c.site_id, _ACTIONS.c.kind, _ACTIONS.c.result)
    # A result that is not there is JSON's null, which is no NULL.
    found = [row for row in (await tx.execute(select(*columns).where(which))).all() if row.result]
    sent = [
        {"site_id": row.site_id, "message_id": message_id}
        for row in found
        if (message_id := KINDS[row.kind].copy(row.result))
    ]
    await add_missing(tx, ErasedMail, sent, unique=["site_id", "message_id"])
    return found


def _erased_query(ids: Sequence[Any]) -> Executable:
    theirs = (_ACCOUNTS.c.site_id == _ACTIONS.c.site_id) & (_ACCOUNTS.c.id == _ACTIONS.c.account_id)
    of_these = select(_ACTIONS.c.id).join(_ACCOUNTS, theirs).where(_ACTIONS.c.id.in_(ids))
    return of_these.where(_ACCOUNTS.c.erased_at.is_not(None))


_OF_THE_ERASED = Lookup(_erased_query)


async def scrub_settled(tx: Transaction, action_ids: Sequence[int], now: datetime) -> None:
    """Remove every trace of a customer who was erased while something was under way to them."""
    for ids in chunks(action_ids):
        erased = [row.id for row in await _OF_THE_ERASED.fetch(tx, ids)]
        if erased:
            await scrub(tx, _ACTIONS.c.id.in_(erased))
            await request_rewrite(tx, now)


async def _forget_subscriptions(tx: Transaction, site_id: str, email_keys: Sequence[str]) -> None:
    """Subscriptions of addresses that no other customer has. The accounts are blanked already."""
    still = select(_ACCOUNTS.c.email_key).where(
        _ACCOUNTS.c.site_id == site_id, _ACCOUNTS.c.email_key.in_(email_keys)
    )
    await tx.execute(
        delete(_SUBSCRIPTIONS).where(
            _SUBSCRIPTIONS.c.site_id == site_id,
            _SUBSCRIPTIONS.c.email_key.in_(email_keys),
            _SUBSCRIPTIONS.c.email_key.not_in(still),
        )
    )


# Webhooks that were kept because nobody understood them


async def _forget_bodies(tx: Transaction, site_id: str, texts: Iterable[str]) -> None:
    """Kept webhooks that name the person by an id or the address."""
    wanted = [text.casefold() for text in texts]
    kept = select(_REJECTED.c.id, _REJECTED.c.body).where(
        (_REJECTED.c.site_id == site_id) | _REJECTED.c.site_id.is_(None)
    )
    for row in (await tx.execute(kept)).all():
        inside = decode_body(row.body)
        if any(text in inside for text in wanted):
            await tx.execute(delete(_REJECTED).where(_REJECTED.c.id == row.id))


async def names_gone_contact(tx: Transaction, site_id: str | None, body: bytes) -> bool:
    """Whether a webhook is about a contact that was erased: then it must not be kept."""
    secret = bytes.fromhex(await meta.get(tx, "secret") or "")
    keys = [contact_key(secret, site_id or "", guid) for guid in {*_GUID.findall(decode_body(body))}]
    for some in chunks(keys):
        found = select(_CHANGES.c.contact_key).where(
            _CHANGES.c.site_id == site_id,
            _CHANGES.c.contact_key.in_(some),
            _CHANGES.c.change.in_([Change.DELETED, Change.MERGED]),
        )
        if (await tx.execute(found.limit(1))).first() is not None:
            return True
    return False


def decode_body(body: bytes) -> str:
    """What a kept body says as text, case-folded and without the escapes of JSON and of forms: the claims inside a token,
    and any other body as it is.
    """
    found = body
    if _TOKEN.fullmatch(body.strip()):
        payload = body.strip().split(b".")[1]
        with suppress(binascii.Error, ValueError):
            found = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)) or body
    # Events hold JSON within JSON, so an escape may be escaped itself.
    text = _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), found.decode("utf-8", "replace"))
    # Which of them a stranger's body has is not known; both readings are looked through.
    return (f"{text}\n{unquote_plus(text)}" if "%" in text else text).casefold()


# What remains to be done outside of the transaction


async def request_rewrite(tx: Transaction, now: datetime) -> None:
    """Remember that pages of the database may still hold, unused, what was just erased."""
    await meta.set_to(tx, REWRITE, now.isoformat())


async def list_erased_mails(tx: Transaction, limit: int) -> list[tuple[str, str]]:
    """(site, Message-ID) of mails whose files are to be deleted."""
    rows = (await tx.execute(select(_MAILS.c.site_id, _MAILS.c.message_id).limit(limit))).all()
    return [(row.site_id, row.message_id) for row in rows]


async def forget_mail(tx: Transaction, site_id: str, message_id: str) -> None:
    """Forget a mail: its file was deleted, or there was none."""
    await tx.execute(delete(_MAILS).where(_MAILS.c.site_id == site_id, _MAILS.c.message_id == message_id))
