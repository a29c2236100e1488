"""``once_per``, ``cap`` and the breaker, on a real store: counted for each customer, whoever comes first."""

import asyncio
from datetime import timedelta

import pytest

from milestones.domain.policy import Breaker
from milestones.domain.verdict import Verdict
from milestones.store import retention
from milestones.store.people import erasure
from milestones.store.tables import Action, Earning
from tests.builders import NOW, SITE
from tests.earn.porch import ACCOUNT, Porch
from tests.earn.samples import a_rule


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


async def test_two_replicas_together_give_no_more_than_the_cap_lets(porch: Porch) -> None:
    porch.rules = [a_rule(ACCOUNT + 'cap = "60 per 1d"')]
    other = Porch(porch.store, porch.rules)
    await asyncio.gather(*(one.event(number) for number in range(6) for one in (porch, other)))
    assert await porch.verdicts() == {"ordered": 3, "earn_cap": 3}
    assert porch.counts + other.counts == {"earned": 3, "limited": 3, "repeated": 6}


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
