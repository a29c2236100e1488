"""After an erasure: who it was is nowhere, and what was given is still known."""

import base64
import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from milestones.domain import keys
from milestones.domain.actions import State
from milestones.domain.event import AccountGone, Anonymized, ContactDeleted, SubscriptionChanged
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.kinds.email.site import SiteConsent
from milestones.maintenance import erasures
from milestones.pipeline import observe
from milestones.store import retention, sites
from milestones.store.database.statements import table_of
from milestones.store.outbox import claims as outbox
from milestones.store.outbox import ledger
from milestones.store.outbox.schedule import Lane
from milestones.store.people import people, rejected
from milestones.store.tables import Account, ErasedMail, Rejected, Subscription, Trace
from tests.builders import NOW, SECRET, a_customer, an_observation
from tests.privacy.forensics import files_of, traces
from tests.privacy.town import ACCOUNTS, PERSONAL, SUE, TOM, Town, seen
from tests.store.rules import opened

assert SUE.contact_id
assert SUE.email
DELETED = ContactDeleted(SUE.contact_id)


async def rewarded(town: Town) -> None:
    """Sue reached the milestone and was given and told everything; Tom is on his way."""
    await town.hear(seen(SUE, 100, 1), seen(SUE, 1010, 2), seen(TOM, 100, 1))
    await town.drain(town.channels())


async def found_in_rows(town: Town) -> list[str]:
    rows = await town.everything()
    return [text for text in PERSONAL[SUE] if text in rows]


def token(claims: dict[str, Any]) -> bytes:
    """A webhook's body, as it is kept."""
    inside = json.dumps({"data": json.dumps(claims)}).encode()
    return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in (b"{}", inside, b"signature"))


async def test_that_a_code_was_given_is_kept_and_to_whom_is_not(town: Town) -> None:
    await rewarded(town)
    assert "Well done, Sue" in await town.everything()
    outcome = await town.hear(DELETED)
    assert outcome.erased
    assert await found_in_rows(town) == []
    [coupon] = [row for row in await town.actions() if row["kind"] == "coupon"]
    assert (coupon["state"], coupon["result"]["code"], coupon["account_id"]) == (
        "done",
        "CODE0",
        ACCOUNTS[SUE],
    )
    badges = [row["result"] for row in await town.actions() if row["kind"] == "badge"]
    assert badges == [{"badge_id": "b", "title": "Star", "member_id": None}] * 2
    [mail] = [row for row in await town.actions() if row["kind"] == "email"]
    assert mail["result"] == {"template": "t", "message_id": None, "subject": None}
    assert (await town.account(TOM))["email"] == TOM.email


async def test_the_files_of_mails_are_deleted_after_the_transaction(town: Town) -> None:
    await rewarded(town)
    await town.hear(DELETED)
    await town.tidy()
    assert town.forgotten == ["<0@shop>"]
    assert await town.rows(ErasedMail) == []


async def test_the_files_of_mails_go_with_the_rows_that_name_them(town: Town) -> None:
    await rewarded(town)
    async with town.store.write() as tx:
        assert await retention.forget_actions(tx, town.now + timedelta(days=1)) == 4
    await town.tidy()
    assert town.forgotten == ["<0@shop>"]
    await town.hear(DELETED)
    assert await found_in_rows(town) == []


async def test_what_is_owed_is_given_up(town: Town) -> None:
    await town.hear(seen(SUE, 100, 1), seen(SUE, 1010, 2))
    await town.hear(DELETED)
    assert {(row["state"], row["verdict"]) for row in await town.actions()} == {("cancelled", "deleted")}


async def test_a_crossing_of_somebody_who_is_gone_is_known_and_gives_nothing(town: Town) -> None:
    await town.hear(DELETED, seen(SUE, 100, 1), seen(SUE, 1010, 2))
    assert {(row["state"], row["verdict"]) for row in await town.actions()} == {("cancelled", "deleted")}
    assert await found_in_rows(town) == []


async def test_a_mail_that_was_under_way_leaves_nothing_either(town: Town) -> None:
    await town.hear(seen(SUE, 100, 1), seen(SUE, 1010, 2))
    async with town.store.write() as tx:
        generation = await outbox.begin(tx, town.site_id)
        [coupon] = await outbox.claim(tx, town.site_id, generation, Lane("coupon", fast=False), town.now)
        done = outbox.Settlement(coupon.action.id or 0, State.DONE, Verdict.DONE, result={"code": "A"})
        await outbox.settle(tx, town.site_id, generation, [done], town.now)
        [mail] = await outbox.claim(tx, town.site_id, generation, Lane("email", fast=False), town.now)
    await town.hear(DELETED)
    result = {"message_id": "<late@shop>", "template": "t", "subject": f"Well done, {SUE.name}"}
    sent = outbox.Settlement(
        mail.action.id or 0, State.DONE, Verdict.DONE, result=result, error=f"to {SUE.email}"
    )
    async with town.store.write() as tx:
        await outbox.settle(tx, town.site_id, generation, [sent], town.now)
    assert await found_in_rows(town) == []
    await town.tidy()
    assert town.forgotten == ["<late@shop>"]


