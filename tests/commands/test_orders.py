"""A person's order: for the account that is meant, told as soon as it is done, and done once for each key."""

from typing import Any

import pytest
from pydantic import ValidationError

from milestones.commands.models.orders import AdjustAccount, CreateAccount, OrderAnswer
from milestones.commands.orders import adjust, create
from milestones.domain.observation import Customer
from milestones.domain.order import Create
from milestones.errors import ChannelError, KeyTakenError, UsageError
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.people import erasure
from milestones.store.tables import Account
from milestones.views.customers import NobodyError
from milestones.views.explain import explain
from tests.builders import ACCOUNT, CONTACT, MEMBER, SITE
from tests.shop import Shop

BOB = Customer("c2c2c2c2-0000-4000-8000-000000000002", None, "bob@example.com", "Bob")


async def ordered(shop: Shop, account: str = ACCOUNT, **given: Any) -> OrderAnswer:
    values = {"reason": "A late bill", "key": "key-1", "wait": 0, **({} if "to" in given else {"by": 5})}
    return await adjust(shop, AdjustAccount(account=account, **{**values, **given}), lambda _report: None)


@pytest.mark.parametrize(
    "named",
    [
        "ada@example.com",
        "ADA@Example.com",
        "Ada",
        "ada",
        ACCOUNT,
        CONTACT,
        MEMBER,
        "a1a1a1a1",
        "C1C1C1C1-0000",
    ],
)
async def test_an_account_is_found_by_whatever_a_person_knows(small_shop: Shop, named: str) -> None:
    await small_shop.observe(100)
    assert (await ordered(small_shop, named)).account == ACCOUNT


async def test_who_may_be_meant_is_told_where_it_is_several_or_nobody(small_shop: Shop) -> None:
    await small_shop.observe(100)
    await small_shop.observe(100, account="a1a1a1a1-0000-4000-8000-000000000009", customer=BOB)
    with pytest.raises(
        UsageError, match=r"several accounts: .*\(Ada ada@example.com\), .*\(Bob bob@example.com\)"
    ):
        await ordered(small_shop, "a1a1a1a1")
    for nobody in ("a1", "%", "____", "", "zzzz", "ida@example.com", "\0", "a" * 101, "a" * 60_000):
        with pytest.raises(NobodyError):
            await ordered(small_shop, nobody)
    assert await small_shop.actions() == []


async def test_what_became_of_it_is_told_as_soon_as_it_is_settled(small_shop: Shop) -> None:
    await small_shop.observe(100)
    small_shop.channels["adjust"].answers = [{"before": 100, "after": 105, "transaction_id": "t"}]
    first = await ordered(small_shop)
    assert (first.created, first.settled, first.actions[0].state) == (True, False, "available")
    await small_shop.drain()
    small_shop.works = True
    again = await ordered(small_shop, wait=30)
    assert (again.created, again.settled, again.is_done, again.order) == (False, True, True, first.order)
    assert again.actions[0].result == {"before": 100, "after": 105, "transaction_id": "t"}
    assert again.actions[0].sentence == "An adjustment by +5 points was booked: A late bill"


async def test_whoever_waits_for_what_is_not_done_is_told_where_to_look(small_shop: Shop) -> None:
    await small_shop.observe(100)
    small_shop.works = True
    answer = await ordered(small_shop, wait=0.1)
    assert (answer.settled, answer.is_done) == (False, False)
    assert small_shop.outcomes[-1].wake == {SITE}


async def test_a_refusal_is_told_in_its_words(small_shop: Shop) -> None:
    await small_shop.observe(100)
    small_shop.channels["adjust"].answers = [ChannelError("There is not enough.", permanent=True)]
    await ordered(small_shop)
    await small_shop.drain()
    [action] = (await ordered(small_shop)).actions
    assert (action.state, action.error) == ("discarded", "There is not enough.")


@pytest.mark.parametrize("other", [{"by": 6}, {"reason": "Another"}, {"to": 5}])
async def test_another_order_under_the_same_key_is_refused(small_shop: Shop, other: dict[str, Any]) -> None:
    await small_shop.observe(100)
    await ordered(small_shop)
    with pytest.raises(KeyTakenError):
        await ordered(small_shop, **other)
    assert len(await small_shop.actions()) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"by": True},
        {"by": 1.0},
        {"by": "5"},
        {"by": float("nan")},
        {"wait": -1},
        {"wait": float("inf")},
        {"wait": float("nan")},
        {"reason": None},
        {"key": 5},
        {"amount": 5},
    ],
)
def test_what_is_no_order_is_not_read_as_one(fault: dict[str, Any]) -> None:
    valid = {"account": ACCOUNT, "by": 5, "reason": "A late bill", "key": "key-1"}
    AdjustAccount(**valid)
    with pytest.raises(ValidationError):
        AdjustAccount(**{**valid, **fault})


