"""What the page and the health checks show."""

from datetime import timedelta

import pytest

from milestones import config
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.email.folder import FolderTransport
from milestones.store import scans, sites
from milestones.store.database import heartbeat, schema
from milestones.store.people import rejected
from milestones.views.page import Happening, Place
from milestones.views.status import get_status
from milestones.views.timeline import Timeline
from tests.builders import ACCOUNT, NOW, SITE, a_customer
from tests.shop import CONFIG, Shop


def happenings(shop: Shop) -> Timeline:
    return Timeline(shop.store, lambda: shop.settings, shop.clock)


async def busy(shop: Shop, accounts: int = 6) -> None:
    """Several accounts reach and are reminded within the same moment."""
    for number in range(accounts):
        await shop.observe(960, 1010, account=f"account-{number}")
        somebody = a_customer(contact_id=f"contact-{number}", email=f"{number}@example.com")
        await shop.observe(950, account=f"near-{number}", customer=somebody)
        await shop.remind(f"near-{number}", value=950)
        shop.later(seconds=number % 2)
    await shop.drain()


async def paged(shop: Shop, size: int) -> list[Happening]:
    found: list[Happening] = []
    place: Place | None = None
    while page := await happenings(shop).recent(size, place):
        found += page
        place = page[-1].place
    return found


@pytest.mark.parametrize("size", [1, 3, 7])
async def test_pages_have_everything_once_newest_first(shop: Shop, size: int) -> None:
    await busy(shop)
    whole = list(await happenings(shop).recent(1000, None))
    assert len({one.key for one in whole}) == len(whole) == 6 * 4 + 6 * 3
    assert whole == sorted(whole, key=lambda one: one.place, reverse=True)
    assert await paged(shop, size) == whole


@pytest.mark.parametrize(
    "key", ["", "action", "action-", "action-²", "action-" + "9" * 40, "nothing-1", "zzz"]
)
async def test_a_place_at_which_no_page_ended_is_a_place_all_the_same(shop: Shop, key: str) -> None:
    await shop.observe(960, 1010)
    assert await happenings(shop).recent(10, Place(shop.now + timedelta(days=1), key))
    assert not await happenings(shop).recent(10, Place(shop.now - timedelta(days=1), key))


async def test_a_grant_and_its_effects_are_sentences(small_shop: Shop) -> None:
    small_shop.channels["email"].answers = [{"message_id": "<m@example.com>", "subject": "You did it"}]
    await small_shop.observe(960, 1010)
    await small_shop.drain()
    told = {one.kind: one for one in await happenings(small_shop).recent(10, None)}
    assert told["grant"].title == "Reached 1,000 stars with 1,010 points"
    assert told["coupon"].title == "A coupon was made: 10% off for 1,000 stars"
    assert told["badge"].title == "A badge was given: Star customer"
    assert (told["email"].title, told["email"].mail) == ("A mail was sent: You did it", "<m@example.com>")
    assert {(one.account, one.milestone) for one in told.values()} == {(ACCOUNT, "1,000 stars")}


async def test_a_mail_that_went_to_a_server_is_not_offered_to_be_looked_at(small_shop: Shop) -> None:
    small_shop.channels["email"].answers = [{"message_id": "<m@example.com>", "subject": "You did it"}]
    await small_shop.observe(960, 1010)
    await small_shop.drain()
    text = CONFIG.format(database=small_shop.settings.daemon.database.get_secret_value())
    text = text.replace('transport = "folder"', 'transport = "smtp"\nhost = "127.0.0.1"\ntls = "none"')
    small_shop.settings = config.parse(text, small_shop.settings.path, {})
    (told,) = [one for one in await happenings(small_shop).recent(10, None) if one.kind == "email"]
    assert (told.state, told.mail) == ("done", None)


async def test_what_is_held_or_waits_is_shown_before_it_is_settled(small_shop: Shop) -> None:
    small_shop.channels["coupon"].answers = [ChannelError("later")]
    await small_shop.observe(960, 1010)
    await small_shop.set("badge", state=State.HELD, verdict=Verdict.BREAKER)
    await small_shop.drain()
    told = {one.kind: one for one in await happenings(small_shop).recent(10, None)}
    assert (told["badge"].state, told["badge"].verdict) == ("held", Verdict.BREAKER.sentence)
    assert (told["coupon"].state, told["coupon"].verdict) == ("available", Verdict.RETRY.sentence)
    assert (told["email"].state, told["email"].mail) == ("waiting", None)


