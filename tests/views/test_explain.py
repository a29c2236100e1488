"""The trace of one account: what was seen, what was given, and why the rest was not."""

from datetime import timedelta

import pytest
from pydantic_core import to_jsonable_python

from milestones import config
from milestones.domain.actions import State
from milestones.domain.event import ContactDeleted, ContactMerged, SubscriptionChanged
from milestones.domain.keys import address_key
from milestones.domain.observation import Customer, Source
from milestones.domain.verdict import Verdict
from milestones.errors import UsageError
from milestones.formats.mail_addresses import address_form
from milestones.kinds.channel import Stop
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.statements import table_of
from milestones.store.outbox import ledger, rests
from milestones.store.outbox.rests import Rest
from milestones.store.people import people
from milestones.store.tables import Site
from milestones.views.customers import NobodyError, find_accounts
from milestones.views.explain import Explanation, Story, explain
from tests.builders import ACCOUNT, CONTACT, GO_LIVE, MEMBER, NOW, SITE
from tests.shop import CONFIG, Shop


async def explained(shop: Shop, who: str = ACCOUNT, only: str | None = None) -> Explanation:
    async with shop.store.read() as tx:
        (account,) = await find_accounts(tx, who, None)
        return await explain(tx, shop.settings, account, shop.now, only)


async def story(shop: Shop, key: str = "stars-1000") -> Story:
    (found,) = (await explained(shop, only=key)).stories
    return found


def reconfigure(shop: Shop, *pairs: str) -> None:
    """Put another configuration into force: old and new texts in turn."""
    text = CONFIG.format(database=shop.settings.daemon.database.get_secret_value())
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    shop.settings = config.parse(text, shop.settings.path, {})


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


