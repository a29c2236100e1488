"""Discounts: a reward or a loyalty coupon on a checkout, once, whatever was lost."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.discount.channel import GONE, DiscountChannel
from milestones.kinds.discount.payload import ApplyDiscount, DiscountPayload
from milestones.kinds.email.variables import Program
from milestones.rewards.catalogue import Buyer, Offer, Price
from milestones.wix.checkout import CheckoutDiscount, DiscountStatus
from milestones.wix.errors import WixNotFoundError
from milestones.wix.loyalty_coupons import LoyaltyCoupon, LoyaltyCouponStatus
from milestones.wix.rewards import RewardType
from tests.builders import SECRET
from tests.kinds.builders import NOW, Clock, a_task

LAG = timedelta(seconds=60)
CHECKOUT = "0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42"


@dataclass
class Checkout:
    """A checkout, and the shop that it is in. late: whether queries show nothing of it. lost: whether the next answer is."""

    discounts: list[CheckoutDiscount] = field(default_factory=list)
    told: list[Any] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)
    type: RewardType = RewardType.DISCOUNT_AMOUNT
    revision: int = 3
    balance: int = 500
    active: bool = True
    paused_meanwhile: bool = False
    fault: str | None = None
    there: bool = True
    late: bool = False
    refusal: ChannelError | None = None
    lost: bool = False
    just: set[tuple[str, str]] = field(default_factory=set)

    async def offer(self, reward_id: str, /) -> Offer | None:
        prices = (Price(None, 100, "1.00 off"),)
        return Offer(reward_id, "Money", True, self.type, prices, None, self.revision) if self.there else None

    async def buyer(self, account_id: str, /) -> Buyer:
        del account_id
        return Buyer(self.balance, None)

    async def coupon(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        coupon = LoyaltyCoupon(id=coupon_id, status=LoyaltyCouponStatus.ACTIVE, revision=self.revision)
        return coupon if self.there else None

    async def spending_fault(self, coupon: LoyaltyCoupon, /) -> str | None:
        del coupon
        return self.fault

    async def list_shown(self, checkout_id: str, /) -> list[CheckoutDiscount]:
        del checkout_id
        return [] if self.late else self.discounts

    async def apply_reward(
        self, checkout_id: str, reward_id: str, /, *, revision: int, points: int | None
    ) -> CheckoutDiscount:
        return self._apply(checkout_id, (revision, points), reward_id=reward_id)

    async def apply_coupon(self, checkout_id: str, coupon_id: str, /, *, revision: int) -> CheckoutDiscount:
        return self._apply(checkout_id, (revision, None), loyalty_coupon_id=coupon_id)

    def _apply(self, checkout_id: str, told: tuple[int, int | None], **what: Any) -> CheckoutDiscount:
        self.told.append(told)
        self.noted.append(effects.intent())
        if self.refusal is not None:
            raise self.refusal
        made = a_discount(len(self.discounts) + 1, checkout_id=checkout_id, **what)
        self.discounts = [*self.discounts, made]
        if self.lost:
            self.lost = False
            raise ChannelError("No answer.", lost=True)
        return made

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        del accounts, since, apart_from
        return self.just

    async def program(self, *, anew: bool = False) -> Program:
        return Program("Star Club", active=self.active and not (anew and self.paused_meanwhile))


def a_discount(
    number: int = 1, status: DiscountStatus = DiscountStatus.APPLIED, **what: Any
) -> CheckoutDiscount:
    return CheckoutDiscount(id=f"discount-{number}", status=status, **(what or {"reward_id": "reward-1"}))


def an_action(number: int = 1, *, lost_at: datetime | None = None, intent: Any = None, **what: Any) -> Task:
    payload = DiscountPayload(
        CHECKOUT, **{"reward_id": "reward-1", "coupon_id": None, "what": "Money", "cost": 100, **what}
    )
    task = a_task("discount", payload.to_json(), number=number)
    return replace(task, account_id="account-1", milestone="", lost_at=lost_at, intent=intent)


A_COUPON: dict[str, Any] = {"reward_id": None, "coupon_id": "coupon-1", "what": "10% off", "cost": None}


@pytest.fixture
def checkout() -> Checkout:
    return Checkout()


@pytest.fixture
def channel(checkout: Checkout, clock: Clock) -> DiscountChannel:
    return DiscountChannel(checkout, checkout, program=checkout.program, query_lag=LAG, clock=clock)


@pytest.mark.parametrize(
    ("type_", "what", "told", "spent"),
    [
        (RewardType.DISCOUNT_AMOUNT, {}, (3, 100), 100),
        (RewardType.DISCOUNT_AMOUNT, {"points": 250}, (3, 250), 250),
        (RewardType.COUPON_REWARD, {}, (3, None), 100),
        (RewardType.COUPON_REWARD, A_COUPON, (3, None), None),
    ],
)
async def test_a_discount_is_applied_at_the_revision_that_was_read(
    channel: DiscountChannel,
    checkout: Checkout,
    type_: RewardType,
    what: dict[str, Any],
    told: Any,
    spent: int | None,
) -> None:
    checkout.type = type_
    result = await channel.perform(an_action(**what))
    assert result == {
        "discount_id": "discount-1",
        "checkout_id": CHECKOUT,
        "points": spent,
        "status": "APPLIED",
    }
    assert (checkout.told, checkout.noted) == ([told], [{"there": [], "points": spent}])


@pytest.mark.parametrize("what", [{}, A_COUPON])
async def test_what_is_on_the_checkout_is_not_applied_again(
    channel: DiscountChannel, checkout: Checkout, what: dict[str, Any]
) -> None:
    await channel.perform(an_action(**what))
    with pytest.raises(ChannelError, match=r"on this checkout already \(discount discount-1\)") as refused:
        await channel.perform(an_action(2, **what))
    assert (refused.value.permanent, len(checkout.discounts)) == (True, 1)


@pytest.mark.parametrize("status", sorted(GONE))
async def test_what_was_taken_off_may_be_applied_again_and_is_not_taken_for_the_new_one(
    channel: DiscountChannel, checkout: Checkout, clock: Clock, status: DiscountStatus
) -> None:
    checkout.discounts = [a_discount(9, status)]
    checkout.lost = True
    with pytest.raises(ChannelError):
        await channel.perform(an_action())
    (intent,) = checkout.noted
    found = await channel.recover(an_action(lost_at=NOW, intent=intent))
    assert (found.fate, found.result["discount_id"]) == (Fate.HAPPENED, "discount-2")
    checkout.discounts = checkout.discounts[:1]
    clock.advance(60)
    assert (await channel.recover(an_action(lost_at=NOW, intent=intent))).fate is Fate.REPEAT


async def test_while_queries_lag_a_lost_one_is_awaited_and_then_repeated(
    channel: DiscountChannel, checkout: Checkout, clock: Clock
) -> None:
    task = an_action(lost_at=NOW, intent={"there": [], "points": 100})
    with pytest.raises(ChannelError) as awaited:
        await channel.recover(task)
    assert (awaited.value.untried, awaited.value.retry_at) == (True, NOW + LAG)
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.REPEAT
    await channel.perform(task)
    assert len(checkout.discounts) == 1


async def test_one_that_shows_after_it_was_looked_for_is_not_repeated(
    channel: DiscountChannel, checkout: Checkout, clock: Clock
) -> None:
    checkout.lost = checkout.late = True
    with pytest.raises(ChannelError):
        await channel.perform(an_action())
    task = an_action(lost_at=NOW, intent=checkout.noted[0])
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.REPEAT
    checkout.late = False
    assert (await channel.perform(task))["points"] == 100
    assert len(checkout.discounts) == 1


@pytest.mark.parametrize(
    ("fault", "what", "sentence"),
    [
        ({"balance": 99}, {}, "so 1 are missing"),
        ({}, {"points": 501}, "501 points were to be spent"),
        ({}, {"cost": 99}, "costs 100 points by now, and cost 99"),
        ({"there": False}, {}, "was deleted in Wix"),
        ({"there": False}, A_COUPON, "no such loyalty coupon"),
        ({"fault": "The loyalty coupon has expired."}, A_COUPON, "has expired"),
    ],
)
async def test_what_wix_would_refuse_is_not_sent(
    channel: DiscountChannel, checkout: Checkout, fault: dict[str, Any], what: dict[str, Any], sentence: str
) -> None:
    for name, value in fault.items():
        setattr(checkout, name, value)
    with pytest.raises(ChannelError, match=sentence) as refused:
        await channel.perform(an_action(**what))
    assert (refused.value.permanent, checkout.told) == (True, [])


async def test_a_refusal_is_explained_in_whatever_words_it_is_told(
    channel: DiscountChannel, checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout.refusal = WixNotFoundError("404")
    with pytest.raises(ChannelError, match=f"Wix knows no checkout {CHECKOUT}"):
        await channel.perform(an_action())
    checkout.refusal = ChannelError("428.", permanent=True)
    with pytest.raises(ChannelError, match=f"428. Perhaps it knows no checkout {CHECKOUT}") as refused:
        await channel.perform(an_action())
    assert refused.value.permanent
    revisions = iter((3, 4))
    monkeypatch.setattr(Checkout, "revision", property(lambda _: next(revisions), lambda *_: None))
    with pytest.raises(ChannelError, match="changed while it was applied") as changed:
        await channel.perform(an_action())
    assert not changed.value.permanent
    checkout.paused_meanwhile = True
    monkeypatch.setattr(Checkout, "revision", property(lambda _: 3, lambda *_: None))
    with pytest.raises(ChannelError, match="program is not active") as waits:
        await channel.perform(an_action())
    assert waits.value.connection_wide


async def test_nothing_is_sent_while_the_program_is_not_active(
    channel: DiscountChannel, checkout: Checkout
) -> None:
    checkout.active = False
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + PROGRAM_PAUSE)
    assert await channel.gate([an_action()]) == {1: stop}


async def test_the_same_for_one_checkout_waits_until_the_first_shows(
    channel: DiscountChannel, checkout: Checkout
) -> None:
    stop = Stop(State.AVAILABLE, Verdict.DISCOUNT_UNDER_WAY, until=NOW + LAG)
    assert await channel.gate([an_action(1), an_action(2), an_action(3, **A_COUPON)]) == {2: stop}
    checkout.just = {(CHECKOUT, "coupon-1")}
    assert await channel.gate([an_action(1), an_action(3, **A_COUPON)]) == {3: stop}


@pytest.mark.parametrize(
    ("request_", "fault"),
    [
        (ApplyDiscount(CHECKOUT, "x", reward_id="r"), None),
        (ApplyDiscount(CHECKOUT, "x", coupon_id="c"), None),
        (ApplyDiscount(CHECKOUT, "x", reward_id="r", points=9_999_999), None),
        (ApplyDiscount(CHECKOUT, "x", reward_id="r", points=10_000_000), "1 to 9,999,999"),
        (ApplyDiscount(CHECKOUT, "x", reward_id="r", points=0), "1 to 9,999,999"),
        (ApplyDiscount(CHECKOUT, "x", coupon_id="c", points=5), "no points are spent on it"),
        (ApplyDiscount(CHECKOUT, "x"), "either a reward or a loyalty coupon"),
        (ApplyDiscount(CHECKOUT, "x", reward_id="r", coupon_id="c"), "either a reward or a loyalty coupon"),
        (ApplyDiscount("", "x", reward_id="r"), "named by its id"),
        (ApplyDiscount("../x", "x", reward_id="r"), "named by its id"),
        (ApplyDiscount("\ud800", "x", reward_id="r"), "named by its id"),
    ],
)
def test_what_wix_would_refuse_is_a_sentence_before(request_: ApplyDiscount, fault: str | None) -> None:
    said = request_.fault()
    assert said is None if fault is None else fault in (said or "")


def test_a_request_is_the_same_whatever_it_is_called_or_costs_by_now() -> None:
    request = ApplyDiscount(CHECKOUT, "Money", reward_id="r", cost=100)
    assert request.to_json() == ApplyDiscount(CHECKOUT, "Cash", reward_id="r", cost=200).to_json()
    assert request.to_json() != ApplyDiscount(CHECKOUT, "Money", reward_id="r", points=100).to_json()
    frozen = DiscountPayload.from_json(request.freeze(SECRET, "order/1#0", "account-1"))
    assert frozen == DiscountPayload(CHECKOUT, "r", None, "Money", None, 100)
    assert frozen.assumed_result()["points"] == 100
