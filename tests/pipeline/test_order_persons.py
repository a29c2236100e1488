"""Whom an order is for, and what is kept of them."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict

import pytest

from milestones.domain.order import Create, Person
from milestones.errors import UsageError
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline.orders import place
from milestones.store import sites
from milestones.store.people import erasure
from milestones.store.tables import SiteState
from tests.builders import NOW, SITE
from tests.outbox.bench import Bench
from tests.pipeline.askings import KNOWN, MAIL, asked, placed, two_customers
from tests.store.rules import FixedRules


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with two_customers(database_url) as found:
        yield found


async def test_nothing_is_ordered_for_who_is_unknown_or_gone_or_of_a_site_that_is_not_active(
    bench: Bench,
) -> None:
    with pytest.raises(UsageError, match="No account nobody is known"):
        await placed(bench, account="nobody")
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    with pytest.raises(UsageError, match="was deleted or erased"):
        await placed(bench)
    async with bench.store.write() as tx:
        await sites.change(tx, SITE, state=SiteState.OBSERVED)
    with pytest.raises(UsageError, match="is not active here"):
        await placed(bench, account="other")
    assert await bench.rows() == []


async def test_the_reason_goes_with_the_person_and_that_points_were_moved_stays(bench: Bench) -> None:
    await placed(bench)
    await bench.drain()
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    row = await bench.row("adjust")
    assert (row.payload["reason"], row.payload["amount"], row.state) == ("", 5, "done")


@pytest.mark.parametrize(
    "person",
    [
        Person(contact_id="contact-of-account"),
        Person(email=f"  {MAIL.upper()} "),
        Person(email=MAIL, create=Create.CONTACT, first_name="Somebody", last_name="Else"),
        Person(account_id="account"),
    ],
)
async def test_a_person_whose_account_is_known_gets_the_plain_action(bench: Bench, person: Person) -> None:
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["other"], NOW)
    placed = await place(bench.store, FixedRules(()), asked(person=person), NOW)
    [action] = await bench.rows()
    assert placed.order.account_id == action.account_id == "account"
    assert action.payload["account_id"] == "account"


async def test_a_mail_address_of_several_accounts_is_that_of_none(bench: Bench) -> None:
    with pytest.raises(UsageError, match="Several accounts have this mail address: account, other"):
        await place(bench.store, FixedRules(()), asked(person=Person(email=MAIL)), NOW)


@pytest.mark.parametrize(
    ("person", "fault"),
    [
        (Person(), "one of an account id, a contact id and a mail address"),
        (Person(account_id="account", email=MAIL), "one of an account id"),
        (Person(email="ada"), "no mail address"),
        (Person(email="ada@example.com\r\nBcc: all@example.com"), "no mail address"),
        (Person(email="a" * 400 + "@example.com"), "no mail address"),
        (Person(account_id="a\0b"), "An id has"),
        (Person(contact_id="\ud800"), "An id has"),
        (Person(contact_id="nobody"), "No account of this contact is known on this site. It can be made"),
        (Person(email="nobody@example.com"), "No account of this mail address is known on this site"),
        (Person(email=MAIL, first_name="a\nb"), "The first name holds a character"),
        (Person(email=MAIL, last_name="x" * 101), "The last name has 101 characters"),
        (Person(email=MAIL, phone=" "), "The telephone number is empty"),
    ],
)
async def test_who_is_nobody_is_told_in_a_sentence_and_nothing_is_recorded(
    bench: Bench, person: Person, fault: str
) -> None:
    with pytest.raises(UsageError, match=fault):
        await place(bench.store, FixedRules(()), asked(person=person), NOW)
    assert await bench.rows() == []


async def test_the_description_of_earned_points_goes_with_the_person(bench: Bench) -> None:
    await place(bench.store, FixedRules(()), asked(request=EarnPoints(50, "For Ada")), NOW)
    await bench.drain()
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    row = await bench.row("points")
    assert (row.payload["description"], row.payload["amount"], row.state) == ("", 50, "done")


async def test_an_order_is_told_again_whatever_became_of_its_customer(bench: Bench) -> None:
    first = await placed(bench)
    async with bench.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    again = await placed(bench)
    assert (again.created, again.order.id) == (False, first.order.id)


async def test_what_was_asked_for_cannot_be_guessed_from_what_is_kept(bench: Bench) -> None:
    order = (await placed(bench)).order
    told = json.dumps(["adjust", asdict(KNOWN), asked().request.to_json()], sort_keys=True)
    assert order.fingerprint not in {hashlib.sha256(told.encode()).hexdigest(), ""}