class TestReminders:
    async def test_a_scan_would_record_one_now(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        found = await story(small_shop)
        assert found.reminder == "near"
        assert found.following == ("The next scan for near customers records a reminder.",)

    async def test_of_two_accounts_of_one_person_a_scan_would_tell_of_the_nearer(
        self, small_shop: Shop
    ) -> None:
        await small_shop.observe(960)
        await small_shop.observe(980, account="account-second")
        assert (await story(small_shop)).reminder == "nearer_one"
        assert (await explained(small_shop, "account-second")).stories[0].reminder == "near"

    async def test_at_night_its_mail_waits_for_the_morning(self, small_shop: Shop) -> None:
        reconfigure(small_shop, "[policy]", '[policy]\nquiet_hours = "09:00-12:00"')
        await small_shop.observe(960)
        (sentence,) = (await story(small_shop)).following
        assert sentence.endswith("Its mail leaves when the quiet hours end, 20 November 2026, 12:00.")

    async def test_after_one_the_next_has_its_day(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await small_shop.remind()
        await small_shop.drain()
        found = await story(small_shop)
        (told,) = found.reminders
        assert (told.number, told.value, told.effects[0].state) == (1, 960, "done")
        assert found.reminder == "too_soon"
        assert found.following == ("The next reminder is possible from 20 December 2026, 09:15.",)

    async def test_after_the_last_there_is_none(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await small_shop.remind()
        await small_shop.drain()
        small_shop.later(days=31)
        await small_shop.remind(number=2)
        assert (await story(small_shop)).reminder == "enough_reminders"

    async def test_one_that_is_under_way_comes_first(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await small_shop.remind()
        small_shop.later(days=31)
        found = await story(small_shop)
        assert found.reminder == "one_at_a_time"
        assert found.following == ("A reminder is possible a day after the one that is under way has left.",)

    async def test_the_limit_over_all_milestones_has_an_end(self, small_shop: Shop) -> None:
        reconfigure(small_shop, "2 per 7d", "1 per 7d", '"30d"\nmax', '"1d"\nmax')
        await small_shop.observe(960)
        await small_shop.remind()
        small_shop.later(days=2)
        found = await story(small_shop)
        assert found.reminder == "at_most"
        assert found.following == (
            "The next reminder is possible from 27 November 2026, 09:15 (policy.at_most).",
        )

    async def test_what_gates_answered_is_told_with_its_times(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        for _ in range(3):
            small_shop.later(hours=1)
            async with small_shop.store.write() as tx:
                verdicts = [(ACCOUNT, "stars-1000", Verdict.NOT_SUBSCRIBED)]
                await ledger.add_traces(tx, SITE, "reminder", verdicts, small_shop.now)
        found = await explained(small_shop)
        (answer,) = found.stories[0].answers
        assert (answer.verdict, answer.times) == ("not_subscribed", 3)
        assert answer.last_at - answer.first_at == timedelta(hours=2)
        assert found.stories[0].reminder == "not_subscribed"


class TestMail:
    async def test_nobody_asked_yet(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        assert (await explained(small_shop)).person.mail.startswith("Nobody asked Wix yet")

    async def test_what_wix_told_of_the_subscription_is_told(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await self.told(small_shop, "UNSUBSCRIBED")
        found = await explained(small_shop)
        assert "Wix said UNSUBSCRIBED on 20 November 2026, 09:15." in found.person.mail
        assert found.stories[0].reminder == "not_subscribed"
        small_shop.later(minutes=1)
        await self.told(small_shop, "SUBSCRIBED")
        found = await explained(small_shop)
        assert found.person.mail.startswith("May be mailed.")
        assert found.stories[0].reminder == "near"

    async def told(self, shop: Shop, status: str) -> None:
        event = SubscriptionChanged("Ada@Example.com ", status, "VALID", shop.now)
        async with shop.store.write() as tx:
            await people.save_subscription(tx, SITE, shop.secret, event, shop.now)

    async def test_an_opt_out_is_told_with_its_day(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        async with small_shop.store.write() as tx:
            key = address_key(small_shop.secret, SITE, address_form("ada@example.com"))
            await people.suppress(tx, [key], "unsubscribed", NOW)
        found = await explained(small_shop)
        assert found.person.mail.endswith("Since 20 November 2026, 09:15 (unsubscribed).")
        assert found.stories[0].reminder == "suppressed"

    async def test_without_an_address_there_is_no_mail(self, small_shop: Shop) -> None:
        await small_shop.observe(960, customer=Customer(CONTACT, MEMBER))
        found = await explained(small_shop)
        assert (found.person.mail, found.stories[0].reminder) == (Verdict.NO_ADDRESS.sentence, "no_address")

    async def test_an_address_that_cannot_be_mailed_is_told(self, small_shop: Shop) -> None:
        await small_shop.observe(960, customer=Customer(CONTACT, MEMBER, "ada@@example.com"))
        found = await explained(small_shop)
        told = (Verdict.UNUSABLE_ADDRESS.sentence, "unusable_address")
        assert (found.person.mail, found.stories[0].reminder) == told

    async def test_an_address_that_is_not_listed_is_told(self, small_shop: Shop) -> None:
        reconfigure(small_shop, "[mail]", '[mail]\nonly_to = ["*@shop.example"]')
        await small_shop.observe(960)
        found = await explained(small_shop)
        assert (found.person.mail, found.stories[0].reminder) == (Verdict.ONLY_TO.sentence, "only_to")


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


class TestWhoIsMeant:
    async def found(self, shop: Shop, text: str, site: str | None = None) -> list[tuple[str, str]]:
        async with shop.store.read() as tx:
            return [(one.site_id, one.id) for one in await find_accounts(tx, text, site)]

    @pytest.mark.parametrize(
        "text", [ACCOUNT, CONTACT, MEMBER, "ada@example.com", " ADA\uff20example.COM.\u200b"]
    )
    async def test_by_id_contact_member_or_address(self, shop: Shop, text: str) -> None:
        await shop.observe(960)
        assert await self.found(shop, text) == [(SITE, ACCOUNT)]

    async def test_on_several_sites_all_are_meant_unless_one_is_named(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await small_shop.take_on("other-site")
        async with small_shop.store.write() as tx:
            await sites.change(tx, "other-site", name="Other")
        assert await self.found(small_shop, "ada@example.com", "the corner shop") == [(SITE, ACCOUNT)]
        with pytest.raises(NobodyError):
            await self.found(small_shop, "ada@example.com", "Other")
        with pytest.raises(UsageError, match="There is no site 'third'; known are The Corner Shop, Other"):
            await self.found(small_shop, "ada@example.com", "third")

    async def test_nobody_is_told_with_the_likely_reasons(self, small_shop: Shop) -> None:
        async with small_shop.store.write() as tx:
            key = address_key(small_shop.secret, SITE, address_form("bob@example.com"))
            await people.suppress(tx, [key], "unsubscribed", NOW)
        with pytest.raises(NobodyError) as nobody:
            await self.found(small_shop, "bob@example.com")
        told = str(nobody.value)
        assert told.startswith(
            "No account with this address is known. It is on the opt-out list of The Corner"
        )
        assert "The first reading of all accounts is not complete" in told
        assert told.endswith("or the contact was deleted and erased here.")

    async def test_a_contact_that_was_merged_is_told(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        merged = ContactMerged("target", ("source",))
        async with small_shop.store.write() as tx:
            await people.merge_contacts(tx, SITE, small_shop.secret, merged, NOW)
        with pytest.raises(NobodyError, match="deleted, or merged into another, on 2026-11-20"):
            await self.found(small_shop, "source")

    async def test_an_erased_account_is_found_by_the_id_that_its_contact_had(self, small_shop: Shop) -> None:
        await small_shop.observe(960, 1010)
        async with small_shop.store.write() as tx:
            await people.delete_contact(tx, SITE, small_shop.secret, ContactDeleted(CONTACT), NOW)
        found = await explained(small_shop, CONTACT)
        assert (found.person.name, found.person.email) == (None, None)
        assert "Erased on 20 November 2026, 09:15." in found.person.mail
        assert found.stories[0].standing == "given"

    async def test_before_the_first_start_there_is_nobody(self, small_shop: Shop) -> None:
        async with small_shop.store.write() as tx:
            await tx.execute(table_of(Site).delete())
        with pytest.raises(NobodyError, match="No site is known yet"):
            await self.found(small_shop, "ada@example.com")
