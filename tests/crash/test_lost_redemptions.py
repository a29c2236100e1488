"""A redemption whose answer is lost, in every way and under every answer to what nobody could verify: never made twice, and
where nobody can tell, shown to a person.
"""

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from milestones.domain.observation import Source
from milestones.domain.order import OrderSource, Person
from milestones.kinds.redemption.payload import RedeemReward
from milestones.outbox import act
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, place
from milestones.scans.pages import observation
from milestones.store.tables import Action
from milestones.store.views.lookup import Which, list_actions
from milestones.wix.account import Account as WixAccount
from tests.crash.giving import LAG, DiedError, Giving, giving
from tests.crash.test_lost_answers import LOSSES
from wixsandbox import ledger, redemption
from wixsandbox.faults import Fault
from wixsandbox.records import Account

pytestmark = pytest.mark.usefixtures("impatient")

REDEEM = ("POST", "^/loyalty-coupons/v1/coupons$")
COUPON = ("GET", "^/loyalty-coupons/v1/coupons/[^/]+$")
COUPONS = ("POST", "/loyalty-coupons/v1/coupons/query")
REWARD = ("GET", "^/loyalty-rewards/v1/rewards/[^/]+$")
RARELY = partial(pytest.param, marks=pytest.mark.rare)
"""What the tests of the channel guard too."""

SHOWN = timedelta(seconds=2 * LAG)
COST = 500
"""Of the sandbox's first coupon reward, in the base tier."""


def the_reward(shop: Giving) -> dict[str, Any]:
    return next(one for one in shop.books.rewards if one["type"] == "COUPON_REWARD")


async def customer(shop: Giving, balance: int = 5000) -> Account:
    """One who is known, with points."""
    world = shop.books
    account = shop.next_stranger()
    shop.reached.append(account)
    ledger.adjust(world, account, balance - account.balance, world.owner, "by hand")
    told = WixAccount.model_validate(ledger.document(world, ledger.the_account(world, account.id)))
    seen = [observation(told, Source.WEBHOOK, shop.clock())]
    await observe.observe(shop.runtime.store, shop.runtime.rules, shop.site_id, seen, shop.clock())
    return account


async def order(shop: Giving, account: Account, key: str = "key", cost: int = COST) -> None:
    key = key.replace(" ", "-")
    reward = the_reward(shop)
    request = RedeemReward(reward["id"], reward["name"], cost)
    asking = Asking(shop.site_id, OrderSource.CLI, key, Person(account_id=account.id), request)
    await place(shop.runtime.store, shop.runtime.rules, asking, shop.clock())


def made(shop: Giving, account: Account) -> list[str]:
    return [one["id"] for one in shop.books.loyalty_coupons if one["accountId"] == account.id]


async def the_actions(shop: Giving) -> list[Action]:
    async with shop.runtime.store.read() as tx:
        return sorted(await list_actions(tx, Which(kind="redemption")), key=lambda one: one.id or 0)


async def the_action(shop: Giving) -> Action:
    """The last that was ordered."""
    return (await the_actions(shop))[-1]


async def assert_once_or_shown(shop: Giving, account: Account) -> Action:
    """One coupon, and done; or none or one, and a person is asked."""
    action, coupons = await the_action(shop), made(shop, account)
    if action.state == "done":
        assert action.result is not None
        assert [action.result["coupon_id"]] == coupons
    else:
        assert (action.state, len(coupons)) in {("unknown", 0), ("unknown", 1)}
    return action


async def test_points_are_redeemed_and_the_code_is_told_once_they_are_taken(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        await order(shop, account)
        await shop.runtime.engine.drain(shop.site_id)
        pending = await the_action(shop)
        assert (pending.state, pending.verdict, pending.attempts) == ("available", "pending", 1)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, action.attempts, len(made(shop, account))) == ("done", 1, 1)
        assert action.result is not None
        (coupon,) = shop.books.loyalty_coupons
        assert action.result["code"] == coupon["couponReference"]["code"]
        assert action.result["status"] == coupon["status"] == "ACTIVE"
        assert ledger.the_account(shop.books, account.id).balance == 5000 - COST