async def test_scans_that_found_somebody_or_stopped_are_shown_and_others_are_not(small_shop: Shop) -> None:
    await small_shop.observe(960)
    await small_shop.remind()
    async with small_shop.store.write() as tx:
        for kind in ("near", "baseline"):
            scan = await scans.start(tx, SITE, kind, NOW)
            await scans.finish(tx, scan, 100, NOW)
        await scans.fail(tx, await scans.start(tx, SITE, "reached", NOW), "Wix answered 500.")
    titles = [one.title for one in await happenings(small_shop).recent(10, None) if one.kind == "scan"]
    assert titles == [
        "A scan for changed accounts stopped after 0 accounts and goes on later: Wix answered 500.",
        "The first reading of all accounts: 0 accounts",
        "A scan for near customers: 1 accounts, 1 to be reminded",
    ]


async def test_the_site_is_named_where_there_are_several(small_shop: Shop) -> None:
    await small_shop.observe(960, 1010)
    assert {one.site for one in await happenings(small_shop).recent(10, None)} == {None}
    await small_shop.take_on("other-site")
    assert {one.site for one in await happenings(small_shop).recent(10, None)} == {"The Corner Shop"}


class TestOverview:
    async def test_its_figures_are_those_of_a_day(self, shop: Shop) -> None:
        await busy(shop)
        figures = {figure.label: figure.value for figure in (await happenings(shop).overview()).figures}
        assert figures == {
            "reached a milestone in 24 hours": 6,
            "reminders in 24 hours": 6,
            "mails sent in 24 hours": 12,
            "due now": 0,
        }
        shop.later(hours=25)
        figures = {figure.label: figure.value for figure in (await happenings(shop).overview()).figures}
        assert set(figures.values()) == {0}

    async def test_what_wants_a_person_is_alarming(self, small_shop: Shop) -> None:
        await busy(small_shop, 1)
        await small_shop.set("coupon", state=State.DISCARDED)
        await small_shop.set("badge", state=State.HELD, verdict=Verdict.BREAKER)
        await small_shop.set("email", state=State.UNKNOWN, verdict=Verdict.LOST_ANSWER)
        async with small_shop.store.write() as tx:
            await rejected.add(tx, SITE, None, "It is not an object.", b"{}", NOW)
        alarming = [
            (figure.label, figure.value)
            for figure in (await happenings(small_shop).overview()).figures
            if figure.alarming
        ]
        assert alarming == [
            ("held for a person", 1),
            ("of unknown fate", 2),
            ("failed for good", 1),
            ("webhooks or accounts not understood", 1),
        ]

    async def test_codes_that_nobody_was_told_of_are_counted(self, small_shop: Shop) -> None:
        await busy(small_shop, 2)
        await small_shop.set("email", state=State.CANCELLED, verdict=Verdict.NOT_SUBSCRIBED)
        figures = {figure.label: figure.value for figure in (await happenings(small_shop).overview()).figures}
        assert figures["codes nobody was told of in 24 hours"] == 2

    async def test_notices_say_what_must_not_be_overlooked(self, small_shop: Shop) -> None:
        assert (await happenings(small_shop).overview()).notices == []
        text = CONFIG.format(database=small_shop.settings.daemon.database.get_secret_value())
        text = text.replace('"live"', '"shadow"').replace("[mail]", '[mail]\nonly_to = ["*@shop.example"]')
        small_shop.settings = config.parse(text, small_shop.settings.path, {})
        async with small_shop.store.write() as tx:
            await heartbeat.hold(tx, "The machine slept.")
            await sites.pause(tx, SITE, "again-500", paused=True)
            await sites.notice(tx, "stranger", NOW)
        assert (await happenings(small_shop).overview()).notices == [
            "Nothing is sent or given until `milestones resume`. The machine slept.",
            "Shadow mode: everything is decided and recorded, and nothing is sent (daemon.mode).",
            "Mail leaves only for *@shop.example (mail.only_to).",
            "The milestone again-500 is paused on The Corner Shop (`milestones resume again-500`).",
            "1 site(s) send events and are not in the configuration: they are observed, and nothing is given there.",
        ]

    async def test_mail_that_is_limited_on_some_sites_is_not_said_of_all(self, small_shop: Shop) -> None:
        text = CONFIG.format(database="sqlite:///var/milestones.db")
        there = '\n[[sites]]\nname = "B"\ninstance_id = "b"\nmail.only_to = ["*@b.example"]\n'

        async def notices(text: str) -> list[str]:
            small_shop.settings = config.parse(text, small_shop.settings.path, {})
            return list((await happenings(small_shop).overview()).notices)

        assert await notices(text + there) == ["Mail of B leaves only for *@b.example (mail.only_to)."]
        everywhere = text.replace("[mail]", '[mail]\nonly_to = ["*@shop.example"]')
        assert await notices(everywhere + there) == [
            "Mail of The Corner Shop, any other site leaves only for *@shop.example (mail.only_to).",
            "Mail of B leaves only for *@b.example (mail.only_to).",
        ]


