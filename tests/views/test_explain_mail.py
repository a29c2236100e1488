"""Why one is reminded, or not, and why no mail may reach them."""

from datetime import timedelta

from milestones.domain.event import SubscriptionChanged
from milestones.domain.keys import address_key
from milestones.domain.observation import Customer
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.store.outbox import ledger
from milestones.store.people import people
from tests.builders import ACCOUNT, CONTACT, MEMBER, NOW, SITE
from tests.shop import Shop
from tests.views.explaining import explained, reconfigure, story


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