async def test_verdicts_and_subscriptions_go_and_those_of_others_stay(town: Town) -> None:
    await town.hear(seen(SUE, 950, 1), seen(TOM, 950, 1))
    for who in (SUE, TOM):
        await town.hear(SubscriptionChanged(who.email or "", "SUBSCRIBED", None, NOW))
        async with town.store.write() as tx:
            told = [(ACCOUNTS[who], "once", Verdict.NEAR)]
            await ledger.add_traces(tx, town.site_id, "reminder", told, NOW)
    await town.hear(DELETED)
    assert [row["account_id"] for row in await town.rows(Trace)] == [ACCOUNTS[TOM]]
    key = keys.address_key(SECRET, town.site_id, address_form(TOM.email or ""))
    assert [row["email_key"] for row in await town.rows(Subscription)] == [key]


async def test_kept_webhooks_about_the_person_go_and_none_is_kept_later(town: Town) -> None:
    await town.hear(seen(SUE, 100, 1), seen(TOM, 100, 1))
    about = {who: token({"entityId": who.contact_id, "email": who.email}) for who in (SUE, TOM)}
    about_address = token({"subscription": {"email": SUE.email.upper() if SUE.email else ""}})
    for _ in range(2):
        async with town.store.write() as tx:
            for body in (*about.values(), about_address):
                await rejected.add(tx, town.site_id, "type", "a reason", body, NOW)
        await town.hear(DELETED)
    kept = [row["body"] for row in await town.rows(Rejected)]
    # The one that names no id can be recognised only as long as the address is known.
    assert sorted(kept) == sorted([about[TOM], about[TOM], about_address])


async def test_kept_webhooks_that_spell_the_address_in_another_way_go_too(town: Town) -> None:
    ida = a_customer(contact_id=SUE.contact_id, email="Ida@Müller.example")
    observed = an_observation(account_id=ACCOUNTS[SUE], customer=ida)
    await observe.observe(town.store, town.rules, town.site_id, [observed], NOW)
    inner = json.dumps({"subscription": {"email": "ida@müller.example"}})
    bodies = [token({"email": "ida@xn--mller-kva.example"}), token({"data": json.dumps(inner)})]
    async with town.store.write() as tx:
        for body in bodies:
            await rejected.add(tx, town.site_id, "type", "a reason", body, NOW)
    await town.hear(DELETED)
    assert await town.rows(Rejected) == []


@pytest.mark.parametrize(
    "event",
    [
        Anonymized(contact_id=SUE.contact_id),
        Anonymized(account_id=ACCOUNTS[SUE]),
        Anonymized(member_id="5ce50000-0000-4000-8000-00000000000e"),
        AccountGone(ACCOUNTS[SUE]),
    ],
)
async def test_whichever_id_names_the_person(town: Town, event: Anonymized | AccountGone) -> None:
    member = an_observation(
        account_id=ACCOUNTS[SUE],
        customer=type(SUE)(SUE.contact_id, "5ce50000-0000-4000-8000-00000000000e", SUE.email, SUE.name),
    )
    await observe.observe(town.store, town.rules, town.site_id, [member], NOW)
    await town.hear(event, Anonymized(account_id="nobody"), Anonymized(member_id="nobody"))
    assert await found_in_rows(town) == []


async def test_the_deletion_is_heard_although_the_site_is_not_active_any_more(town: Town) -> None:
    await town.hear(seen(SUE, 100, 1))
    async with town.store.write() as tx:
        await sites.change(tx, town.site_id, state="removed")
    await town.hear(DELETED)
    assert await found_in_rows(town) == []


async def test_an_unsubscribe_link_works_after_the_erasure_and_for_ever(town: Town) -> None:
    await rewarded(town)
    link = keys.unsubscribe_token(SECRET, town.site_id, address_form(SUE.email or ""))
    await town.hear(DELETED)
    key = keys.open_token(SECRET, link)
    assert key is not None
    async with town.store.write() as tx:
        await people.suppress(tx, [key], "unsubscribed", NOW)
    async with town.store.read() as tx:
        assert await people.list_addresses(tx, key) == []
    assert SUE.email is not None
    consent = SiteConsent(None, town.store, SECRET)  # type: ignore[arg-type]
    # The same address, however it is written, under a contact that Wix made anew.
    assert await consent.find_suppressed_forms(town.site_id, [address_form(SUE.email.upper())]) == {SUE.email}


