"""The trace of one account: what was seen, what was given, and why the rest was not."""

from datetime import timedelta

import pytest
from pydantic_core import to_jsonable_python

from milestones.domain.actions import State
from milestones.domain.observation import Source
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.kinds.channel import Stop
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.outbox import rests
from milestones.store.outbox.rests import Rest
from tests.builders import GO_LIVE, NOW, SITE
from tests.shop import Shop
from tests.views.explaining import explained, reconfigure, story


async def test_a_grant_is_told_from_the_crossing_to_the_last_effect(shop: Shop) -> None:
    await shop.observe(960, 1010)
    await shop.drain()
    found = await story(shop)
    (crossing,) = found.crossings
    assert (crossing.before, crossing.value, crossing.threshold) == (960, 1010, 1000)
    assert (crossing.revision, crossing.granted) == (2, True)
    assert (found.standing, found.because) == ("given", "Given once.")
    (grant,) = found.grants
    assert (grant.value, grant.source, grant.configuration) == (1010, "webhook", shop.settings.hash)
    assert [(effect.kind, effect.state) for effect in grant.effects] == [
        ("coupon", "done"),
        ("badge", "done"),
        ("email", "done"),
    ]
    assert "It is given once, so nothing follows." in found.following


async def test_the_history_has_every_stretch_with_its_source(small_shop: Shop) -> None:
    await small_shop.observe(900, source=Source.BASELINE)
    await small_shop.observe(900, 950, revision=2)
    history = (await explained(small_shop)).history
    assert [(seen.balance, seen.first_revision, seen.last_revision, seen.source) for seen in history] == [
        (900, 1, 2, "baseline"),
        (950, 3, 3, "webhook"),
    ]


async def test_what_is_missing_is_a_figure(small_shop: Shop) -> None:
    await small_shop.observe(300)
    found = await story(small_shop)
    assert (found.standing, found.because) == ("not_reached", "700 are missing: 300 of 1,000.")
    assert (found.reminder, found.following) == (
        "not_near",
        ("A reminder is possible from 900 on; 600 are missing for that.",),
    )


async def test_who_was_above_from_the_first_moment_reached_nothing(small_shop: Shop) -> None:
    await small_shop.observe(1200, source=Source.BASELINE)
    found = await story(small_shop)
    assert found.standing == "not_known_below"
    assert "never seen below it since go-live. It was at 1,200 when first seen." in found.because


async def test_what_was_reached_before_the_definition_changed_is_told_apart(small_shop: Shop) -> None:
    await small_shop.observe(900, 960, 970)
    reconfigure(small_shop, "threshold = 1000", "threshold = 950")
    small_shop.later(hours=1)
    async with small_shop.store.write() as tx:
        await sites.define(tx, SITE, small_shop.rules.site(SITE).milestones, small_shop.now)
    found = await story(small_shop)
    assert found.standing == "reached_before"
    assert found.because.startswith("It was reached with 960 at revision 2, before this definition came into")
    assert found.looks_from == "from revision 3, the newest known when this definition came into force"
    assert found.grants == ()


async def test_an_account_that_is_younger_than_the_definition_began_with_nothing(small_shop: Shop) -> None:
    await small_shop.observe(1200, created_at=GO_LIVE + timedelta(days=2))
    found = await story(small_shop)
    assert found.looks_from == "from the creation of the account, which began with 0"
    assert (found.crossings[0].before, found.standing) == (0, "given")


async def test_a_repeating_milestone_says_when_it_can_be_reached_anew(small_shop: Shop) -> None:
    await small_shop.observe(100, 600, 400)
    found = await story(small_shop, "again-500")
    assert found.following == ("It can be reached anew after a fall below 200.",)
    await small_shop.observe(100, 700, revision=4)
    found = await story(small_shop, "again-500")
    assert [crossing.value for crossing in found.crossings] == [600, 700]
    assert found.because == "Given 2 times."


async def test_why_a_mail_was_not_sent_is_beside_it_and_is_what_is_known_of_consent(small_shop: Shop) -> None:
    await small_shop.observe(960, 1010)
    mail = await small_shop.action("email")
    assert mail.id is not None
    small_shop.channels["email"].stops = {mail.id: Stop(State.CANCELLED, Verdict.NOT_SUBSCRIBED)}
    await small_shop.drain()
    found = await explained(small_shop)
    effect = found.stories[0].grants[0].effects[-1]
    assert (effect.state, effect.verdict) == ("cancelled", "not_subscribed")
    assert effect.reason == Verdict.NOT_SUBSCRIBED.sentence
    assert found.person.mail == (
        f"{Verdict.NOT_SUBSCRIBED.sentence} So Wix answered on 20 November 2026, 09:15."
    )


async def test_a_milestone_that_is_no_longer_configured_still_tells_what_it_gave(small_shop: Shop) -> None:
    await small_shop.observe(960, 1010)
    reconfigure(small_shop, 'key = "stars-1000"', 'key = "stars-first"')
    found = await explained(small_shop)
    assert [(one.key, one.standing) for one in found.stories] == [
        ("stars-first", "not in force"),
        ("again-500", "not_known_below"),
        ("stars-1000", "retired"),
    ]
    assert len(found.stories[-1].grants) == 1


async def test_what_holds_for_the_whole_site_comes_first(small_shop: Shop) -> None:
    await small_shop.observe(960)
    reconfigure(small_shop, 'mode = "live"', 'mode = "shadow"')
    async with small_shop.store.write() as tx:
        await heartbeat.hold(tx, "The database was last used on another machine.")
        await sites.pause(tx, SITE, None, paused=True)
    notes = " ".join((await explained(small_shop)).notes)
    for part in ("milestones resume", "another machine", "Shadow mode", "site is paused", "not complete"):
        assert part in notes
    assert (await story(small_shop)).reminder == "paused"


async def test_what_keeps_a_mail_that_is_due_is_told(small_shop: Shop) -> None:
    await small_shop.observe(960, 1010)
    rest = Rest(NOW, NOW, NOW + timedelta(hours=1), 3, "The mail server refused the login.")
    async with small_shop.store.write() as tx:
        await sites.pause(tx, SITE, "stars-1000", paused=True)
        await rests.save_rests(tx, SITE, {"email": rest})
        await rests.save_rests(tx, "another site", {"coupon": rest})
    notes = " ".join((await explained(small_shop)).notes)
    assert "The milestone stars-1000 is paused" in notes
    assert "Mails have not worked since" in notes
    assert "refused the login" in notes
    assert "Coupons" not in notes
    assert "paused" not in " ".join((await explained(small_shop, only="again-500")).notes)


async def test_an_unknown_milestone_is_said_so(small_shop: Shop) -> None:
    await small_shop.observe(960)
    with pytest.raises(UsageError, match="the keys are stars-1000, again-500"):
        await explained(small_shop, only="stars-100")


async def test_a_machine_can_read_it(small_shop: Shop) -> None:
    await small_shop.observe(960, 1010)
    told = to_jsonable_python(await explained(small_shop))
    assert told["stories"][0]["grants"][0]["effects"][0]["kind"] == "coupon"
