"""Finding the account that an operator means, and saying what may be the reason where there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from milestones.config import Settings
from milestones.domain.keys import address_key
from milestones.domain.milestone import Milestone
from milestones.errors import MilestonesError, SeveralError, UsageError
from milestones.formats.mail_addresses import address_form
from milestones.store import sites
from milestones.store.database.store import Transaction
from milestones.store.people import people
from milestones.store.tables import Account, Grant, Reminder, Site, SiteState
from milestones.store.views import lookup, persons
from milestones.store.views.pages import AccountPlace, list_accounts_after
from milestones.views.lookup import find_sites, get_secret
from milestones.views.person import Person, describe_person, get_mailable

MOST_LIKE = 5
"""Accounts that are shown where one was meant."""


class NobodyError(MilestonesError):
    """No account is known by what was asked for."""


async def find_accounts(tx: Transaction, text: str, site: str | None) -> list[Account]:
    """The accounts with this id, contact, member or address; or else the one of this name, or whose id begins so.

    Raises NobodyError with the likely reasons, and UsageError where a name or a beginning is that of several.
    """
    secret = await get_secret(tx)
    chosen = await find_sites(tx, site) if site is not None else await sites.list_sites(tx)
    on = {one.id for one in chosen}
    found = [one for one in await lookup.find_accounts(tx, secret, text) if one.site_id in on]
    if found:
        return found
    like = await lookup.find_accounts_like(tx, sorted(on), text, MOST_LIKE + 1)
    if len(like) == 1:
        return like
    if like:
        raise SeveralError(_choice(text, like))
    raise NobodyError(" ".join(await _reasons(tx, secret, text, chosen)))


async def search_accounts(tx: Transaction, text: str, site: str | None, limit: int) -> list[Account]:
    """All accounts that may be meant by an id, an address, a name or the beginning of an id. Raises UsageError for a
    site that there is none of.
    """
    secret = await get_secret(tx)
    chosen = await find_sites(tx, site) if site is not None else await sites.list_sites(tx)
    on = {one.id for one in chosen}
    found = [one for one in await lookup.find_accounts(tx, secret, text) if one.site_id in on]
    return found[:limit] or await lookup.find_accounts_like(tx, sorted(on), text, limit)


async def find_account(tx: Transaction, text: str, site: str | None) -> Account:
    """The one account that is meant, as ``find_accounts``. Raises UsageError where there are several."""
    found = await find_accounts(tx, text, site)
    if len(found) > 1:
        raise SeveralError(_choice(text, found))
    return found[0]


def _choice(text: str, found: Sequence[Account]) -> str:
    """Which accounts somebody may mean. Whoever asks may see whose they are."""
    known = [f"{one.id} ({' '.join(filter(None, (one.name, one.email))) or 'erased'})" for one in found]
    shown = ", ".join(known[:MOST_LIKE])
    more = ", and others" if len(known) > MOST_LIKE else ""
    return f"{text!r} may mean several accounts: {shown}{more}. Give the id of the one you mean."


async def _reasons(tx: Transaction, secret: bytes, text: str, chosen: list[Site]) -> list[str]:
    if not chosen:
        return [
            "No site is known yet, and so no account. `milestones run` takes on those of the configuration."
        ]
    what = "address" if "@" in text else "name or id"
    told = [f"No account with this {what} is known."]
    if what == "address":
        told += await _of_address(tx, secret, text, chosen)
    else:
        told += await _of_contact(tx, secret, text, chosen)
    unread = [site for site in chosen if site.state == SiteState.ACTIVE and site.baseline_done_at is None]
    if unread:
        told.append("The first reading of all accounts is not complete, so it may still come.")
    observed = [site for site in chosen if site.state != SiteState.ACTIVE]
    if observed:
        told.append(f"The accounts of {len(observed)} site(s) are not looked at, since they are not active.")
    otherwise = "Otherwise Wix" if len(told) > 1 else "Wix"
    told.append(
        f"{otherwise} has not told of it: the customer has no loyalty account, or another {what}, or the "
        "contact was deleted and erased here."
    )
    return told


async def _of_address(tx: Transaction, secret: bytes, address: str, chosen: list[Site]) -> list[str]:
    told = []
    for site in chosen:
        key = address_key(secret, site.id, address_form(address))
        name = site.name or site.id
        if (suppression := await lookup.find_suppression(tx, key)) is not None:
            day = f"{suppression.recorded_at:%Y-%m-%d}"
            told.append(f"It is on the opt-out list of {name} ({suppression.reason}, {day}).")
        if (heard := await lookup.find_subscription(tx, site.id, key)) is not None:
            told.append(f"{name} told that its subscription is {heard.status}, so it is a contact there.")
        if newcomer := await persons.list_for_newcomer(tx, site.id, address):
            numbers = ", ".join(f"`milestones outbox show {action.id}`" for action in newcomer[:MOST_LIKE])
            told.append(f"Something is ordered for it, and its contact was not found yet: {numbers}.")
    return told


async def _of_contact(tx: Transaction, secret: bytes, contact_id: str, chosen: list[Site]) -> list[str]:
    gone = [await people.find_gone(tx, site.id, secret, [contact_id]) for site in chosen]
    return [
        f"This contact was deleted, or merged into another, on {since:%Y-%m-%d}."
        for of_site in gone
        for since in of_site.values()
    ]


@dataclass(frozen=True, slots=True)
class ListedAccount:
    """An account of a list, as it was last heard of. missing: to the milestone whose near window it is in, where one was
    asked for.
    """

    site_id: str
    id: str
    contact_id: str | None
    member_id: str | None
    name: str | None
    email: str | None
    balance: int
    earned: int
    tier_points: int | None
    seen_at: datetime
    missing: int | None = None


def list_line(account: Account, missing: int | None = None) -> ListedAccount:
    return ListedAccount(
        site_id=account.site_id,
        id=account.id,
        contact_id=account.contact_id,
        member_id=account.member_id,
        name=account.name,
        email=account.email,
        balance=account.balance,
        earned=account.earned,
        tier_points=account.tier_points,
        seen_at=account.seen_at,
        missing=missing,
    )


async def list_accounts(
    tx: Transaction, settings: Settings, *, site: str | None, near: str | None, limit: int
) -> list[ListedAccount]:
    """Accounts with the highest values first; only those near a milestone, as their site defines it, if its key is
    given. Raises UsageError where nobody can be near it.
    """
    chosen = await find_sites(tx, site) if site is not None else await sites.list_sites(tx)
    if near is None:
        only = chosen[0].id if site is not None else None
        return [
            list_line(one) for one in await lookup.list_accounts(tx, site_id=only, near=None, limit=limit)
        ]
    found: list[tuple[int, ListedAccount]] = []
    for site_id, milestone in _definitions(settings, chosen, near).items():
        for account in await lookup.list_accounts(tx, site_id=site_id, near=milestone, limit=limit):
            value = getattr(account, milestone.measure.value)
            found.append((value, list_line(account, milestone.target(value) - value)))
    return [listed for _, listed in sorted(found, key=lambda one: one[0], reverse=True)][:limit]


def _definitions(settings: Settings, chosen: Sequence[Site], near: str) -> dict[str, Milestone]:
    """A milestone with a near window, as each site that has it defines it. Raises UsageError where none has."""
    definitions = {one.id: _with_window(settings.for_site(one.id).milestones) for one in chosen}
    if not any(near in of_site for of_site in definitions.values()):
        known = sorted({key for of_site in definitions.values() for key in of_site})
        raise UsageError(
            f"No milestone {near!r} has a near window; those with one are {', '.join(known) or 'none'}."
        )
    return {site_id: of_site[near] for site_id, of_site in definitions.items() if near in of_site}


async def list_near(
    tx: Transaction, settings: Settings, near: str, site: str | None, place: AccountPlace, limit: int
) -> list[ListedAccount]:
    """Accounts near a milestone that come after a place, by site and id. Raises UsageError where nobody can be near it."""
    chosen = await find_sites(tx, site) if site is not None else await sites.list_sites(tx)
    found: list[ListedAccount] = []
    for site_id, milestone in sorted(_definitions(settings, chosen, near).items()):
        if site_id < place[0] or len(found) == limit:
            continue
        rows = await list_accounts_after(tx, place, limit - len(found), site_id=site_id, near=milestone)
        for account in rows:
            value = getattr(account, milestone.measure.value)
            found.append(list_line(account, milestone.target(value) - value))
    return found


def _with_window(milestones: Sequence[Milestone]) -> dict[str, Milestone]:
    return {milestone.key: milestone for milestone in milestones if milestone.near is not None}


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """An account, and what it was given and reminded of."""

    person: Person
    grants: list[Grant]
    reminders: list[Reminder]


async def find_customers(
    tx: Transaction, settings: Settings, text: str, site: str | None
) -> list[CustomerRecord]:
    """The accounts that are meant, each with what it got. Raises NobodyError with the likely reasons."""
    return [await get_record(tx, settings, account) for account in await find_accounts(tx, text, site)]


async def get_record(tx: Transaction, settings: Settings, account: Account) -> CustomerRecord:
    """An account, and what it got."""
    of_site = await sites.find_site(tx, account.site_id)
    assert of_site is not None, "an account belongs to a known site"
    mail = await get_mailable(tx, settings.for_site(account.site_id), of_site, account)
    return CustomerRecord(
        describe_person(of_site, account, mail),
        await lookup.list_grants(tx, account.site_id, account.id),
        await lookup.list_reminders(tx, account.site_id, account.id),
    )
