"""Rewards as commands: what is read of Wix while a person waits, and what is refused before it is recorded."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError

from milestones.cli.offline import Alone
from milestones.commands.models.command import Answer, Command
from milestones.commands.models.orders import OrderAnswer
from milestones.commands.models.rewards import (
    DiscountCheckout,
    ListCoupons,
    ListDiscounts,
    ListRewards,
    RedeemForAccount,
    ShowReward,
)
from milestones.commands.registry import carry_out
from milestones.errors import KeyTakenError, MilestonesError, UsageError
from milestones.maintenance.programs import PERIOD, Watch, check
from milestones.views.customers import NobodyError
from milestones.views.lookup import find_one_site
from tests.crash.giving import Giving, giving
from tests.crash.test_lost_discounts import checkout, of_coupon, reward
from tests.crash.test_lost_redemptions import customer
from wixsandbox import ledger
from wixsandbox.records import Account

pytestmark = pytest.mark.asyncio(loop_scope="module")
NO_CHECKOUT = "0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42"


@dataclass
class Counter:
    """Where rewards are asked for: the parts of a daemon on the simulated Wix."""

    giving: Giving
    host: Alone

    async def ask(self, command: Command[Any, Any]) -> Any:
        answer = await carry_out(self.host, command)
        assert isinstance(answer, Answer)
        return answer

    async def order(self, command: Command[OrderAnswer, Any]) -> OrderAnswer:
        """Given, done, and asked again with the same key."""
        first = await self.ask(command)
        assert first.created
        await self.giving.finish()
        again: OrderAnswer = await self.ask(command)
        assert (again.created, again.order) == (False, first.order)
        return again


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def counter(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    async with (
        giving(tmp_path_factory.mktemp("counter"), query_lag_seconds=0) as shop,
        shop.started() as runtime,
    ):
        yield Counter(shop, Alone(runtime, runtime.settings, runtime))


@pytest_asyncio.fixture(loop_scope="module")
async def ada(counter: Counter) -> Account:
    return await customer(counter.giving)


def redeeming(account: Account, named: str, **more: Any) -> RedeemForAccount:
    return RedeemForAccount(
        **{"account": account.id, "reward": named, "key": f"{account.id[:8]}-r", "wait": 0, **more}
    )


def applying(at: str, **more: Any) -> DiscountCheckout:
    return DiscountCheckout(**{"checkout": at, "key": f"{at[:8]}-d", "wait": 0, **more})


def coupon_reward(counter: Counter) -> dict[str, Any]:
    return reward(counter.giving, "COUPON_REWARD")


def edited(counter: Counter, found: dict[str, Any], **changes: Any) -> None:
    counter.giving.books.rewards.put({**found, **changes})


async def test_rewards_are_listed_with_their_prices_and_for_an_account_with_what_it_can_afford(
    counter: Counter, ada: Account
) -> None:
    listed = await counter.ask(ListRewards())
    assert {one.id for one in listed.rewards} == {one["id"] for one in counter.giving.books.rewards}
    assert {one.type for one in listed.rewards} == {"coupon", "discount"}
    assert (listed.account, {one.cost for one in listed.rewards}) == (None, {None})
    mine = await counter.ask(ListRewards(account=ada.id))
    assert (mine.account, mine.balance) == (ada.id, 5000)
    for one in mine.rewards:
        cost = ledger.reward_cost(
            counter.giving.books,
            next(found for found in counter.giving.books.rewards if found["id"] == one.id),
            ledger.the_account(counter.giving.books, ada.id).tier_id,
        )
        assert one.cost == cost
        assert (one.fault is None) is (cost is not None and cost <= 5000 and one.active)


async def test_one_reward_is_shown_by_what_a_person_knows_of_it(counter: Counter, ada: Account) -> None:
    found = coupon_reward(counter)
    for named in (found["id"], found["id"][:13], found["name"].upper()):
        answer = await counter.ask(ShowReward(reward=named, account=ada.id))
        assert [one.id for one in answer.rewards] == [found["id"]]
    for nothing in ("", "no such thing", "\ud800"):
        with pytest.raises(UsageError, match="There is no reward"):
            await counter.ask(ShowReward(reward=nothing))
    with pytest.raises(NobodyError):
        await counter.ask(ListRewards(account="nobody"))


async def test_a_redemption_is_done_once_and_its_coupon_is_listed_and_spent_once(
    counter: Counter, ada: Account
) -> None:
    found = coupon_reward(counter)
    done = await counter.order(redeeming(ada, found["name"]))
    [action] = done.actions
    assert action.state == "done"
    assert action.result is not None
    assert action.sentence.endswith(f"points was made: {found['name']}")
    [line] = (await counter.ask(ListCoupons(account=ada.id))).coupons
    assert (line.code, line.status, line.fault) == (action.result["code"], "ACTIVE", None)

    at = checkout(counter.giving, ada)
    applied = await counter.order(applying(at, coupon=line.code.lower()))
    assert applied.actions[0].state == "done"
    [discount] = (await counter.ask(ListDiscounts(checkout=at))).discounts
    assert (discount.status, discount.coupon_id) == ("APPLIED", line.id)
    with pytest.raises(MilestonesError, match="was used already"):
        await counter.ask(applying(at, coupon=line.id, key="another"))
    [line] = (await counter.ask(ListCoupons(account=ada.id))).coupons
    assert (line.status, line.fault) == ("APPLIED", "The loyalty coupon was used already.")


async def test_a_reward_is_spent_at_a_checkout_once(counter: Counter, ada: Account) -> None:
    found, at = reward(counter.giving), checkout(counter.giving, ada)
    done = await counter.order(applying(at, reward=found["id"], account=ada.id, points=300))
    assert done.actions[0].result is not None
    assert done.actions[0].result["points"] == 300
    assert ledger.the_account(counter.giving.books, ada.id).balance == 4700
    [discount] = (await counter.ask(ListDiscounts(checkout=at))).discounts
    assert (discount.reward, discount.type) == (found["name"], "DISCOUNT_AMOUNT")
    shouted = applying(at, reward=found["id"], account=ada.id, points=300)
    again = await counter.ask(shouted.model_copy(update={"checkout": f" {at.upper()} "}))
    assert again.order == done.order, "the same checkout in another spelling is the same"
    with pytest.raises(KeyTakenError):
        await counter.ask(applying(at, reward=found["id"], account=ada.id, points=301))


async def test_a_key_that_was_used_for_another_reward_is_refused(counter: Counter, ada: Account) -> None:
    first, second = [one for one in counter.giving.books.rewards if one["type"] == "COUPON_REWARD"][:2]
    await counter.order(redeeming(ada, first["id"]))
    with pytest.raises(KeyTakenError):
        await counter.ask(redeeming(ada, second["id"]))


async def test_what_cannot_be_is_a_sentence_and_nothing_is_recorded(counter: Counter, ada: Account) -> None:
    shop = counter.giving
    coupon, money = coupon_reward(counter), reward(shop)
    poor = await customer(shop, balance=1)
    at = checkout(shop, poor)
    refused: list[tuple[Command[Any, Any], str]] = [
        (redeeming(poor, coupon["id"]), "and the account has 1, so 499 are missing"),
        (redeeming(poor, money["id"]), f"`milestones rewards apply CHECKOUT --reward {money['id']}"),
        (redeeming(poor, "no such thing"), "There is no reward"),
        (applying(at, reward=money["id"], account=poor.id), "are missing"),
        (applying(at, reward=money["id"], account=ada.id, points=5001), "5,001 points were to be spent"),
        (applying(at, reward=coupon["id"], account=ada.id, points=5), "has a fixed price"),
        (applying(at, reward=money["id"], account=ada.id, points=0), "1 to 9,999,999"),
        (applying("x", reward=money["id"], account=ada.id), "A checkout is named by its id"),
        (applying(at, reward=money["id"]), "the account whose points pay"),
        (applying(at), "either a reward"),
        (applying(at, reward=money["id"], coupon="x", account=ada.id), "either a reward"),
        (applying(at, coupon="NOSUCHCODE"), "no loyalty coupon with the code"),
        (applying(at, coupon=NO_CHECKOUT), "There is no loyalty coupon"),
        (redeeming(ada, coupon["id"], key="a b"), "A key has 1 to 200"),
        (ListDiscounts(checkout="x"), "A checkout is named by its id"),
        (ListRewards(site="nowhere"), "There is no site"),
    ]
    for command, sentence in refused:
        with pytest.raises(MilestonesError, match=sentence):
            await counter.ask(command)
    edited(counter, coupon, active=False)
    with pytest.raises(MilestonesError, match="is not active"):
        await counter.ask(redeeming(ada, coupon["id"]))
    edited(counter, coupon)
    tiers = {**coupon["couponReward"]}
    kind = next(iter(set(tiers) & {"fixedAmount", "percentage", "freeShipping"}))
    of_others = [{**tiers[kind]["configsByTier"][0], "tierId": NO_CHECKOUT}]
    edited(counter, coupon, couponReward={**tiers, kind: {"configsByTier": of_others}})
    with pytest.raises(MilestonesError, match="not offered in the tier"):
        await counter.ask(redeeming(ada, coupon["id"]))
    edited(counter, coupon)
    assert ledger.the_account(shop.books, poor.id).balance == 1


async def test_a_coupon_that_has_expired_or_is_anothers_is_a_sentence(counter: Counter, ada: Account) -> None:
    shop = counter.giving
    at = checkout(shop, ada)
    coupon_id = of_coupon(shop, ada, at).coupon_id
    other = await customer(shop)
    with pytest.raises(MilestonesError, match="belongs to another account"):
        await counter.ask(applying(at, coupon=coupon_id, account=other.id))
    loyalty = shop.books.loyalty_coupons.get(coupon_id or "")
    assert loyalty is not None
    under = shop.books.coupons.get(loyalty["couponReference"]["couponId"])
    assert under is not None
    over = {**under, "specification": {**under["specification"], "expirationTime": 1_700_000_000_000}}
    for changed, sentence in ((over, "has expired"), ({**under, "numberOfUsages": 1}, "was used already")):
        shop.books.coupons.put(changed)
        with pytest.raises(MilestonesError, match=sentence):
            await counter.ask(applying(at, coupon=coupon_id))
    assert (await counter.ask(ListDiscounts(checkout=at))).discounts == ()


async def test_what_becomes_of_a_coupon_later_is_asked_on_the_schedule(
    counter: Counter, ada: Account
) -> None:
    shop, found = counter.giving, coupon_reward(counter)
    done = await counter.order(redeeming(ada, found["id"]))
    assert done.actions[0].result is not None
    coupon = shop.books.loyalty_coupons.get(done.actions[0].result["coupon_id"])
    assert coupon is not None
    watch = Watch(
        shop.runtime.store,
        lambda site_id: counter.host.scan_work(site_id).client,
        lambda: counter.host.settings,
        shop.clock,
    )

    async def polled(status: str) -> str:
        stamp = shop.clock().isoformat().replace("+00:00", "Z")
        shop.books.loyalty_coupons.put({**coupon, "status": status, "updatedDate": stamp})
        shop.clock.reach(shop.clock() + timedelta(seconds=PERIOD + 1))
        async with shop.runtime.store.read() as tx:
            site = await find_one_site(tx, None)
        await check(watch, site)
        return str((await counter.ask(redeeming(ada, found["id"]))).actions[0].sentence)

    assert (await polled("ACTIVE")).endswith(f"was made: {found['name']}")
    assert (await polled("APPLIED")).endswith(f"was made: {found['name']} (used by now)")
    assert (await polled("ARCHIVED")).endswith(f"was made: {found['name']} (its coupon was deleted since)")


@pytest.mark.parametrize(
    "fault",
    [
        {"points": True},
        {"points": 1.5},
        {"points": "5"},
        {"checkout": None},
        {"wait": -1},
        {"amount": 5},
        {"key": None},
    ],
)
async def test_what_is_no_command_is_not_read_as_one(fault: dict[str, Any]) -> None:
    applying(NO_CHECKOUT)
    with pytest.raises(ValidationError):
        applying(NO_CHECKOUT, **fault)
