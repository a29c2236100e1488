"""An adjustment whose answer is lost, in every way and under every answer to what nobody could verify: it is made once."""

from pathlib import Path
from typing import Any

import pytest

from milestones.domain.observation import Source
from milestones.domain.order import OrderSource, Person
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, place
from milestones.scans.pages import observation
from milestones.store.tables import Action
from milestones.store.views.lookup import Which, list_actions
from milestones.wix.account import Account as WixAccount
from tests.crash.giving import Giving, dying_in, giving
from tests.crash.test_lost_answers import LOSSES
from wixsandbox import ledger
from wixsandbox.faults import Fault

pytestmark = pytest.mark.usefixtures("impatient")

ADJUST = ("POST", "^/loyalty-accounts/v1/accounts/[^/]+/adjust-points$")
LOOK_UPS = {
    "account": ("GET", "^/loyalty-accounts/v1/accounts/[^/]+$"),
    "transaction": ("POST", "/loyalty-transactions/v1/loyalty-transactions/query"),
    "program": ("GET", "/loyalty-programs/v1/program"),
}


async def order(shop: Giving, *, by: int | None = 7, to: int | None = None) -> str:
    """One for a customer who is known; returns the account."""
    account = shop.next_stranger()
    told = WixAccount.model_validate(ledger.document(shop.books, account))
    seen = [observation(told, Source.WEBHOOK, shop.clock())]
    await observe.observe(shop.runtime.store, shop.runtime.rules, shop.site_id, seen, shop.clock())
    request = AdjustPoints(by, to, "A late bill")
    asking = Asking(shop.site_id, OrderSource.CLI, "key", Person(account_id=account.id), request)
    await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())
    return account.id


def booked(shop: Giving) -> list[int]:
    return [
        one.amount for one in shop.books.transactions if (one.description or "").startswith("A late bill (")
    ]


async def the_action(shop: Giving) -> Action:
    async with shop.runtime.store.read() as tx:
        (found,) = await list_actions(tx, Which(kind="adjust"))
    return found


def others_change(shop: Giving, account_id: str) -> None:
    """A sale moves the account to another revision."""
    world = shop.books
    ledger.adjust(world, ledger.the_account(world, account_id), 1, world.owner, "by hand")


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(
    "meanwhile", [pytest.param(False, id="quiet", marks=pytest.mark.rare), pytest.param(True, id="changed")]
)
async def test_a_lost_answer_doubles_nothing_and_leaves_nothing_out(
    shop: Giving, loss: str, *, meanwhile: bool
) -> None:
    async with shop.started():
        shop.fault(*ADJUST, LOSSES[loss])
        account = await order(shop)
        await shop.runtime.engine.drain(shop.site_id)
        await shop._wix_has_done_what_it_began()
        if meanwhile:
            others_change(shop, account)
        await shop.finish()
        assert booked(shop) == [7]
        assert (await the_action(shop)).state == "done"


async def test_answers_that_are_lost_again_and_again_double_nothing(shop: Giving) -> None:
    async with shop.started():
        for loss in ("500 before", "connection dropped after", "500 after", "200 with half a body"):
            shop.fault(*ADJUST, LOSSES[loss])
        await order(shop)
        await shop.finish()
        assert booked(shop) == [7]


@pytest.mark.parametrize("look_up", LOOK_UPS)
@pytest.mark.parametrize("loss", ["connection dropped before", "connection dropped after"])
async def test_when_the_look_up_fails_too_nothing_is_repeated_blindly(
    shop: Giving, look_up: str, loss: str
) -> None:
    async with shop.started():
        shop.fault(*ADJUST, LOSSES[loss])
        shop.fault(*LOOK_UPS[look_up], Fault(effect="status", status=500, times=4))
        await order(shop)
        await shop.finish()
        assert booked(shop) == [7]


async def test_a_balance_is_set_once_and_over_nobody_s_change(shop: Giving) -> None:
    async with shop.started():
        shop.fault(*ADJUST, LOSSES["connection dropped after"])
        account = await order(shop, by=None, to=5000)
        await shop.runtime.engine.drain(shop.site_id)
        others_change(shop, account)
        await shop.finish()
        assert len(booked(shop)) == 1
        assert ledger.the_account(shop.books, account).balance == 5001


async def test_after_a_death_in_the_effect_nothing_is_doubled_while_queries_lag(
    shop: Giving,
) -> None:
    async with shop.started():
        await order(shop)
        with dying_in("adjust"):
            await shop.finish()
    async with shop.started():
        await shop.finish()
        assert booked(shop) == [7]


SWITCHES: tuple[dict[str, Any], ...] = (
    {"adjust_without_revision": "refuse"},
    *({"stale_account_status": status} for status in (400, 409, 412, 428)),
    {"stale_account_status": 400, "stale_account_code": "FAILED_PRECONDITION"},
    {"amount_adjustment_type": "GIVE"},
    {"query_lag_seconds": 0},
)


@pytest.mark.parametrize("switches", SWITCHES, ids=lambda switches: "-".join(map(str, switches.values())))
async def test_whatever_wix_says_to_a_revision_that_is_not_the_latest_it_is_made_once(
    tmp_path: Path, switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with giving(tmp_path, **switches) as shop, shop.started():
        account = await order(shop)
        real, times = ledger.the_account, 0

        # Between the look and the act, somebody buys something: the first revision is stale.
        def raced(world: Any, account_id: str) -> Any:
            nonlocal times
            times += 1
            if times == 2:
                ledger.adjust(world, real(world, account_id), 1, world.owner, "by hand")
            return real(world, account_id)

        monkeypatch.setattr(ledger, "the_account", raced)
        await shop.finish()
        monkeypatch.undo()
        assert booked(shop) == [7]
        assert (await the_action(shop)).state == "done", account


@pytest.mark.parametrize("status", [400, 409, 428])
async def test_points_that_are_gone_by_then_are_a_refusal_that_says_so(tmp_path: Path, status: int) -> None:
    async with giving(tmp_path, too_few_points_status=status) as shop, shop.started():
        await order(shop, by=-9_999_999)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, booked(shop)) == ("discarded", [])
        assert "so 9,999,999 cannot be taken" in (action.error or "")


async def test_while_the_program_is_paused_nothing_is_sent_and_nothing_is_lost(shop: Giving) -> None:
    async with shop.started():
        shop.books.program["status"] = "PAUSED"
        await order(shop)
        await shop.runtime.engine.drain(shop.site_id)
        action = await the_action(shop)
        assert (action.state, action.verdict, booked(shop)) == ("available", "program_not_active", [])
        shop.books.program["status"] = "ACTIVE"
        await shop.finish()
        assert booked(shop) == [7]
