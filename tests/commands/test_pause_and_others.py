"""Pauses, holds, kept webhooks, reload, and the soundness of the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, get_type_hints

import pytest
from sqlalchemy import delete, select

from milestones.commands.host import Host
from milestones.commands.models.command import Command, Report
from milestones.commands.models.daemon import GetConfiguration, GetStatus, Reload, ReloadAnswer
from milestones.commands.models.outbox import RetryActions
from milestones.commands.models.pause import Pause, PauseAnswer, Resume, ResumeAnswer
from milestones.commands.models.people import ReplayRejected
from milestones.commands.models.scan import Scan
from milestones.commands.registry import HANDLERS, carry_out
from milestones.domain.event import AccountSeen, Heard
from milestones.errors import ChannelError, MilestonesError, UsageError
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.outbox import rests
from milestones.store.people import rejected
from milestones.store.tables import Account, Grant, ObservationRun, Reminder
from milestones.store.views import lookup
from milestones.views.database import examine
from tests.builders import NOW, SITE
from tests.ingest import tokens
from tests.shop import Shop


async def pause(shop: Shop, **fields: Any) -> PauseAnswer:
    return await carry_out(shop, Pause(**fields))


async def resume(shop: Shop, **fields: Any) -> ResumeAnswer:
    return await carry_out(shop, Resume(**fields))


class TestPauses:
    async def test_a_paused_milestone_is_recorded_and_given_later(self, shop: Shop) -> None:
        told = await pause(shop, milestone="stars-1000")
        assert (told.paused, told.sites) == (True, ("The Corner Shop",))
        await shop.observe(960, 1010)
        await shop.drain()
        assert set((await shop.states()).values()) == {"available", "waiting"}
        await resume(shop, milestone="stars-1000")
        assert shop.outcomes[-1].wake == {SITE}
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_a_paused_site_does_nothing(self, shop: Shop) -> None:
        await pause(shop)
        await shop.observe(960, 1010)
        await shop.drain()
        assert "done" not in (await shop.states()).values()
        await resume(shop, site="The Corner Shop")
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_resuming_everything_says_what_stays_paused_by_itself(self, small_shop: Shop) -> None:
        await pause(small_shop, milestone="again-500")
        await pause(small_shop)
        assert (await resume(small_shop)).milestones_paused == ("again-500",)

    async def test_an_unknown_milestone_is_said_so(self, small_shop: Shop) -> None:
        with pytest.raises(UsageError, match="No site has a milestone 'stars'"):
            await pause(small_shop, milestone="stars")


class TestHolds:
    async def hold(self, shop: Shop) -> None:
        await shop.observe(960, 1010)
        async with shop.store.write() as tx:
            await heartbeat.hold(tx, "The machine slept.")
        await shop.drain()
        assert "done" not in (await shop.states()).values()

    async def test_a_hold_ends_with_a_look_at_everything_first(self, shop: Shop) -> None:
        await self.hold(shop)
        assert (await resume(shop)).hold_ended == "The machine slept."
        assert all(action.lost for action in await shop.actions())
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_or_without_where_a_person_knows_better(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        await resume(small_shop, rewound=False)
        assert not any(action.lost for action in await small_shop.actions())

    async def test_resuming_one_site_does_not_end_it(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        assert (await resume(small_shop, site=SITE)).hold_ended is None
        async with small_shop.store.read() as tx:
            assert await heartbeat.get_hold(tx) == "The machine slept."


class TestASiteOfWhichWixDoesNotTell:
    """A thousand sites are not kept waiting by one whose app was removed or whose key was withdrawn."""

    WITHDRAWN = ChannelError("The key was not accepted.", permanent=True)

    async def hold(self, shop: Shop) -> None:
        await shop.take_on("elsewhere", "The Other Shop")
        await shop.observe(960, 1010)
        await shop.observe(960, 1010, site="elsewhere")
        async with shop.store.write() as tx:
            await heartbeat.hold(tx, "It may be a copy.")
        shop.refused["elsewhere"] = self.WITHDRAWN

    async def states(self, shop: Shop) -> tuple[bool, set[str], bool, set[str]]:
        async with shop.store.read() as tx:
            here, there = await sites.find_site(tx, SITE), await sites.find_site(tx, "elsewhere")
        assert here is not None
        assert there is not None
        lost = [{str(one.lost) for one in await shop.actions(site=site)} for site in (SITE, "elsewhere")]
        return here.paused, lost[0], there.paused, lost[1]

    async def test_it_stays_behind_paused_and_the_others_go_on(self, shop: Shop) -> None:
        await self.hold(shop)
        told = await resume(shop)
        assert (told.sites, told.not_asked) == (
            ("The Corner Shop",),
            {"The Other Shop": "The key was not accepted."},
        )
        assert told.hold_ended == "It may be a copy."
        assert await self.states(shop) == (False, {"True"}, True, {"True"})

    async def test_it_is_asked_about_before_it_goes_on(self, shop: Shop) -> None:
        await self.hold(shop)
        await resume(shop)
        with pytest.raises(MilestonesError, match=r"Nothing goes on, .* The key was not accepted"):
            await resume(shop, site="The Other Shop")
        await resume(shop)
        assert (await self.states(shop))[2], "nor with all"
        # What a scan has found since, the lost time may have seen done.
        await shop.observe(960, 1010, site="elsewhere", account="another")
        assert (await self.states(shop))[3] == {"True", "False"}
        shop.refused.clear()
        told = await resume(shop, site="The Other Shop")
        assert (told.sites, told.not_asked) == (("The Other Shop",), {})
        assert await self.states(shop) == (False, {"True"}, False, {"True"})

    async def test_once_it_has_gone_on_it_is_a_site_like_others(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        await resume(small_shop)
        await resume(small_shop, site="elsewhere", rewound=False)
        await small_shop.observe(960, 1010, site="elsewhere", account="another")
        await resume(small_shop)
        assert (await self.states(small_shop))[2:] == (False, {"True", "False"})

    async def test_where_wix_tells_of_nobody_the_hold_goes_on(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        small_shop.refused[SITE] = ChannelError("Wix does not answer.")
        with pytest.raises(MilestonesError, match=r"Nothing goes on, .* Wix does not answer"):
            await resume(small_shop)
        async with small_shop.store.read() as tx:
            assert await heartbeat.get_hold(tx) == "It may be a copy."

    async def test_a_scan_by_order_reads_the_others(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        told = await carry_out(small_shop, Scan())
        assert {one.site for one in told.scans} == {"The Corner Shop"}
        assert told.failed == {"The Other Shop": "The key was not accepted."}
        with pytest.raises(ChannelError, match="not accepted"):
            await carry_out(small_shop, Scan(site="elsewhere"))


class TestKeptWebhooks:
    async def keep(self, shop: Shop, body: bytes, reason: str = "It was not understood.") -> None:
        async with shop.store.write() as tx:
            await rejected.add(tx, SITE, tokens.POINTS_UPDATED, reason, body, NOW)

    async def kept(self, shop: Shop) -> list[int | None]:
        async with shop.store.read() as tx:
            return [row.id for row in await lookup.list_rejected(tx)]

    async def test_what_is_understood_now_is_recorded_and_no_longer_kept(self, shop: Shop) -> None:
        await self.keep(shop, tokens.token(tokens.claims("wix.of.no.interest", {})))
        told = await carry_out(shop, ReplayRejected())
        assert (told.taken, told.unneeded, told.kept) == (0, 1, {})
        assert await self.kept(shop) == []

    async def test_what_is_not_stays_with_its_reason(self, shop: Shop) -> None:
        await self.keep(shop, tokens.genuine(b"[]"))
        await self.keep(shop, tokens.token({"data": "nothing"}))
        told = await carry_out(shop, ReplayRejected())
        assert len(told.kept) == 2
        assert len(await self.kept(shop)) == 2

    async def test_only_those_that_are_named_are_tried(self, small_shop: Shop) -> None:
        for _ in range(2):
            await self.keep(small_shop, tokens.token(tokens.claims("wix.of.no.interest", {})))
        first, second = sorted(filter(None, await self.kept(small_shop)))
        await carry_out(small_shop, ReplayRejected(ids=[second]))
        assert await self.kept(small_shop) == [first]
        with pytest.raises(UsageError, match="Nothing is kept under 99"):
            await carry_out(small_shop, ReplayRejected(ids=[99]))

    async def test_one_that_cannot_be_recorded_keeps_no_other_back(
        self, small_shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def an_event(account: str) -> bytes:
            return tokens.token(tokens.claims(tokens.POINTS_UPDATED, tokens.points_updated(id=account)))

        hear = observe.hear

        async def some(store: Store, rules: Rules, batch: Sequence[Heard], now: datetime) -> Outcome:
            event = batch[0].event
            if isinstance(event, AccountSeen) and event.observation.account_id == "poison":
                raise ZeroDivisionError("anna@example.net")
            return await hear(store, rules, batch, now)

        monkeypatch.setattr(observe, "hear", some)
        for account in ("poison", "good"):
            await self.keep(small_shop, an_event(account))
        told = await carry_out(small_shop, ReplayRejected())
        assert (told.taken, list(told.kept.values())) == (
            1,
            ["Recording the event failed with ZeroDivisionError."],
        )
        assert len(await self.kept(small_shop)) == 1

    async def test_an_account_event_is_observed_with_its_own_time(self, small_shop: Shop) -> None:
        event = tokens.claims(tokens.POINTS_UPDATED, tokens.points_updated())
        await self.keep(small_shop, tokens.token(event))
        told = await carry_out(small_shop, ReplayRejected())
        assert told.taken == 1, told
        async with small_shop.store.read() as tx:
            found = (await tx.execute(select(table_of(Account).c.id))).scalars().all()
        assert list(found) == [tokens.ACCOUNT]


async def test_a_reload_answers_with_what_is_in_force(small_shop: Shop) -> None:
    assert await carry_out(small_shop, Reload()) == ReloadAnswer(configuration=small_shop.settings.hash)
    assert small_shop.reloads == 1


async def test_the_daemon_tells_of_itself(small_shop: Shop) -> None:
    told = await carry_out(small_shop, GetStatus())
    assert (told.configuration, told.database) == (small_shop.settings.hash, "serves")
    assert told.mistyped_callbacks == small_shop.mistyped
    source = await carry_out(small_shop, GetConfiguration())
    assert (source.path, source.text) == (small_shop.settings.path, small_shop.settings.path.read_text())


@pytest.mark.parametrize("kind", HANDLERS)
def test_every_command_is_carried_out_by_a_function_of_its_types(kind: type[Command[Any, Any]]) -> None:
    taken = get_type_hints(HANDLERS[kind])
    assert taken["return"] is kind.answer_type()
    host, command, report = (taken[name] for name in taken if name != "return")
    assert (host, command, report) == (Host, kind, Report[kind.report_type()])  # type: ignore[misc]


def test_a_command_is_found_under_one_path() -> None:
    assert len({(kind.method, kind.path) for kind in HANDLERS}) == len(HANDLERS)


class TestSoundness:
    async def test_a_sound_database_passes_everything(self, shop: Shop) -> None:
        await shop.observe(960, 1010)
        await shop.observe(950, account="near")
        await shop.remind("near", value=950)
        findings = await examine(shop.settings.daemon.database.get_secret_value())
        assert [finding.what for finding in findings if not finding.ok] == []
        assert {finding.what for finding in findings} >= {"schema", "file", "accounts", "grants", "actions"}

    @pytest.mark.parametrize(
        ("table", "wrong"),
        [(ObservationRun, {"accounts"}), (Account, {"grants"}), (Grant, {"actions"}), (Reminder, set[str]())],
    )
    async def test_rows_that_are_gone_are_missed(self, shop: Shop, table: Any, wrong: set[str]) -> None:
        await shop.observe(960, 1010)
        async with shop.store.write() as tx:
            await tx.execute(delete(table_of(table)))
        findings = await examine(shop.settings.daemon.database.get_secret_value())
        assert {finding.what for finding in findings if not finding.ok} == wrong


class TestRests:
    @pytest.mark.parametrize("command", [Resume(), RetryActions(state="discarded")])
    async def test_a_command_has_a_channel_that_rests_tried_at_once(
        self, small_shop: Shop, command: Command[Any, Any]
    ) -> None:
        broken = ChannelError("The login is refused.", permanent=True, connection_wide=True)
        badge = ChannelError("There is no such badge.", permanent=True)
        small_shop.channels["coupon"].answers = [broken]
        small_shop.channels["badge"].answers = [badge]
        await small_shop.observe(960, 1010)
        await small_shop.drain()
        await carry_out(small_shop, command)
        async with small_shop.store.read() as tx:
            assert await rests.get_rests(tx, SITE) == {}
        await small_shop.drain()
        assert (await small_shop.action("coupon")).state == "done"