@pytest.mark.parametrize(
    "fault",
    [
        {"by": 0},
        {"by": 10_000_000},
        {"to": -1},
        {"to": 10**9},
        {"by": 1, "to": 1},
        {"reason": " "},
        {"key": " "},
    ],
)
async def test_what_wix_would_refuse_is_refused_and_not_recorded(
    small_shop: Shop, fault: dict[str, Any]
) -> None:
    await small_shop.observe(100)
    with pytest.raises(UsageError):
        await ordered(small_shop, **fault)
    assert await small_shop.actions() == []


async def test_explain_tells_what_was_ordered_and_of_whoever_is_erased_not_why(small_shop: Shop) -> None:
    await small_shop.observe(100)
    await ordered(small_shop)
    await small_shop.drain()
    async with small_shop.store.write() as tx:
        await erasure.erase(tx, SITE, [ACCOUNT], small_shop.now)
        row = (await tx.execute(table_of(Account).select())).mappings().one()
        told = await explain(tx, small_shop.settings, Account(**row), small_shop.now)
    [order] = told.orders
    assert (order.source, order.key, order.verdict, order.effects[0].state) == (
        "cli",
        "",
        "ordered",
        "done",
    )
    assert order.effects[0].subject == "its reason was erased"


async def created(shop: Shop, **given: Any) -> OrderAnswer:
    return await create(shop, CreateAccount(**{"key": "key-1", "wait": 0, **given}), lambda _report: None)


def told(shop: Shop) -> None:
    """Wix makes a contact and an account."""
    shop.channels["contact"].answers = [{"contact_id": BOB.contact_id, "created": True}]
    shop.channels["account"].answers = [
        {"account_id": "account-2", "contact_id": BOB.contact_id, "created": True}
    ]


@pytest.mark.parametrize(
    "given",
    [
        {"email": " bob@example.com "},
        {"email": "bob@example.com", "create_contact": True, "first_name": "Bob", "phone": "030"},
        {"contact": BOB.contact_id},
    ],
)
async def test_an_account_is_opened_for_a_contact_and_its_id_is_told(
    small_shop: Shop, given: dict[str, Any]
) -> None:
    told(small_shop)
    first = await created(small_shop, **given)
    assert (first.account, first.settled) == ("", False)
    await small_shop.drain()
    again = await created(small_shop, **given)
    assert (again.account, again.is_done, again.created) == ("account-2", True, False)
    assert [one.kind for one in again.actions][-1] == "account"


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"email": "bob@example.com", "contact": "c"},
        {"email": "bob"},
        {"contact": "a b"},
        {"email": "b@example.com", "first_name": "a\nb"},
    ],
)
async def test_for_nobody_no_account_is_opened(small_shop: Shop, fault: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        await created(small_shop, **fault)
    assert await small_shop.actions() == []


async def test_an_order_for_a_new_customer_is_the_same_when_it_is_known_by_then(small_shop: Shop) -> None:
    told(small_shop)
    given = {"account": "bob@example.com", "create": Create.CONTACT}
    await ordered(small_shop, **given)
    await small_shop.observe(0, account="account-2", customer=BOB)
    await small_shop.drain()
    again = await ordered(small_shop, **given)
    assert (again.created, again.is_done, again.account) == (False, True, "account-2")
    assert len(await small_shop.actions()) == 3


async def test_an_id_of_which_nobody_told_may_be_a_contact_and_a_name_may_not(small_shop: Shop) -> None:
    answer = await ordered(small_shop, account=str(BOB.contact_id), create=Create.ACCOUNT)
    assert [one.kind for one in answer.actions] == ["account", "adjust"]
    for given in ({"create": Create.ACCOUNT, "account": "Bob"}, {"account": str(BOB.contact_id)}):
        with pytest.raises(NobodyError):
            await ordered(small_shop, **given)


async def test_what_waits_for_what_failed_is_not_waited_for(small_shop: Shop) -> None:
    small_shop.channels["contact"].answers = [ChannelError("There is none.", permanent=True)]
    await created(small_shop, email="bob@example.com")
    await small_shop.drain()
    small_shop.works = True
    answer = await created(small_shop, email="bob@example.com", wait=30)
    assert (answer.settled, answer.is_done) == (True, False)


async def test_an_order_of_a_paused_site_says_so(small_shop: Shop) -> None:
    await small_shop.observe(100)
    async with small_shop.store.write() as tx:
        await sites.pause(tx, SITE, None, paused=True)
    [action] = (await ordered(small_shop)).actions
    assert (action.state, action.reason) == (
        "available",
        "Everything is paused on this site; `milestones resume` has it go on.",
    )
    async with small_shop.store.write() as tx:
        await sites.pause(tx, SITE, None, paused=False)
    [action] = (await ordered(small_shop)).actions
    assert action.reason is None