async def test_a_lost_answer_doubles_nothing_and_what_nobody_can_tell_a_person_is_asked(shop: Giving) -> None:
    async with shop.started():
        for loss, fault in LOSSES.items():
            account = await customer(shop)
            shop.fault(*REDEEM, fault)
            await order(shop, account, loss)
            await shop.finish()
            action = await assert_once_or_shown(shop, account)
            # Exactly one matches, so it is ours; and of nothing, nothing can be told.
            assert action.state == ("done" if made(shop, account) else "unknown"), loss


async def test_answers_that_are_lost_again_and_again_double_nothing(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        shop.fault(*REDEEM, LOSSES["connection dropped after"])
        shop.fault(*COUPONS, Fault(effect="status", status=500, times=3, skip=1))
        shop.fault(*COUPON, Fault(effect="drop_after", times=3))
        await order(shop, account)
        await shop.finish()
        assert (await assert_once_or_shown(shop, account)).state == "done"


async def test_what_fails_before_it_is_tried_again(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        for method, path in (REWARD, COUPONS, ("GET", "^/loyalty-accounts/v1/accounts/[^/]+$")):
            shop.fault(method, path, Fault(effect="drop_after", times=2))
        await order(shop, account)
        await shop.finish()
        assert (await assert_once_or_shown(shop, account)).state == "done"


async def test_after_a_death_in_the_effect_nothing_is_doubled(
    shop: Giving, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_arguments: Any) -> None:
        monkeypatch.undo()
        raise DiedError

    monkeypatch.setattr(act, "_settle_pending", die)
    async with shop.started():
        account = await customer(shop)
        await order(shop, account)
        with pytest.raises(DiedError):
            await shop.finish()
    async with shop.started():
        await shop.finish()
        assert (await assert_once_or_shown(shop, account)).state == "done"


async def test_a_coupon_that_the_customer_made_meanwhile_is_no_proof(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        shop.fault(*REDEEM, LOSSES["connection dropped after"])
        await order(shop, account)
        await shop.runtime.engine.drain(shop.site_id)
        await shop._wix_has_done_what_it_began()
        redemption.redeem(
            shop.books, ledger.the_account(shop.books, account.id), the_reward(shop)["id"], None
        )
        await shop.finish()
        action = await the_action(shop)
        assert action.state == "unknown"
        assert all(coupon in (action.error or "") for coupon in made(shop, account))


async def test_a_coupon_of_before_is_not_taken_for_the_one_that_was_lost(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        redemption.redeem(
            shop.books, ledger.the_account(shop.books, account.id), the_reward(shop)["id"], None
        )
        shop.clock.reach(shop.clock() + SHOWN)
        shop.fault(*REDEEM, LOSSES["connection dropped before"])
        await order(shop, account)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, len(made(shop, account))) == ("unknown", 1)
        assert "shows no new loyalty coupon" in (action.error or "")


@pytest.mark.parametrize("loss", [RARELY("connection dropped before"), "connection dropped after"])
async def test_of_two_orders_of_one_reward_each_has_its_own_coupon(shop: Giving, loss: str) -> None:
    async with shop.started():
        account = await customer(shop)
        shop.fault(*REDEEM, LOSSES[loss])
        await order(shop, account)
        await order(shop, account, "another")
        await shop.finish()
        first, second = await the_actions(shop)
        assert second.state == "done"
        assert first.state == ("done" if loss.endswith("after") else "unknown")
        told = {(one.result or {}).get("coupon_id") for one in (first, second)} - {None}
        assert told == set(made(shop, account))


async def test_while_one_is_pending_others_are_done_and_it_is_followed_as_long_as_it_takes(
    tmp_path: Path,
) -> None:
    async with giving(tmp_path, redeem_seconds=1200) as shop, shop.started():
        account = await customer(shop)
        await order(shop, account)
        await shop.runtime.engine.drain(shop.site_id)
        await shop.crossing()
        await shop.runtime.engine.drain(shop.site_id)
        states = {row.kind: row.state for row in await shop.actions()}
        assert states["coupon"] == "done"
        assert (await the_action(shop)).state == "available"
        looks = 0
        while (action := await the_action(shop)).state == "available":
            looks += 1
            shop.clock.reach(action.available_at)
            await shop.runtime.engine.drain(shop.site_id)
        assert (action.state, action.attempts, len(made(shop, account))) == ("done", 1, 1)
        assert looks < 40, "less often the longer it takes"


@pytest.mark.parametrize("takes", [False, True])
async def test_what_wix_could_not_pay_for_fails_with_its_reason(tmp_path: Path, *, takes: bool) -> None:
    switches = {"redeem_outcome": "FAILED", "failed_redemption_takes_points": takes}
    async with giving(tmp_path, **switches) as shop, shop.started():
        account = await customer(shop)
        await order(shop, account)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, action.verdict, len(made(shop, account))) == ("discarded", "refused", 1)
        assert "Wix could not take the points" in (action.error or "")
        assert ("Points were taken all the same" in (action.error or "")) is takes


async def test_a_coupon_that_was_deleted_while_it_was_pending_is_told(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        await order(shop, account)
        await shop.runtime.engine.drain(shop.site_id)
        (coupon,) = made(shop, account)
        shop.books.loyalty_coupons.delete(coupon, shop.books.write_visible)
        await shop.finish()
        action = await the_action(shop)
        assert action.state == "discarded"
        assert "somebody deleted it" in (action.error or "")


SWITCHES: tuple[dict[str, Any], ...] = (*({"too_few_points_status": status} for status in (400, 409, 428)),)


@pytest.mark.parametrize(
    "switches",
    [pytest.param(SWITCHES[0]), *map(RARELY, SWITCHES[1:])],
    ids=lambda switches: "-".join(map(str, switches.values())),
)
async def test_points_that_are_gone_are_a_refusal_that_says_so_in_whatever_words_wix_says_it(
    tmp_path: Path, switches: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with giving(tmp_path, **switches) as shop, shop.started():
        account = await customer(shop)
        real = redemption.redeem

        # Between the look and the act, somebody buys something.
        def raced(world: Any, found: Account, *arguments: Any) -> Any:
            spent = ledger.adjust(world, found, 1 - found.balance, world.owner, "by hand")[0]
            monkeypatch.undo()
            return real(world, spent, *arguments)

        monkeypatch.setattr(redemption, "redeem", raced)
        await order(shop, account)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, made(shop, account)) == ("discarded", [])
        assert "costs 500 points and the account has 1, so 499 are missing" in (action.error or "")


async def test_nobody_pays_more_than_it_cost_when_it_was_ordered(shop: Giving) -> None:
    async with shop.started():
        account = await customer(shop)
        await order(shop, account, cost=COST - 1)
        await shop.finish()
        action = await the_action(shop)
        assert (action.state, made(shop, account)) == ("discarded", [])
        assert "costs 500 points by now, and cost 499 when it was ordered" in (action.error or "")


@pytest.mark.parametrize("status", [428, *map(RARELY, (400, 403, 409))])
async def test_while_the_program_is_paused_nothing_is_sent_and_nothing_is_lost(
    tmp_path: Path, status: int
) -> None:
    async with giving(tmp_path, inactive_program_status=status) as shop, shop.started():
        account = await customer(shop)
        await shop.runtime.assembly.parts(shop.site_id).work.channels["redemption"].gate([])
        shop.books.program["status"] = "PAUSED"
        await order(shop, account)
        await shop.runtime.engine.drain(shop.site_id)
        action = await the_action(shop)
        assert (action.state, made(shop, account)) == ("available", [])
        shop.books.program["status"] = "ACTIVE"
        await shop.finish()
        assert (await assert_once_or_shown(shop, account)).state == "done"
