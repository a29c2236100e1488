"""Pauses, holds, kept webhooks, reload, and the soundness of the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select

from milestones.commands.registry import ORDERS, registry
from milestones.domain.actions import Kind
from milestones.domain.event import AccountSeen, Heard
from milestones.errors import ChannelError, MilestonesError, UsageError
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome, Rules
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.outbox import rests
from milestones.store.people import people
from milestones.store.tables import Account, Grant, ObservationRun, Reminder
from milestones.store.views import lookup
from milestones.views.database import examined
from tests.builders import NOW, SITE
from tests.ingest import tokens
from tests.shop import Shop


async def order(shop: Shop, name: str, **arguments: Any) -> Any:
    return await ORDERS[name](shop, arguments, lambda _told: None)


class TestPauses:
    async def test_a_paused_milestone_is_recorded_and_given_later(self, shop: Shop) -> None:
        told = await order(shop, "pause", milestone="stars-1000")
        assert (told["paused"], told["sites"]) == (True, ["The Corner Shop"])
        await shop.observe(960, 1010)
        await shop.drain()
        assert set((await shop.states()).values()) == {"available", "waiting"}
        await order(shop, "resume", milestone="stars-1000")
        assert shop.outcomes[-1].wake == {SITE}
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_a_paused_site_does_nothing(self, shop: Shop) -> None:
        await order(shop, "pause")
        await shop.observe(960, 1010)
        await shop.drain()
        assert "done" not in (await shop.states()).values()
        await order(shop, "resume", site="The Corner Shop")
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_resuming_everything_says_what_stays_paused_by_itself(self, small_shop: Shop) -> None:
        await order(small_shop, "pause", milestone="again-500")
        await order(small_shop, "pause")
        assert (await order(small_shop, "resume"))["milestones_paused"] == ["again-500"]

    async def test_an_unknown_milestone_is_said_so(self, small_shop: Shop) -> None:
        with pytest.raises(UsageError, match="No site has a milestone 'stars'"):
            await order(small_shop, "pause", milestone="stars")


class TestHolds:
    async def hold(self, shop: Shop) -> None:
        await shop.observe(960, 1010)
        async with shop.store.write() as tx:
            await heartbeat.hold(tx, "The machine slept.")
        await shop.drain()
        assert "done" not in (await shop.states()).values()

    async def test_a_hold_ends_with_a_look_at_everything_first(self, shop: Shop) -> None:
        await self.hold(shop)
        assert (await order(shop, "resume"))["hold_ended"] == "The machine slept."
        assert all(action.lost for action in await shop.actions())
        await shop.drain()
        assert set((await shop.states()).values()) == {"done"}

    async def test_or_without_where_a_person_knows_better(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        await order(small_shop, "resume", rewound=False)
        assert not any(action.lost for action in await small_shop.actions())

    async def test_resuming_one_site_does_not_end_it(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        assert (await order(small_shop, "resume", site=SITE))["hold_ended"] is None
        async with small_shop.store.read() as tx:
            assert await heartbeat.held(tx) == "The machine slept."


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
            here, there = await sites.named(tx, SITE), await sites.named(tx, "elsewhere")
        assert here is not None
        assert there is not None
        lost = [{str(one.lost) for one in await shop.actions(site=site)} for site in (SITE, "elsewhere")]
        return here.paused, lost[0], there.paused, lost[1]

    async def test_it_stays_behind_paused_and_the_others_go_on(self, shop: Shop) -> None:
        await self.hold(shop)
        told = await order(shop, "resume")
        assert (told["sites"], told["not_asked"]) == (
            ["The Corner Shop"],
            {"The Other Shop": "The key was not accepted."},
        )
        assert told["hold_ended"] == "It may be a copy."
        assert await self.states(shop) == (False, {"True"}, True, {"True"})

    async def test_it_is_asked_about_before_it_goes_on(self, shop: Shop) -> None:
        await self.hold(shop)
        await order(shop, "resume")
        with pytest.raises(MilestonesError, match=r"Nothing goes on, .* The key was not accepted"):
            await order(shop, "resume", site="The Other Shop")
        await order(shop, "resume")
        assert (await self.states(shop))[2], "nor with all"
        # What a scan has found since, the lost time may have seen done.
        await shop.observe(960, 1010, site="elsewhere", account="another")
        assert (await self.states(shop))[3] == {"True", "False"}
        shop.refused.clear()
        told = await order(shop, "resume", site="The Other Shop")
        assert (told["sites"], told["not_asked"]) == (["The Other Shop"], {})
        assert await self.states(shop) == (False, {"True"}, False, {"True"})

    async def test_once_it_has_gone_on_it_is_a_site_like_others(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        await order(small_shop, "resume")
        await order(small_shop, "resume", site="elsewhere", rewound=False)
        await small_shop.observe(960, 1010, site="elsewhere", account="another")
        await order(small_shop, "resume")
        assert (await self.states(small_shop))[2:] == (False, {"True", "False"})

    async def test_where_wix_tells_of_nobody_the_hold_goes_on(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        small_shop.refused[SITE] = ChannelError("Wix does not answer.")
        with pytest.raises(MilestonesError, match=r"Nothing goes on, .* Wix does not answer"):
            await order(small_shop, "resume")
        async with small_shop.store.read() as tx:
            assert await heartbeat.held(tx) == "It may be a copy."

    async def test_a_scan_by_order_reads_the_others(self, small_shop: Shop) -> None:
        await self.hold(small_shop)
        told = await order(small_shop, "scan")
        assert {one["site"] for one in told["scans"]} == {"The Corner Shop"}
        assert told["failed"] == {"The Other Shop": "The key was not accepted."}
        with pytest.raises(ChannelError, match="not accepted"):
            await order(small_shop, "scan", site="elsewhere")


class TestKeptWebhooks:
    async def keep(self, shop: Shop, body: bytes, reason: str = "It was not understood.") -> None:
        async with shop.store.write() as tx:
            await people.reject(tx, SITE, tokens.POINTS_UPDATED, reason, body, NOW)

    async def kept(self, shop: Shop) -> list[int | None]:
        async with shop.store.read() as tx:
            return [row.id for row in await lookup.rejected(tx)]

    async def test_what_is_understood_now_is_recorded_and_no_longer_kept(self, shop: Shop) -> None:
        await self.keep(shop, tokens.token(tokens.claims("wix.of.no.interest", {})))
        told = await order(shop, "rejected_replay")
        assert (told["taken"], told["unneeded"], told["kept"]) == (0, 1, {})
        assert await self.kept(shop) == []

    async def test_what_is_not_stays_with_its_reason(self, shop: Shop) -> None:
        await self.keep(shop, tokens.genuine(b"[]"))
        await self.keep(shop, tokens.token({"data": "nothing"}))
        told = await order(shop, "rejected_replay")
        assert len(told["kept"]) == 2
        assert len(await self.kept(shop)) == 2

    async def test_only_those_that_are_named_are_tried(self, small_shop: Shop) -> None:
        for _ in range(2):
            await self.keep(small_shop, tokens.token(tokens.claims("wix.of.no.interest", {})))
        first, second = sorted(filter(None, await self.kept(small_shop)))
        await order(small_shop, "rejected_replay", ids=[second])
        assert await self.kept(small_shop) == [first]
        with pytest.raises(UsageError, match="No webhook is kept under 99"):
            await order(small_shop, "rejected_replay", ids=[99])

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
        told = await order(small_shop, "rejected_replay")
        assert (told["taken"], list(told["kept"].values())) == (
            1,
            ["Recording the event failed with ZeroDivisionError."],
        )
        assert len(await self.kept(small_shop)) == 1

    async def test_an_account_event_is_observed_with_its_own_time(self, small_shop: Shop) -> None:
        event = tokens.claims(tokens.POINTS_UPDATED, tokens.points_updated())
        await self.keep(small_shop, tokens.token(event))
        told = await order(small_shop, "rejected_replay")
        assert told["taken"] == 1, told
        async with small_shop.store.read() as tx:
            found = (await tx.execute(select(table_of(Account).c.id))).scalars().all()
        assert list(found) == [tokens.ACCOUNT]


async def test_a_reload_answers_with_what_is_in_force(small_shop: Shop) -> None:
    assert await order(small_shop, "reload") == {"configuration": small_shop.settings.hash}
    assert small_shop.reloads == 1


async def test_the_daemon_tells_of_itself(small_shop: Shop) -> None:
    bound = registry(small_shop)
    assert set(bound) == set(ORDERS)
    told = await bound["status"]({}, lambda _told: None)
    assert told["configuration"] == small_shop.settings.hash


class TestSoundness:
    async def test_a_sound_database_passes_everything(self, shop: Shop) -> None:
        await shop.observe(960, 1010)
        await shop.observe(950, account="near")
        await shop.remind("near", value=950)
        findings = await examined(shop.settings.daemon.database.get_secret_value())
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
        findings = await examined(shop.settings.daemon.database.get_secret_value())
        assert {finding.what for finding in findings if not finding.ok} == wrong


class TestRests:
    @pytest.mark.parametrize("name", ["resume", "outbox_retry"])
    async def test_an_order_has_a_channel_that_rests_tried_at_once(self, small_shop: Shop, name: str) -> None:
        broken = ChannelError("The login is refused.", permanent=True, connection_wide=True)
        badge = ChannelError("There is no such badge.", permanent=True)
        small_shop.channels[Kind.COUPON].answers = [broken]
        small_shop.channels[Kind.BADGE].answers = [badge]
        await small_shop.observe(960, 1010)
        await small_shop.drain()
        await order(small_shop, name, **({"state": "discarded"} if name == "outbox_retry" else {}))
        async with small_shop.store.read() as tx:
            assert await rests.of_site(tx, SITE) == {}
        await small_shop.drain()
        assert (await small_shop.action(Kind.COUPON)).state == "done"