class TestReadiness:
    async def test_a_database_that_answers_and_a_young_backlog_are_ready(self, shop: Shop) -> None:
        await shop.observe(960, 1010)
        readiness = await happenings(shop).readiness()
        assert readiness.ok
        assert readiness.configuration == shop.settings.hash
        names = [check.name for check in readiness.checks]
        assert names == ["database", "migrations", "scans", "channels", "backlog"]

    async def test_work_that_nobody_does_is_not_ready(self, small_shop: Shop) -> None:
        await small_shop.observe(960, 1010)
        small_shop.later(hours=1)
        readiness = await happenings(small_shop).readiness()
        assert not readiness.ok
        assert readiness.checks[-1].detail == "2 due, the oldest for 3600 s."

    async def test_a_channel_that_does_not_work_is_told_of_and_leaves_the_process_ready(
        self, small_shop: Shop
    ) -> None:
        down = ChannelError("The mail server is not there.", connection_wide=True)
        small_shop.channels["coupon"].answers = [down]
        await small_shop.observe(960, 1010)
        await small_shop.drain()
        readiness = await happenings(small_shop).readiness()
        assert readiness.ok
        [detail] = [check.detail for check in readiness.checks if check.name == "channels"]
        assert detail.startswith("coupon rests until ")
        assert detail.endswith("UTC: The mail server is not there.")
        [notice] = [
            one for one in (await happenings(small_shop).overview()).notices if "have not worked" in one
        ]
        assert notice.startswith("Coupons have not worked since ")
        assert "The mail server is not there. Tried again at " in notice
        async with small_shop.store.read() as tx:
            found = await get_status(tx, small_shop.settings, small_shop.now)
        assert [(rest.kind, rest.reason) for rest in found.resting] == [
            ("coupon", "The mail server is not there.")
        ]

    async def test_work_that_waits_for_the_end_of_a_hold_is_since_events_must_come_all_the_same(
        self, small_shop: Shop
    ) -> None:
        await small_shop.observe(960, 1010)
        async with small_shop.store.write() as tx:
            await heartbeat.hold(tx, "The machine slept.")
        small_shop.later(hours=1)
        readiness = await happenings(small_shop).readiness()
        assert readiness.ok
        assert readiness.checks[-1].detail == "2 due, held until `milestones resume`."

    async def test_the_schema_is_asked_again_after_a_while_and_at_once_while_it_is_wrong(
        self, small_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = ["older", "current", "newer"]

        async def standing(_url: str) -> str:
            return answers.pop(0)

        monkeypatch.setattr(schema, "get_version_state", standing)
        told = happenings(small_shop)
        assert [(await told.readiness()).ok for _ in range(3)] == [False, True, True]
        small_shop.later(minutes=1)
        readiness = await told.readiness()
        assert (readiness.ok, readiness.checks[1].detail) == (False, "The schema is newer.")

    async def test_work_that_a_person_keeps_back_is(self, small_shop: Shop) -> None:
        await small_shop.observe(960, 1010)
        async with small_shop.store.write() as tx:
            await sites.pause(tx, SITE, None, paused=True)
        small_shop.later(hours=1)
        assert (await happenings(small_shop).readiness()).ok


async def test_a_mail_in_a_folder_is_found_by_its_name_alone(small_shop: Shop) -> None:
    folder = FolderTransport(small_shop.settings.mail.folder)
    await folder.send(b"Subject: Hello\r\n\r\n", message_id="<a@b>", sender="s@b", recipient="r@b")
    assert await happenings(small_shop).mail("<a@b>") == b"Subject: Hello\r\n\r\n"
    assert await happenings(small_shop).mail("../../config.toml") is None


async def test_an_hour_of_age_is_no_reason_while_nothing_is_due(small_shop: Shop) -> None:
    small_shop.now += timedelta(hours=1)
    assert (await happenings(small_shop).readiness()).ok
