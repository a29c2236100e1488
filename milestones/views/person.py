"""Whose an account is, and whether mail may reach them, from what is stored: Wix is asked again before each mail."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from milestones.config.settings import SiteSettings
from milestones.domain.actions import MAIL, State
from milestones.domain.address import Form
from milestones.domain.keys import address_key
from milestones.domain.milestone import Consent
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.kinds.email.consent import Gatekeeper, Reader
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, Site, Subscription, Suppression
from milestones.store.views import lookup
from milestones.views.lookup import get_secret
from milestones.views.times import spell_time


@dataclass(frozen=True, slots=True)
class Person:
    """Whose account it is and whether mail may reach them. mail: a sentence."""

    site_id: str
    site: str
    site_state: str
    go_live_at: datetime | None
    account_id: str
    contact_id: str | None
    member_id: str | None
    name: str | None
    email: str | None
    created_at: datetime | None
    seen_at: datetime
    erased_at: datetime | None
    balance: int
    earned: int
    tier_points: int | None
    revision: int
    mail: str


@dataclass(frozen=True, slots=True)
class Mailable:
    """refusal: why no mail that needs consent would go out, as far as is known. told: a sentence.

    asked: whether anything is known about consent; without it, nobody asked Wix yet.
    """

    refusal: Verdict | None
    told: str
    asked: bool = True


@dataclass(frozen=True, slots=True)
class _Heard:
    """``kinds.email.consent.Subscription`` from the store."""

    subscription_status: str
    deliverability_status: str


async def get_mailable(tx: Transaction, rules: SiteSettings, site: Site, account: Account) -> Mailable:
    """Ask the rules of ``kinds.email.consent`` about what is stored."""
    zone = rules.timezone
    if account.erased_at is not None:
        return Mailable(
            Verdict.DELETED, f"{Verdict.DELETED.sentence} Erased on {spell_time(account.erased_at, zone)}."
        )
    email = account.email
    if not email:
        return Mailable(Verdict.NO_ADDRESS, Verdict.NO_ADDRESS.sentence)
    key = address_key(await get_secret(tx), site.id, address_form(email))
    suppression = await lookup.find_suppression(tx, key)
    subscription = await lookup.find_subscription(tx, site.id, key)
    refusal = await _refusal(site.id, rules, email, suppression, subscription)
    if refusal is Verdict.SUPPRESSED and suppression is not None:
        since = spell_time(suppression.recorded_at, zone)
        return Mailable(refusal, f"{refusal.sentence} Since {since} ({suppression.reason}).")
    if subscription is not None and refusal in {None, Verdict.NOT_SUBSCRIBED, Verdict.UNDELIVERABLE}:
        status = f"Wix said {subscription.status} on {spell_time(subscription.changed_at or subscription.heard_at, zone)}."
        return Mailable(refusal, f"{refusal.sentence if refusal else 'May be mailed.'} {status}")
    if refusal not in {None, Verdict.NOT_SUBSCRIBED}:
        assert refusal is not None, "as just looked"
        return Mailable(refusal, refusal.sentence)
    return _last_answer(rules, await _answers(tx, account))


async def _refusal(
    site_id: str,
    rules: SiteSettings,
    email: str,
    suppression: Suppression | None,
    subscription: Subscription | None,
) -> Verdict | None:
    async def statuses(_addresses: Sequence[str], /) -> Mapping[str, _Heard]:
        if subscription is None:
            return {}
        return {email: _Heard(subscription.status, subscription.deliverability or "NOT_SET")}

    async def find_suppressed(_site_id: str, _addresses: Sequence[Form], /) -> set[Form]:
        return {address_form(email)} if suppression is not None else set()

    gatekeeper = Gatekeeper(site_id, statuses, find_suppressed, rules.mail.only_to)
    return (await gatekeeper.refusals({0: Reader(email)})).get(0)


_NO = {
    Verdict.NOT_SUBSCRIBED.value: Verdict.NOT_SUBSCRIBED,
    Verdict.UNDELIVERABLE.value: Verdict.UNDELIVERABLE,
}
_YES = {
    Verdict.NEAR.value,
    Verdict.TOO_SOON.value,
    Verdict.ENOUGH_REMINDERS.value,
    Verdict.AT_MOST.value,
    Verdict.NEARER_ONE.value,
    Verdict.ONE_AT_A_TIME.value,
}
"""Verdicts of gates that are asked after consent."""


async def _answers(tx: Transaction, account: Account) -> list[tuple[datetime, Verdict | None]]:
    """What Wix answered when a scan or a mail asked: a refusal, or None for a yes. Oldest first."""
    result: list[tuple[datetime, Verdict | None]] = [
        (trace.last_at, _NO.get(trace.verdict))
        for trace in await lookup.list_traces(tx, account.site_id, account.id)
        if trace.verdict in _NO or trace.verdict in _YES
    ]
    which = lookup.Which(site=account.site_id, account=account.id, kind=MAIL)
    for mail in await lookup.list_actions(tx, which):
        if mail.settled_at is None or mail.payload["consent"] != Consent.MARKETING:
            continue
        if mail.state == State.DONE or mail.verdict in _NO:
            result.append((mail.settled_at, _NO.get(mail.verdict or "")))
    return sorted(result, key=lambda answer: answer[0])


def _last_answer(rules: SiteSettings, answers: Sequence[tuple[datetime, Verdict | None]]) -> Mailable:
    """Wix told nothing by itself: what it answered when it was asked last."""
    if not answers:
        sentence = "Nobody asked Wix yet about this address; it is asked before each mail."
        return Mailable(None, sentence, asked=False)
    at, refusal = answers[-1]
    sentence = refusal.sentence if refusal is not None else "May be mailed."
    return Mailable(refusal, f"{sentence} So Wix answered on {spell_time(at, rules.timezone)}.")


def describe_person(site: Site, account: Account, mail: Mailable) -> Person:
    """The row of an account, with its site and what is known of its consent."""
    return Person(
        site_id=site.id,
        site=site.name or site.id,
        site_state=site.state,
        go_live_at=site.go_live_at,
        account_id=account.id,
        contact_id=account.contact_id,
        member_id=account.member_id,
        name=account.name,
        email=account.email,
        created_at=account.created_at,
        seen_at=account.seen_at,
        erased_at=account.erased_at,
        balance=account.balance,
        earned=account.earned,
        tier_points=account.tier_points,
        revision=account.revision,
        mail=mail.told,
    )
