"""An order for somebody who has no account yet: contact, account and effect, each after the one before and with its result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from milestones.domain.actions import State
from milestones.domain.event import ContactDeleted, ContactMerged, Heard
from milestones.domain.observation import Observation
from milestones.domain.order import NOBODY, Create, OrderSource, Person, Request
from milestones.domain.policy import Breaker
from milestones.domain.retry import RetryPolicy
from milestones.errors import ChannelError, UsageError
from milestones.kinds.account.payload import OpenAccount
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.points.payload import EarnPoints
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, Placed, place
from milestones.store.database import integrity, meta
from milestones.store.outbox import operator, orders
from milestones.store.tables import Action
from milestones.store.views.lookup import Which
from tests.builders import NOW, SECRET, SITE, a_customer, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live, opened

STRANGER = Person(email="bob@example.com", create=Create.CONTACT, first_name="Bob", phone="030 1234")
CONTACT = Person(contact_id="contact-2", create=Create.ACCOUNT)
POINTS = EarnPoints(50, "Welcome, Bob")


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with opened(database_url) as store:
        found = Bench(store)
        await go_live(store, FixedRules(()))
        async with store.write() as tx:
            await meta.set_to(tx, "secret", SECRET.hex())
        found.channels["contact"].answers = [{"contact_id": "contact-2", "created": True}]
        found.channels["account"].answers = [
            {"account_id": "account-2", "contact_id": "contact-2", "created": True}
        ]
        yield found


async def placed(
    bench: Bench, person: Person = STRANGER, request: Request = POINTS, key: str = "key", **more: object
) -> Placed:
    source = more.get("source", OrderSource.API)
    assert isinstance(source, OrderSource)
    rules = more.get("rules", FixedRules(()))
    assert isinstance(rules, FixedRules)
    return await place(bench.store, rules, Asking(SITE, source, key, person, request), bench.now)


def seen(account: str = "account-2", contact: str = "contact-2") -> Observation:
    customer = replace(a_customer(), contact_id=contact, email="bob@example.com")
    return an_observation(0, 1, account_id=account, customer=customer)


async def states(bench: Bench) -> list[tuple[str, str, str]]:
    return [(row.kind, row.state, row.account_id) for row in await bench.rows()]


async def test_for_an_address_that_nobody_has_all_three_are_owed_and_wait_for_each_other(
    bench: Bench,
) -> None:
    order = (await placed(bench)).order
    assert (order.account_id, order.contact_key) == ("", None)
    assert await states(bench) == [
        ("contact", "available", ""),
        ("account", "waiting", ""),
        ("points", "waiting", ""),
    ]
    await bench.drain()
    assert await states(bench) == [
        ("contact", "done", "account-2"),
        ("account", "done", "account-2"),
        ("points", "done", "account-2"),
    ]
    [contact], [account], [points] = (
        bench.channels[kind].performed for kind in ("contact", "account", "points")
    )
    assert contact.payload["email"] == "bob@example.com"
    assert account.inputs == {"contact": {"contact_id": "contact-2", "created": True}}
    assert (points.account_id, points.payload["amount"]) == ("account-2", 50)
    async with bench.store.read() as tx:
        [order] = await orders.list_orders(tx, SITE, "account-2")
    assert order.contact_key is not None


@pytest.mark.parametrize(
    ("person", "request_", "kinds"),
    [
        (CONTACT, POINTS, ["account", "points"]),
        (replace(CONTACT, create=Create.CONTACT), POINTS, ["account", "points"]),
        (replace(CONTACT, create=Create.NOTHING), OpenAccount(), ["account"]),
        (STRANGER, OpenAccount(), ["contact", "account"]),
        (replace(STRANGER, create=Create.NOTHING), OpenAccount(), ["contact", "account"]),
        (
            replace(STRANGER, create=Create.ACCOUNT),
            AdjustPoints(5, None, "x"),
            ["contact", "account", "adjust"],
        ),
    ],
)
async def test_no_more_is_owed_than_is_needed(
    bench: Bench, person: Person, request_: Request, kinds: list[str]
) -> None:
    await placed(bench, person, request_)
    await bench.drain()
    rows = await bench.rows()
    assert [row.kind for row in rows] == kinds
    assert {row.state for row in rows} == {"done"}
    makes = [row.payload["make"] for row in rows if row.kind == "contact"]
    assert makes in ([], [person.create is Create.CONTACT])


async def test_an_account_that_is_known_is_told_without_asking_wix(bench: Bench) -> None:
    await observe.observe(bench.store, FixedRules(()), SITE, [seen()], NOW)
    await placed(bench, CONTACT, OpenAccount())
    [action] = await bench.rows()
    assert (action.kind, action.account_id, action.payload["account_id"]) == (
        "account",
        "account-2",
        "account-2",
    )


async def test_what_needs_no_account_is_for_nobody(bench: Bench) -> None:
    class Free(EarnPoints):
        needs_account = False

    await placed(bench, NOBODY, Free(1, "x"))
    assert await states(bench) == [("points", "available", "")]
    with pytest.raises(UsageError, match="Say whom it is for"):
        await placed(bench, NOBODY, POINTS)


async def test_two_orders_for_the_same_unknown_address_at_once_end_with_both_effects(bench: Bench) -> None:
    bench.channels["contact"].answers = [{"contact_id": "contact-2", "created": new} for new in (True, False)]
    bench.channels["account"].answers = [
        {"account_id": "account-2", "contact_id": "contact-2", "created": new} for new in (True, False)
    ]
    await asyncio.gather(placed(bench, key="one"), placed(bench, key="two"))
    await bench.drain()
    rows = await bench.rows()
    assert {(row.state, row.account_id) for row in rows} == {("done", "account-2")}
    keys = {task.payload["idempotency_key"] for task in bench.channels["points"].performed}
    assert (len(rows), len(keys)) == (6, 2)


async def test_one_order_twice_at_once_is_one(bench: Bench) -> None:
    both = await asyncio.gather(placed(bench), placed(bench), placed(bench))
    assert sorted(one.created for one in both) == [False, False, True]
    assert len(await bench.rows()) == 3


@pytest.mark.parametrize("shadow", [True, False])
async def test_a_stop_stops_all_of_it(bench: Bench, *, shadow: bool) -> None:
    rules = FixedRules((), shadow=shadow, breaker=Breaker(0.0, 0))
    await placed(bench, rules=rules)
    await bench.drain()
    assert {row.state for row in await bench.rows()} == {"cancelled" if shadow else "held"}
    if not shadow:
        async with bench.store.write() as tx:
            await operator.release(tx, Which(verdict="breaker"), bench.now)
        await bench.drain()
        assert {row.state for row in await bench.rows()} == {"done"}


async def test_without_the_contact_the_rest_is_held_and_goes_on_when_that_is_retried(bench: Bench) -> None:
    bench.channels["contact"].answers = [ChannelError("There is none.", permanent=True)]
    await placed(bench)
    await bench.drain()
    assert [state for _, state, _ in await states(bench)] == ["discarded", "held", "waiting"]
    async with bench.store.write() as tx:
        assert not any((await integrity.list_contradictions(tx)).values())
    bench.channels["contact"].answers = [{"contact_id": "contact-2", "created": False}]
    async with bench.store.write() as tx:
        await operator.retry(tx, Which(kind="contact"), bench.now)
    await bench.drain()
    assert [state for _, state, _ in await states(bench)] == ["done", "done", "done"]


async def test_what_is_lost_to_the_end_is_never_left_to_a_person_since_to_repeat_it_harms_nothing(
    bench: Bench,
) -> None:
    bench.channels["contact"].answers = [ChannelError("No answer.", lost=True)] * 3
    bench.renew(retry=RetryPolicy(attempts=3))
    await placed(bench)
    for _ in range(3):
        await bench.drain()
        bench.now += timedelta(days=1)
    [contact, *_] = await bench.rows()
    assert (contact.state, contact.verdict) == ("discarded", "exhausted")


async def deleted(bench: Bench, contact: str = "contact-2") -> None:
    event = Heard(SITE, "event", ContactDeleted(contact, anonymized=True))
    await observe.hear(bench.store, FixedRules(()), [event], bench.now)


def _left(row: Action) -> set[str]:
    return {str(value) for value in (*row.payload.values(), *(row.result or {}).values())}


@pytest.mark.parametrize("done", ["nothing", "contact", "account", "points"])
@pytest.mark.parametrize("person", [STRANGER, CONTACT], ids=["address", "contact"])
async def test_whoever_is_erased_meanwhile_is_in_no_order_any_more_and_gets_nothing_more(
    bench: Bench, person: Person, done: str
) -> None:
    """However far it has come. Of whom only an address was known, nobody has told yet that it is theirs."""
    order = ["contact", "account", "points"]
    for kind in order[order.index(done) + 1 if done in order else 0 :]:
        bench.channels[kind].answers = [ChannelError("Later.", retry_at=bench.now + timedelta(hours=1))]
    await placed(bench, person, key="bob@example.com")
    if done in {"account", "points"}:
        await observe.observe(bench.store, FixedRules(()), SITE, [seen()], NOW)
    await bench.drain()
    await deleted(bench)
    bench.now += timedelta(days=1)
    before = len(bench.channels["points"].performed)
    await bench.drain()
    rows = await bench.rows()
    if person is STRANGER and done == "nothing":
        # Whose the address is was not known: it is for whoever has it.
        assert rows[0].state == "done"
        return
    assert len(bench.channels["points"].performed) == before
    assert {State(row.state) for row in rows} <= {State.DONE, State.CANCELLED}
    for row in rows:
        assert not _left(row) & {"bob@example.com", "Bob", "030 1234", "contact-2", "Welcome, Bob"}, row
    async with bench.store.read() as tx:
        account = "account-2" if done in {"account", "points"} else ""
        [kept] = await orders.list_orders(tx, SITE, account)
        assert kept.key == ""
    again = await placed(bench, person, key="bob@example.com")
    assert not again.created


async def test_an_account_that_turns_out_to_be_of_somebody_who_is_gone_gets_nothing(bench: Bench) -> None:
    await deleted(bench)
    await observe.observe(bench.store, FixedRules(()), SITE, [seen()], NOW)
    await placed(bench)
    await bench.drain()
    rows = await bench.rows()
    assert [row.state for row in rows] == ["done", "done", "cancelled"]
    for row in rows:
        assert not _left(row) & {"bob@example.com", "Bob", "030 1234", "contact-2", "Welcome, Bob"}, row


async def test_a_contact_that_is_gone_gets_no_account(bench: Bench) -> None:
    await deleted(bench)
    with pytest.raises(UsageError, match="was deleted, or merged into another"):
        await placed(bench, CONTACT)


async def test_a_contact_that_was_merged_meanwhile_is_followed_by_who_is_left(bench: Bench) -> None:
    later = ChannelError("Later.", retry_at=bench.now + timedelta(hours=1))
    bench.channels["account"].answers = [later]
    await placed(bench)
    await bench.drain()
    merged = Heard(SITE, "event", ContactMerged("contact-3", ("contact-2",)))
    await observe.hear(bench.store, FixedRules(()), [merged], bench.now)
    await deleted(bench, "contact-3")
    assert [state for _, state, _ in await states(bench)] == ["done", "cancelled", "cancelled"]


async def test_what_was_owed_to_a_contact_that_was_merged_goes_to_the_account_that_is_left(
    bench: Bench,
) -> None:
    await observe.observe(bench.store, FixedRules(()), SITE, [seen(), seen("account-3", "contact-3")], NOW)
    bench.channels["contact"].answers = [{"contact_id": "contact-2", "created": False}]
    merged = Heard(SITE, "event", ContactMerged("contact-3", ("contact-2",)))
    await observe.hear(bench.store, FixedRules(()), [merged], bench.now)
    await placed(bench, Person(email="carol@example.com", create=Create.CONTACT))
    await bench.drain()
    assert (await states(bench))[-1] == ("points", "done", "account-3")
