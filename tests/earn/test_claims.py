"""Claim links on a real store: once for each customer, over when they are."""

import asyncio
from datetime import timedelta

from milestones.domain import keys
from milestones.domain.event import ContactMerged
from milestones.domain.keys import Claim
from milestones.earn.claims import ClaimDoor, Standing
from milestones.earn.record import Recorder
from milestones.store import sites
from milestones.store.people import erasure, people
from milestones.store.tables import Order, SiteState
from tests.builders import NOW, SECRET, SITE
from tests.earn.porch import Porch
from tests.earn.samples import rules

(RULE,) = rules(
    '[[earn]]\nname = "follow-us"\npoints = 50\nclaim = { url = "https://network.example/us", title = "Follow us" }\n'
)


def door(porch: Porch) -> ClaimDoor:
    return ClaimDoor(
        Recorder(porch.store, porch.fixed),
        rules=lambda: porch.rules,
        site_id=lambda name: SITE if name == "main" else None,
        clock=lambda: porch.now,
        tell=porch.told.append,
        count=lambda _rule, outcome, number: porch.counts.update({outcome: number}),
    )


def token(account: str = "account", rule: str = "follow-us", days: int = 90) -> str:
    return keys.claim_token(SECRET, Claim(rule, account, (NOW + timedelta(days=days)).date()))


async def test_a_click_earns_once_for_each_customer(porch: Porch) -> None:
    porch.rules = [RULE]
    assert door(porch).look(token()).standing is Standing.OPEN
    assert await porch.rows(Order) == []
    opened = await asyncio.gather(*(door(porch).claim(token()) for _ in range(4)))
    assert {(one.standing, one.url) for one in opened} == {(Standing.OPEN, "https://network.example/us")}
    # A later mail has another link, to the same points.
    await door(porch).claim(token(days=120))
    await door(porch).claim(token("other"))
    assert sorted(order.account_id for order in await porch.rows(Order)) == ["account", "other"]
    assert await porch.verdicts() == {"ordered": 2}
    assert porch.counts == {"earned": 2, "repeated": 4}
    assert len(porch.told) == 2


async def test_a_link_is_over_with_its_day_its_rule_its_customer_and_its_site(porch: Porch) -> None:
    porch.rules = [RULE]
    link = token()
    porch.now = NOW + timedelta(days=90)
    assert door(porch).look(link).standing is Standing.OPEN
    porch.now += timedelta(days=1)
    assert (await door(porch).claim(link)).standing is Standing.OVER
    porch.now = NOW
    porch.rules = []
    assert (await door(porch).claim(link)).standing is Standing.OVER
    porch.rules = [RULE]
    assert (await door(porch).claim(token("nobody"))).standing is Standing.OVER
    async with porch.store.write() as tx:
        await erasure.erase(tx, SITE, ["account"], NOW)
    assert (await door(porch).claim(link)).standing is Standing.OVER
    async with porch.store.write() as tx:
        await sites.change(tx, SITE, state=SiteState.REMOVED)
    assert (await door(porch).claim(token("other"))).standing is Standing.OVER
    assert await porch.rows(Order) == []


async def test_what_we_did_not_make_is_unknown(porch: Porch) -> None:
    porch.rules = [RULE]
    for text in ("", "x", token()[:-2], token().replace("follow-us", "follow-me"), "\0", "é" * 5000):
        assert door(porch).look(text).standing is Standing.UNKNOWN
        assert (await door(porch).claim(text)).standing is Standing.UNKNOWN


async def test_contacts_that_became_one_have_the_points_of_one(porch: Porch) -> None:
    porch.rules = [RULE]
    await door(porch).claim(token())
    async with porch.store.write() as tx:
        merged = ContactMerged("contact-other", ("contact-account",))
        await people.merge_contacts(tx, SITE, SECRET, merged, NOW)
    assert (await door(porch).claim(token("other"))).standing is Standing.OPEN
    assert await porch.verdicts() == {"ordered": 1, "earned_before": 1}