async def test_a_new_contact_with_the_same_address_is_a_new_customer(town: Town) -> None:
    await town.hear(seen(SUE, 100, 1), DELETED)
    again = type(SUE)("5ce50000-0000-4000-8000-000000000002", None, SUE.email, SUE.name)
    new = an_observation(account_id="another account", customer=again)
    await observe.observe(town.store, town.rules, town.site_id, [new], NOW)
    row = next(row for row in await town.rows(Account) if row["id"] == "another account")
    assert (row["email"], row["erased_at"]) == (SUE.email, None)


# The files of a SQLite database


@pytest.mark.parametrize("number", [800, pytest.param(4000, marks=pytest.mark.rare)])
async def test_of_many_who_are_erased_no_file_of_the_database_holds_any(tmp_path: Path, number: int) -> None:
    dice = random.Random(4)
    names = [f"{dice.getrandbits(64):016x}" for _ in range(number)]
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        town = Town(store)
        await town.begin()
        for revision in (1, 2, 3):
            dice.shuffle(names)
            for start in range(0, len(names), 100):
                some = [_of(name, revision, dice) for name in names[start : start + 100]]
                await observe.observe(store, town.rules, town.site_id, some, NOW)
        gone = names[: number // 10]
        for start in range(0, len(gone), 50):
            await town.hear(*(ContactDeleted(f"contact-{name}") for name in gone[start : start + 50]))
        assert await town.tidy()
        wanted = [f"{kind}-{name}" for name in gone for kind in ("mail", "name", "contact")]
        _nowhere(wanted, tmp_path)
    _nowhere(wanted, tmp_path)


def _of(name: str, revision: int, dice: random.Random) -> Any:
    told = f"name-{name}" + "x" * dice.randrange(400)
    customer = type(SUE)(f"contact-{name}", None, f"mail-{name}@example.com", told)
    return an_observation(dice.randrange(900), revision, account_id=name, customer=customer)


def _nowhere(wanted: list[str], folder: Path) -> None:
    contents = [path.read_bytes() for path in files_of(folder / "milestones.db")]
    assert [one for one in wanted if any(one.encode() in content for content in contents)] == []


async def test_one_person_is_in_no_form_in_any_file(tmp_path: Path) -> None:
    database = tmp_path / "milestones.db"
    async with opened(f"sqlite:///{database}") as store:
        town = Town(store)
        await town.begin()
        await rewarded(town)
        assert traces(PERSONAL[SUE], files_of(database)) != []
        await town.hear(DELETED)
        assert await town.tidy()
        assert traces(PERSONAL[SUE], files_of(database)) == []
        assert (tmp_path / "milestones.db-wal").stat().st_size == 0
        assert traces(PERSONAL[TOM], files_of(database)) != []


async def test_a_reader_delays_the_emptying_of_the_log_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        town = Town(store)
        await town.begin()
        await rewarded(town)
        await town.tidy()
        async with store.read() as tx:
            await tx.execute(text("SELECT count(*) FROM accounts"))
            await town.hear(DELETED)
            town.now += timedelta(days=2)
            assert not await town.tidy()
        assert await town.tidy()


async def test_a_rewrite_is_not_repeated_within_a_day_and_nothing_is_forgotten(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        town = Town(store)
        await town.begin()
        await town.hear(seen(SUE, 100, 1), seen(TOM, 100, 1))
        await town.hear(DELETED)
        assert await town.tidy()
        await town.hear(ContactDeleted(TOM.contact_id or ""))
        assert not await town.tidy()
        town.now += erasures.REWRITE_EVERY
        assert await town.tidy()


async def test_a_rewrite_by_a_clock_that_was_set_back_since_puts_off_none(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path / 'milestones.db'}") as store:
        town = Town(store)
        await town.begin()
        await town.hear(seen(SUE, 100, 1), seen(TOM, 100, 1))
        await town.hear(DELETED)
        town.now += timedelta(days=365)
        assert await town.tidy()
        town.now -= timedelta(days=365)
        await town.hear(ContactDeleted(TOM.contact_id or ""))
        assert await town.tidy()


async def test_the_store_answers_as_before_after_it_was_rewritten(town: Town) -> None:
    await rewarded(town)
    await town.hear(DELETED)
    await town.tidy()
    async with town.store.read() as tx:
        assert (await tx.execute(select(table_of(Account).c.id))).all()
    outcome = await town.hear(seen(TOM, 1010, 2))
    assert outcome.grants > 0
