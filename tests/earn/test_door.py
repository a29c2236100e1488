"""Outside events at the door, on a real store: once, counted, kept, and nothing for who is gone."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import pytest
from sqlalchemy import select

from milestones.domain.earn import EarnRule
from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.earn.door import EarnDoor
from milestones.earn.record import Recorder
from milestones.earn.replay import take_again
from milestones.errors import IngestError, UsageError
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome as Committed
from milestones.store import retention, sites
from milestones.store.database import meta
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.people import erasure
from milestones.store.tables import Action, Earning, Order, Rejected, SiteState
from tests.builders import NOW, SECRET, SITE, a_customer, an_observation
from tests.earn.samples import a_rule
from tests.store.rules import FixedRules, go_live, opened

BEARER = [(b"Authorization", b"Bearer s3cret")]
ACCOUNT = 'account_id = "account"\nid = "id"\n'


@dataclass
class Porch:
    """The door of one site, with hands on its rules and its clock."""

    store: Store
    rules: list[EarnRule] = field(default_factory=lambda: [a_rule(ACCOUNT)])
    fixed: FixedRules = field(default_factory=lambda: FixedRules(()))
    now: datetime = NOW
    told: list[Committed] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @cached_property
    def door(self) -> EarnDoor:
        return EarnDoor(
            Recorder(self.store, self.fixed),
            rules=lambda: self.rules,
            site_id=lambda name: SITE if name == "main" else None,
            address=lambda path: f"https://m.example.com/webhooks/in/{path}",
            clock=lambda: self.now,
            tell=self.told.append,
            count=lambda _rule, outcome, number: self.counts.update({outcome: number}),
        )

    async def post(self, document: Any, path: str = "rule", **headers: str) -> None:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await self.door.receive(path, [*BEARER, *more], body)

    async def event(self, number: int, account: str = "account", **more: Any) -> None:
        await self.post({"id": number, "account": account, **more})

    async def take_again(self, row: Rejected) -> bool:
        rules = {rule.name: rule for rule in self.rules}
        return await take_again(Recorder(self.store, self.fixed), rules.get, row, self.now)

    async def rows(self, table: Any) -> list[Any]:
        async with self.store.read() as tx:
            found = table_of(table)
            return [table(**row) for row in (await tx.execute(select(found))).mappings()]

    async def verdicts(self) -> Counter[str]:
        return Counter(order.verdict for order in await self.rows(Order))

    async def states(self) -> Counter[str]:
        return Counter(action.state for action in await self.rows(Action))

    async def reasons(self) -> list[str]:
        return [row.reason for row in await self.rows(Rejected)]


@pytest.fixture
async def porch(database_url: str) -> AsyncIterator[Porch]:
    async with opened(database_url) as store:
        found = Porch(store)
        await go_live(store, found.fixed)
        async with store.write() as tx:
            await meta.set_to(tx, "secret", SECRET.hex())
        for account, name in (("account", "ada"), ("other", "bob")):
            customer = a_customer(contact_id=f"contact-{account}", email=f"{name}@example.com")
            seen = an_observation(10, 1, account_id=account, customer=customer)
            await observe.observe(store, found.fixed, SITE, [seen], NOW)
        yield found


async def test_an_event_earns_points_under_a_key_of_its_own(porch: Porch) -> None:
    await porch.event(1)
    [order], [action] = await porch.rows(Order), await porch.rows(Action)
    assert (order.source, order.kind, order.account_id, order.verdict) == (
        "earn",
        "points",
        "account",
        "ordered",
    )
    assert order.key.startswith("rule:")
    assert (action.state, action.payload["amount"], action.payload["description"]) == (
        "available",
        20,
        "rule",
    )
    assert porch.told == [Committed(wake={SITE})]


async def test_what_comes_again_is_taken_and_earns_nothing(porch: Porch) -> None:
    for _ in range(2):
        await porch.event(1)
    await asyncio.gather(*(porch.event(1) for _ in range(5)))
    assert len(await porch.rows(Action)) == 1
    assert porch.counts == {"earned": 1, "repeated": 6}
    # The rule gives more by now, and the service sends an old event once more.
    porch.rules = [a_rule(ACCOUNT, points=50)]
    await porch.event(1)
    assert (porch.counts["repeated"], await porch.reasons()) == (7, [])


async def test_a_customer_is_known_by_address_and_contact_too(porch: Porch) -> None:
    porch.rules = [a_rule('email = "mail"\n'), a_rule('contact_id = "contact"\n', name="by-contact")]
    await porch.post({"mail": " ADA@Example.com "})
    await porch.post({"contact": "contact-other"}, "by-contact")
    assert sorted(order.account_id for order in await porch.rows(Order)) == ["account", "other"]


async def test_a_cap_counts_each_customer_and_lets_go_after_its_period(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT + 'cap = ["45 per 7d", "60 per 30d"]')]
    for number in range(3):
        await porch.event(number)
    await porch.event(3, "other")
    assert await porch.verdicts() == {"ordered": 3, "earn_cap": 1}
    assert await porch.states() == {"available": 3, "cancelled": 1}
    porch.now = NOW + timedelta(days=8)
    await porch.event(4)
    await porch.event(5)
    assert await porch.verdicts() == {"ordered": 4, "earn_cap": 2}
    porch.now = NOW + timedelta(days=31)
    await porch.event(6)
    assert (await porch.verdicts())["ordered"] == 5
    assert porch.counts["limited"] == 2


async def test_events_of_one_body_are_counted_one_after_the_other(porch: Porch) -> None:
    porch.rules = [a_rule('events = "[]"\ncap = "40 per 1d"\n' + ACCOUNT)]
    await porch.post([{"id": number, "account": "account"} for number in (1, 2, 2, 3, 4)])
    assert await porch.verdicts() == {"ordered": 2, "earn_cap": 2}
    assert porch.counts == {"earned": 2, "repeated": 1, "limited": 2}


async def test_of_many_at_once_no_more_are_given_than_the_cap_lets(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT + 'cap = "60 per 1d"')]
    await asyncio.gather(*(porch.event(number) for number in range(8)))
    assert await porch.verdicts() == {"ordered": 3, "earn_cap": 5}


@pytest.mark.parametrize(("once", "given"), [("event", 4), ("customer", 1), ("customer and webinar", 2)])
async def test_points_are_given_once_for_what_the_rule_says(porch: Porch, once: str, given: int) -> None:
    porch.rules = [a_rule(f'{ACCOUNT}once_per = "{once}"')]
    for number in range(4):
        await porch.event(number, webinar=number % 2)
    assert (await porch.verdicts())[Verdict.ORDERED] == given
    await porch.event(9, "other", webinar=0)
    assert (await porch.verdicts())[Verdict.ORDERED] == given + 1


async def test_what_came_to_nothing_does_not_count(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT + 'once_per = "customer"')]
    await porch.event(1)
    async with porch.store.write() as tx:
        await erasure.cancel(tx, SITE, ["account"], Verdict.CANCELLED_BY_PERSON, NOW)
    await porch.event(2)
    await porch.event(3)
    assert await porch.verdicts() == {"ordered": 2, "earned_before": 1}


async def test_one_customer_named_in_two_ways_is_one(porch: Porch) -> None:
    once = 'once_per = "customer"\nid = "id"\n'
    porch.rules = [a_rule('email = "mail"\n' + once)]
    await porch.post({"id": 1, "mail": "ada@example.com"})
    porch.rules = [a_rule('contact_id = "contact"\n' + once)]
    await porch.post({"id": 2, "contact": "contact-account"})
    assert await porch.verdicts() == {"ordered": 1, "earned_before": 1}


async def test_in_shadow_mode_nothing_is_given_and_nothing_counts(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT + 'once_per = "customer"')]
    porch.fixed.shadow = True
    await porch.event(1)
    porch.fixed.shadow = False
    await porch.event(2)
    assert await porch.verdicts() == {"shadow": 1, "ordered": 1}


async def test_the_breaker_holds_what_is_more_than_a_shop_expects(porch: Porch) -> None:
    porch.fixed.breaker = Breaker(0.1, 2)
    for number in range(4):
        await porch.event(number)
    assert await porch.verdicts() == {"ordered": 2, "breaker": 2}
    assert await porch.states() == {"available": 2, "held": 2}


async def test_what_a_cap_stops_uses_nothing_of_the_breaker_up(porch: Porch) -> None:
    porch.fixed.breaker = Breaker(0.1, 2)
    porch.rules = [a_rule(ACCOUNT + 'cap = "20 per 1d"')]
    for number in range(5):
        await porch.event(number)
    await porch.event(9, "other")
    assert await porch.verdicts() == {"ordered": 2, "earn_cap": 4}


# What cannot be understood


async def test_a_genuine_body_that_nobody_understood_is_kept_and_taken_in_later(porch: Porch) -> None:
    porch.rules = [a_rule('account_id = "account"\nid = ["id", { header = "X-Part" }]\n')]
    await porch.post({"id": 1}, X_Part="b")
    await porch.post(b"id=1&account=account", Content_Type="application/x-www-form-urlencoded")
    await porch.post({"id": 2, "account": "nobody"}, X_Part="b")
    first, second, third = await porch.rows(Rejected)
    assert first.reason == "account (account_id) finds nothing by which a customer could be known."
    assert second.reason == "The body is not valid JSON."
    assert third.reason == "No account nobody is known on this site."
    assert {row.event_type for row in (first, second, third)} == {"earn.rule"}
    assert b"s3cret" not in first.body + second.body + third.body
    porch.rules = [a_rule('account_id = "account || \'account\'"\nid = ["id", { header = "X-Part" }]\n')]
    assert await porch.take_again(first)
    with pytest.raises(UsageError, match="is not valid JSON"):
        await porch.take_again(second)
    assert [order.account_id for order in await porch.rows(Order)] == ["account"]
    porch.rules = []
    with pytest.raises(UsageError, match="has no rule 'rule' for events any more"):
        await porch.take_again(third)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0" * 100,
        b"[" * 10_000 + b"]" * 10_000,
        b"\xff\xfe\0",
        b'{"id": 1, "account": "\\u0000"}',
        b"null",
        b"5",
    ],
)
async def test_whatever_is_genuine_is_kept(porch: Porch, body: bytes) -> None:
    await porch.post(body)
    [row] = await porch.rows(Rejected)
    assert row.body.endswith(body)
    assert row.reason.endswith(".")


async def test_what_is_sound_in_a_body_is_recorded_and_the_rest_kept(porch: Porch) -> None:
    porch.rules = [a_rule('events = "[]"\n' + ACCOUNT)]
    await porch.post([{"id": 1, "account": "account"}, {"id": 2}, {"id": 3}])
    assert len(await porch.rows(Order)) == 1
    assert await porch.reasons() == [
        "account (account_id) finds nothing by which a customer could be known. (and 1 more)"
    ]


async def test_what_nobody_sent_is_neither_kept_nor_recorded(porch: Porch) -> None:
    for path, headers, status in (
        ("rule", [(b"authorization", b"Bearer x")], 401),
        ("rule", [], 401),
        ("other", BEARER, 404),
        ("", BEARER, 404),
        ("rule\0", BEARER, 404),
    ):
        with pytest.raises(IngestError) as refused:
            await porch.door.receive(path, headers, b"{")
        assert refused.value.status == status
    assert await porch.reasons() == []


# People and sites that are gone


async def test_nothing_is_kept_of_who_was_erased(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT), a_rule('contact_id = "contact"\n', name="by-contact")]
    await porch.event(1)
    async with porch.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    await porch.event(2)
    assert porch.counts["gone"] == 1
    assert (len(await porch.rows(Order)), await porch.reasons()) == (1, [])


async def test_kept_bodies_that_name_who_is_erased_go_with_them(porch: Porch) -> None:
    porch.rules = [a_rule('email = "nothing"\nid = [{ header = "X-Id" }]\n')]
    await porch.post({"mail": "ada@example.com"}, X_Id="a.b.c")
    await porch.post(b'{"mail": "ADA\\u0040example.com"}', X_Id="a")
    await porch.post(b"mail=Ada%40example.com")
    await porch.post({"mail": "bob@example.com"})
    async with porch.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    [left] = await porch.rows(Rejected)
    assert b"bob@example.com" in left.body


async def test_for_a_site_that_was_removed_nothing_is_done_and_nothing_kept(porch: Porch) -> None:
    async with porch.store.write() as tx:
        await sites.change(tx, SITE, state=SiteState.REMOVED)
    for document in ({"id": 1, "account": "account"}, b"{"):
        with pytest.raises(IngestError, match="Nothing is done for this site") as refused:
            await porch.post(document)
        assert refused.value.status == 404
    assert (await porch.rows(Order), await porch.reasons()) == ([], [])


async def test_when_it_cannot_be_stored_the_service_is_asked_to_send_it_again(
    porch: Porch, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> list[object]:
        raise ValueError("ada@example.com")

    monkeypatch.setattr(Recorder, "record", fail)
    with pytest.raises(IngestError, match="send it again later") as refused:
        await porch.event(1)
    assert refused.value.status == 503


async def test_earnings_are_forgotten_when_no_cap_counts_them_and_never_where_once_is_for_ever(
    porch: Porch,
) -> None:
    porch.rules = [
        a_rule(ACCOUNT + 'cap = "60 per 30d"'),
        a_rule(ACCOUNT + 'once_per = "customer"', name="once"),
    ]
    await porch.event(1)
    await porch.post({"id": 1, "account": "account"}, "once")
    async with porch.store.write() as tx:
        assert await retention.forget_earnings(tx, NOW + timedelta(days=29)) == 0
        assert await retention.forget_earnings(tx, NOW + timedelta(days=31)) == 1
    assert [row.rule for row in await porch.rows(Earning)] == ["once"]


async def test_who_has_no_account_yet_is_given_one_first_and_counts_as_one_customer(porch: Porch) -> None:
    lines = 'email = "mail"\nid = "id"\nonce_per = "customer"\nfirst_name = "first"\n'
    porch.rules = [a_rule(lines + 'create = "contact"')]
    await porch.post({"id": 1, "mail": "new@example.com", "first": "Nora"})
    actions = sorted(await porch.rows(Action), key=lambda action: action.key)
    assert [action.kind for action in actions] == ["contact", "account", "points"]
    assert [action.state for action in actions] == ["available", "waiting", "waiting"]
    await porch.post({"id": 2, "mail": "NEW@example.com"})
    assert await porch.verdicts() == {"ordered": 1, "earned_before": 1}


async def test_where_nothing_may_be_made_the_event_is_kept_and_nothing_is_counted(porch: Porch) -> None:
    lines = 'email = "mail"\nonce_per = "customer"\ncreate = "nothing"'
    porch.rules = [a_rule(lines)]
    await porch.post({"mail": "new@example.com"})
    [reason] = await porch.reasons()
    assert reason.startswith("No account of this mail address is known on this site.")
    assert (await porch.rows(Order), await porch.rows(Earning)) == ([], [])
