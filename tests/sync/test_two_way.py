"""Two programs in step: through the real store, the outbox and the connector, with simulated programs on both sides."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from milestones.store.views import links as link_views
from tests.builders import SITE
from tests.external.programs import PRESETS
from tests.shop import write_config
from tests.sync.rig import Rig, a_path, a_rig

ADA = "account-ada"


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with a_rig(a_path(tmp_path)) as found:
        yield found


async def test_members_are_linked_with_the_accounts_of_their_address(rig: Rig) -> None:
    link = await rig.link()
    assert (link.account_id, link.state, link.ours, link.theirs, link.number) == (ADA, "linked", 100, 100, 1)
    assert await rig.shop.actions() == []


@pytest.mark.parametrize("preset", [preset for preset in PRESETS if preset not in {"talonone", "square"}])
async def test_changes_of_both_sides_are_added_up_once(tmp_path: Path, preset: str) -> None:
    async with a_rig(a_path(tmp_path), preset) as rig:
        await rig.link()
        rig.wix.change(ADA, 30)
        rig.world.books(preset).move("1", -12, "a reward")
        await rig.finish()
        assert (rig.here(ADA).balance, rig.there("1").balance) == (118, 118)
        calls = rig.connector.calls
        await rig.finish(2)
        assert (rig.here(ADA).balance, rig.there("1").balance) == (118, 118)
        assert (await rig.find_link()).number == 2
        assert rig.connector.calls - calls <= 5 * (2 if preset == "voucherify" else 1)


@pytest.mark.parametrize(("merge", "after"), [("sum", 125), ("ours", 130), ("theirs", 95)])
async def test_where_both_changed_the_configured_side_wins(tmp_path: Path, merge: str, after: int) -> None:
    async with a_rig(a_path(tmp_path), more=f'merge = "{merge}"') as rig:
        await rig.link()
        rig.wix.change(ADA, 30)
        rig.world.books("smile").move("1", -5, "a reward")
        await rig.finish()
        assert (rig.here(ADA).balance, rig.there("1").balance) == (after, after)


async def test_our_own_writes_come_back_in_any_order_and_number_and_change_nothing(rig: Rig) -> None:
    await rig.link()
    rig.world.books("smile").move("1", 50, "a purchase")
    await rig.turn()
    await rig.drain()
    rig.wix.change(ADA, 5)
    await rig.turn()
    # The event of the other change overtakes the echo of ours, and both come again.
    for event in [*reversed(rig.wix.events), *rig.wix.events]:
        await rig.hear(*event)
        await rig.turn()
        await rig.drain()
    await rig.finish()
    assert (rig.here(ADA).balance, rig.there("1").balance) == (155, 155)


async def test_what_is_known_of_an_account_counts_once_it_is_newer_than_our_write(rig: Rig) -> None:
    await rig.link()
    rig.world.books("smile").move("1", 50, "a purchase")
    await rig.turn()
    await rig.drain()
    await rig.turn()
    # The echo never comes: what is known here is the balance of before, at the revision of before.
    rig.world.books("smile").move("1", 1, "another")
    await rig.turn()
    assert rig.refreshed == [ADA]
    await rig.drain()
    await rig.finish(1)
    assert (rig.here(ADA).balance, rig.there("1").balance) == (151, 151)


@pytest.mark.parametrize(
    ("start", "ours", "theirs"), [("theirs", 80, 80), ("ours", 50, 50), ("sum", 130, 130)]
)
async def test_the_first_agreement_is_what_the_shop_chose(
    tmp_path: Path, start: str, ours: int, theirs: int
) -> None:
    async with a_rig(a_path(tmp_path), more=f'start = "{start}"') as rig:
        await rig.link(ours=50, theirs=80)
        await rig.finish()
        assert (rig.here(ADA).balance, rig.there("1").balance) == (ours, theirs)


async def test_balances_that_differ_at_first_are_listed_where_nobody_chose(rig: Rig) -> None:
    link = await rig.link(ours=50, theirs=80)
    assert (link.state, await rig.shop.actions()) == ("listed", [])
    assert link.reason is not None
    assert "50 points here and 80 there" in link.reason


async def test_what_cannot_be_merged_is_listed_and_nothing_is_lost(rig: Rig) -> None:
    await rig.link()
    rig.wix.change(ADA, -80)
    rig.world.books("smile").move("1", -70, "a reward")
    await rig.finish()
    link = await rig.find_link()
    assert (link.state, rig.here(ADA).balance, rig.there("1").balance) == ("listed", 20, 30)
    assert link.reason == "The balance here would become -50 points, and it cannot be below 0."


async def test_an_external_deletion_unlinks_and_absence_is_none(rig: Rig) -> None:
    await rig.link()
    rig.join("2", "bo@example.com", 5)
    await rig.open_account("account-bo", "bo@example.com", 5)
    await rig.turn()
    del rig.world.books("smile").members["1"]
    await rig.turn(whole=True)
    assert (await rig.find_link()).state == "linked"
    rig.wix.change(ADA, 5)
    rig.wix.change("account-bo", 5)
    await rig.finish()
    link = await rig.find_link()
    assert (link.state, link.email, rig.here(ADA).balance) == ("unlinked", None, 105)
    assert rig.there("2").balance == 10


async def test_a_wrong_address_does_not_unlink_everybody(rig: Rig) -> None:
    for number in range(1, 9):
        email = f"m{number}@example.com"
        await rig.open_account(f"account-{number}", email, 10)
        rig.join(str(number), email, 10)
    await rig.turn()
    rig.world.books("smile").members.clear()
    for number in range(1, 9):
        rig.wix.change(f"account-{number}", 1)
    await rig.hear_all()
    turn = await rig.turn()
    assert turn.trouble is not None
    assert "says of 5 members in a row that there are none" in turn.trouble
    async with rig.shop.store.read() as tx:
        assert await link_views.count_by_state(tx, SITE, "smile") == {"linked": 8}


async def test_an_account_that_is_gone_here_unlinks(rig: Rig) -> None:
    await rig.link()
    from milestones.store.people import erasure

    async with rig.shop.store.write() as tx:
        await erasure.erase(tx, SITE, [ADA], rig.shop.now)
    link = await rig.find_link()
    assert (link.email, link.email_key, link.phone) == (None, None, None)
    await rig.turn()
    assert (await rig.find_link()).state == "unlinked"
    rig.world.books("smile").move("1", 5, "a purchase")
    await rig.finish(1)
    assert await rig.shop.actions() == []


async def test_a_lost_answer_there_is_looked_for_before_it_is_repeated(rig: Rig) -> None:
    await rig.link()
    for lost in ("before", "after"):
        rig.wix.change(ADA, 7)
        await rig.hear_all()
        await rig.turn()
        # The balance is read, then the write is lost.
        rig.world.faults[:] = ["", lost]
        await rig.drain()
        assert (await rig.shop.actions(kind="external"))[-1].state == "available"
        rig.later(minutes=5)
        await rig.drain()
        await rig.finish(2)
    assert (rig.here(ADA).balance, rig.there("1").balance) == (114, 114)
    assert len(rig.world.books("smile").movements) == 2


async def test_without_a_history_what_nobody_can_tell_waits_for_a_person(tmp_path: Path) -> None:
    async with a_rig(a_path(tmp_path), "loyaltylion") as rig:
        await rig.link()
        rig.wix.change(ADA, 7)
        await rig.hear_all()
        await rig.turn()
        rig.world.faults[:] = ["", "after"]
        await rig.drain()
        rig.world.books("loyaltylion").move("1", 3, "a purchase meanwhile")
        rig.later(minutes=5)
        await rig.drain()
        assert (await rig.shop.action("external")).state == "unknown"
        await rig.finish(2)
        assert await rig.count_open() == 1
        assert (rig.here(ADA).balance, rig.there("1").balance) == (107, 110)


async def test_a_program_that_says_yes_and_books_nothing_is_not_believed(rig: Rig) -> None:
    await rig.link()
    rig.world.books("smile").behaviour.lies = True
    rig.wix.change(ADA, 30)
    await rig.hear_all()
    await rig.turn()
    await rig.drain()
    before = rig.connector.calls
    for _ in range(12):
        rig.later(minutes=5)
        await rig.turn(at_once=False)
        await rig.drain()
    assert rig.connector.calls - before <= 40
    link = await rig.find_link()
    assert (link.state, rig.here(ADA).balance) == ("listed", 130)
    assert link.reason is not None
    assert "said that it booked +30 points, and the balance does not show it" in link.reason


async def test_a_mass_change_of_the_peer_runs_into_the_breaker(tmp_path: Path) -> None:
    path = a_path(tmp_path)
    path.write_text(
        path.read_text().replace("floor = 1000", "floor = 5").replace("share = 0.5", "share = 0.1")
    )
    async with a_rig(path) as rig:
        for number in range(1, 13):
            email = f"m{number}@example.com"
            await rig.open_account(f"account-{number}", email, 10)
            rig.join(str(number), email, 10)
        await rig.turn()
        for number in range(1, 13):
            rig.world.books("smile").move(str(number), 9_000, "a fault")
        await rig.finish(1)
        states = [action.state for action in await rig.shop.actions(kind="adjust")]
        assert (states.count("done"), states.count("held")) == (5, 7)


async def test_what_a_peer_answers_instead_of_a_balance_is_trouble_and_costs_nobody_points(rig: Rig) -> None:
    await rig.link()
    rig.wix.change(ADA, 5)
    await rig.hear_all()
    for answer in (
        httpx.Response(200, html="<!doctype html>"),
        httpx.Response(200, json={"customer": {"id": 1, "points_balance": "lots"}}),
        httpx.Response(500),
    ):
        rig.world.faults[:] = [answer]
        turn = await rig.turn(at_once=False)
        assert turn.trouble is not None
        assert (await rig.find_link()).state == "linked"
    await rig.finish()
    assert (rig.here(ADA).balance, rig.there("1").balance) == (105, 105)


async def test_a_death_between_the_agreement_and_its_orders_loses_neither(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.link()
    rig.wix.change(ADA, 5)
    rig.world.books("smile").move("1", 3, "a purchase")
    await rig.hear_all()

    class DeathError(Exception):
        pass

    async def die(*_: object) -> None:
        raise DeathError

    with monkeypatch.context() as patch:
        patch.setattr("milestones.sync.agree.place_orders", die)
        with pytest.raises(DeathError):
            await rig.turn()
    assert await rig.shop.actions() == []
    await rig.finish()
    assert (rig.here(ADA).balance, rig.there("1").balance) == (108, 108)


async def test_several_accounts_of_one_address_are_listed(rig: Rig) -> None:
    await rig.open_account("account-1", "ada@example.com", 1)
    await rig.open_account("account-2", "ada@example.com", 1)
    rig.join("1", "ada@example.com", 1)
    await rig.turn()
    link = await rig.find_link()
    assert (link.state, link.reason) == ("listed", "2 accounts here have the mail address of this member.")


async def test_in_shadow_mode_it_reads_and_agrees_on_nothing(tmp_path: Path) -> None:
    path = write_config(tmp_path / "shop")
    path.write_text(path.read_text().replace('mode = "live"', 'mode = "shadow"'))
    async with a_rig(path) as rig:
        link = await rig.link()
        assert (link.account_id, link.state, link.number) == (ADA, "new", 0)


async def test_on_both_databases(tmp_path: Path, database_url: str) -> None:
    async with a_rig(write_config(tmp_path / "shop", database_url)) as rig:
        await rig.link()
        rig.wix.change(ADA, 30)
        rig.world.books("smile").move("1", -12, "a reward")
        await rig.finish()
        assert (rig.here(ADA).balance, rig.there("1").balance) == (118, 118)
