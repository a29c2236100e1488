"""Links with members of other programs: written as they are read, joined with accounts, and told when to be looked at."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import false, or_, select, update

from milestones.domain.agreement import Agreed
from milestones.domain.keys import address_key
from milestones.domain.member import Member
from milestones.formats.mail_addresses import address_form
from milestones.store.database.statements import add_missing, chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Link, LinkState
from milestones.store.views import links as views
from milestones.store.views.links import of_program

_LINKS = table_of(Link)
_ACCOUNTS = table_of(Account)

NOBODY: Mapping[str, None] = {"email": None, "email_key": None, "phone": None}
"""What is known of a person who is gone."""

LOOKED_AT = (LinkState.NEW, LinkState.LINKED)
"""Whose changes lead to something by themselves."""


async def take_members(
    tx: Transaction, site_id: str, external: str, secret: bytes, members: Sequence[Member], now: datetime
) -> Counter[str]:
    """Write down what a page of a list told. A balance other than the agreed one, or none, is to be looked at: what a
    list says may be old. Returns how many were ``new`` and how many ``changed``.
    """
    distinct = {member.id: member for member in members}
    known = await get_by_member(tx, site_id, external, list(distinct))
    counts: Counter[str] = Counter()
    missing = [
        _row(site_id, external, secret, member, now)
        for member in distinct.values()
        if member.id not in known and member.active
    ]
    await add_missing(tx, Link, missing, unique=["site_id", "external", "member_id"])
    counts["new"] = len(missing)
    for member in distinct.values():
        link = known.get(member.id)
        if link is None:
            continue
        changed = is_changed(link, member)
        counts["changed"] += changed
        values: dict[str, Any] = {"seen_at": now, "active": member.active}
        if link.state in LOOKED_AT:
            values |= _who(site_id, secret, member.email or link.email, member.phone or link.phone)
        if changed:
            values["look"] = True
        await change(tx, link.id, **values)
    return counts


def is_changed(link: Link, member: Member) -> bool:
    """Whether a record may tell of something that was not agreed on."""
    if link.state not in LOOKED_AT or not member.active:
        return False
    if link.theirs is None or member.balance is None:
        # Without a mark of the last change, a record says nothing, so that it must be asked for.
        return member.updated is None or member.updated != link.updated
    return member.balance != link.theirs


def _who(site_id: str, secret: bytes, email: str | None, phone: str | None) -> dict[str, str | None]:
    """By what a member is known."""
    key = address_key(secret, site_id, address_form(email)) if email else None
    return {"email": email, "email_key": key, "phone": phone}


def _row(site_id: str, external: str, secret: bytes, member: Member, now: datetime) -> dict[str, Any]:
    link = Link(
        site_id=site_id,
        external=external,
        member_id=member.id,
        look=True,
        recorded_at=now,
        seen_at=now,
    )
    return {
        **link.model_dump(exclude={"id"}),
        **_who(site_id, secret, member.email, member.phone),
    }


async def add_links(
    tx: Transaction,
    site_id: str,
    external: str,
    secret: bytes,
    pairs: Iterable[tuple[Member, str | None]],
    now: datetime,
) -> int:
    """Keep a mapping that somebody brings, such as a file: members, and the account of each where it is known. What is
    linked already stays as it is. Returns how many are new.
    """
    rows = [
        {**_row(site_id, external, secret, member, now), "account_id": account_id}
        for member, account_id in pairs
    ]
    before = await views.count(tx, site_id, external)
    for some in chunks(rows):
        taken = await _taken(tx, site_id, external, [row["account_id"] for row in some if row["account_id"]])
        free = [row for row in some if row["account_id"] not in taken]
        await add_missing(tx, Link, free, unique=["site_id", "external", "member_id"])
    return await views.count(tx, site_id, external) - before


async def _taken(tx: Transaction, site_id: str, external: str, account_ids: Sequence[str]) -> set[str]:
    statement = select(_LINKS.c.account_id).where(
        of_program(site_id, external), _LINKS.c.account_id.in_(account_ids)
    )
    return set((await tx.execute(statement)).scalars())


async def match_accounts(tx: Transaction, site_id: str, external: str) -> Counter[str]:
    """Find the accounts of new members by their mail address. One that several accounts or members share is listed.

    Returns how many were ``linked`` and how many ``listed``.
    """
    counts: Counter[str] = Counter()
    same = (_ACCOUNTS.c.site_id == _LINKS.c.site_id) & (_ACCOUNTS.c.email_key == _LINKS.c.email_key)
    statement = (
        select(_LINKS.c.id, _ACCOUNTS.c.id)
        .join(_ACCOUNTS, same)
        .where(
            of_program(site_id, external),
            _LINKS.c.state == LinkState.NEW,
            _LINKS.c.account_id.is_(None),
            _LINKS.c.is_open.is_(False),
            _ACCOUNTS.c.erased_at.is_(None),
        )
        .order_by(_LINKS.c.id)
    )
    accounts: dict[int, list[str]] = {}
    for link_id, account_id in (await tx.execute(statement)).all():
        accounts.setdefault(link_id, []).append(account_id)
    for some in chunks(list(accounts.items())):
        taken = await _taken(tx, site_id, external, [one for _, several in some for one in several])
        for link_id, ids in some:
            if len(ids) == 1 and ids[0] not in taken:
                taken.add(ids[0])
                await change(tx, link_id, account_id=ids[0], look=True)
                counts["linked"] += 1
            else:
                await list_link(tx, link_id, _ambiguity(len(ids)))
                counts["listed"] += 1
    return counts


def _ambiguity(accounts: int) -> str:
    if accounts == 1:
        return "Another member is linked with the account of this mail address already."
    return f"{accounts} accounts here have the mail address of this member."


async def note_changes_here(tx: Transaction, site_id: str, external: str) -> int:
    """Have those links looked at whose account has another balance than was agreed on, if what is known of it is newer
    than our own last write. Returns how many.
    """
    same = (_ACCOUNTS.c.site_id == _LINKS.c.site_id) & (_ACCOUNTS.c.id == _LINKS.c.account_id)
    differs = (
        select(_LINKS.c.id)
        .join(_ACCOUNTS, same)
        .where(
            of_program(site_id, external),
            _LINKS.c.state == LinkState.LINKED,
            _LINKS.c.look.is_(False),
            _LINKS.c.is_open.is_(False),
            _ACCOUNTS.c.balance != _LINKS.c.ours,
            or_(_LINKS.c.written.is_(None), _ACCOUNTS.c.revision > _LINKS.c.written),
        )
    )
    ids = list((await tx.execute(differs)).scalars())
    for some in chunks(ids):
        await tx.execute(update(_LINKS).where(_LINKS.c.id.in_(some)).values(look=True))
    return len(ids)


async def note_all(tx: Transaction, site_id: str, external: str) -> int:
    """Have all linked members looked at, where no list tells who has changed. Returns how many."""
    linked = of_program(site_id, external) & _LINKS.c.state.in_(LOOKED_AT)
    return (await tx.execute(update(_LINKS).where(linked).values(look=True))).rowcount


async def unlink_gone(tx: Transaction, site_id: str, external: str) -> int:
    """Unlink those whose account here was deleted, erased or merged into another. Returns how many."""
    gone = (
        select(_ACCOUNTS.c.id)
        .where(
            _ACCOUNTS.c.site_id == _LINKS.c.site_id,
            _ACCOUNTS.c.id == _LINKS.c.account_id,
            _ACCOUNTS.c.erased_at.is_not(None),
        )
        .exists()
    )
    theirs = of_program(site_id, external) & (_LINKS.c.state != LinkState.UNLINKED) & gone
    reason = "The account here was deleted or merged; points there stay as they are."
    return (
        await tx.execute(
            update(_LINKS).where(theirs).values(state=LinkState.UNLINKED, reason=reason, look=False, **NOBODY)
        )
    ).rowcount


async def list_to_look(
    tx: Transaction, site_id: str, external: str, limit: int, after: int = 0, *, create: bool = False
) -> list[Link]:
    """Links that may have changed, with an account, and nothing that both still owe each other. create: also those for
    whose address an account would be made.
    """
    has_account = _LINKS.c.account_id.is_not(None)
    may_have_one = _LINKS.c.email.is_not(None) if create else false()
    statement = (
        select(_LINKS)
        .where(
            of_program(site_id, external),
            _LINKS.c.look.is_(True),
            _LINKS.c.is_open.is_(False),
            _LINKS.c.active.is_(True),
            _LINKS.c.state.in_(LOOKED_AT),
            has_account | may_have_one,
            _LINKS.c.id > after,
        )
        .order_by(_LINKS.c.id)
        .limit(limit)
    )
    return [Link(**row) for row in (await tx.execute(statement)).mappings()]


async def get_by_member(
    tx: Transaction, site_id: str, external: str, member_ids: Sequence[str]
) -> dict[str, Link]:
    """The links of these members."""
    found: dict[str, Link] = {}
    for ids in chunks(member_ids):
        statement = select(_LINKS).where(of_program(site_id, external), _LINKS.c.member_id.in_(ids))
        found |= {row["member_id"]: Link(**row) for row in (await tx.execute(statement)).mappings()}
    return found


async def change(tx: Transaction, link_id: int | None, **values: Any) -> None:
    """Write these values."""
    await tx.execute(update(_LINKS).where(_LINKS.c.id == link_id).values(**values))


async def list_link(tx: Transaction, link_id: int | None, reason: str) -> None:
    """Show it to a person, who must look at it. reason: a sentence."""
    await change(tx, link_id, state=LinkState.LISTED, reason=reason, look=False)


async def unlink(tx: Transaction, link_id: int | None, reason: str) -> None:
    """Keep it in step no more; who it was goes."""
    await change(tx, link_id, state=LinkState.UNLINKED, reason=reason, look=False, **NOBODY)


def get_agreed(link: Link) -> Agreed | None:
    """The balances that a link stands on; None before its first agreement."""
    if link.ours is None or link.theirs is None:
        return None
    return Agreed(link.number, link.ours, link.theirs)
