"""Redemptions: points turn into one coupon, and what nobody can tell is never done again by itself."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, PendingError
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.email.variables import Program
from milestones.kinds.redemption.channel import ONE_AFTER_THE_OTHER, RedemptionChannel
from milestones.kinds.redemption.payload import RedeemReward, RedemptionPayload
from milestones.rewards.catalogue import Buyer, Offer, Price
from milestones.wix.loyalty_coupons import CouponReference, LoyaltyCoupon, LoyaltyCouponStatus
from milestones.wix.rewards import RewardType
from tests.builders import SECRET
from tests.kinds.builders import NOW, Clock, a_task

LAG = timedelta(seconds=60)
STATUS = LoyaltyCouponStatus


def a_coupon(number: int = 1, status: STATUS = STATUS.PENDING, **overrides: Any) -> LoyaltyCoupon:
    values = {
        "id": f"coupon-{number}",
        "status": status,
        "reward_name": "10% off",
        "coupon_reference": CouponReference(code=f"CODE{number}"),
        "created_date": NOW,
    }
    return LoyaltyCoupon(**{**values, **overrides})


@dataclass
class Counter:
    """A shop's rewards and coupons. refusal: of the next call, before it redeems. lost: whether its answer is."""

    status: STATUS = STATUS.PENDING
    coupons: list[LoyaltyCoupon] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)
    balance: int = 500
    active: bool = True
    paused_meanwhile: bool = False
    offered: bool = True
    refusal: ChannelError | None = None
    lost: bool = False
    unsettled: set[tuple[str, str]] = field(default_factory=set)
    others: set[str] = field(default_factory=set)

    async def offer(self, reward_id: str, /) -> Offer | None:
        if not self.offered:
            return None
        return Offer(reward_id, "10% off", True, RewardType.COUPON_REWARD, (Price(None, 100, "10% off"),))

    async def buyer(self, account_id: str, /) -> Buyer:
        del account_id
        return Buyer(self.balance, None)

    async def redeem(self, reward_id: str, account_id: str, /) -> LoyaltyCoupon:
        del reward_id, account_id
        self.noted.append(effects.intent())
        if self.refusal is not None:
            raise self.refusal
        made = a_coupon(len(self.coupons) + 1, self.status)
        self.coupons.append(made)
        if self.lost:
            raise ChannelError("No answer.", lost=True)
        return made

    async def get(self, coupon_id: str, /) -> LoyaltyCoupon | None:
        return next((one for one in self.coupons if one.id == coupon_id), None)

    async def newest(self, account_id: str, /) -> list[LoyaltyCoupon]:
        return self.coupons if account_id == "account-1" else []

    async def doubtful(
        self, accounts: Collection[str], /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        del accounts, apart_from
        return self.unsettled

    async def list_taken(self, accounts: Collection[str], /, *, apart_from: Collection[int]) -> set[str]:
        del accounts, apart_from
        return self.others

    async def program(self, *, anew: bool = False) -> Program:
        return Program("Star Club", active=self.active and not (anew and self.paused_meanwhile))

    def becomes(self, status: STATUS, **overrides: Any) -> None:
        self.coupons = [one.model_copy(update={"status": status, **overrides}) for one in self.coupons]


def a_redemption(number: int = 1, **overrides: Any) -> Task:
    frozen = {"reward_id": "reward-1", "reward": "10% off", "cost": 100}
    task = a_task("redemption", frozen, number=number)
    return replace(task, **{"account_id": "account-1", "milestone": "", **overrides})


INTENT = {
    "account_id": "account-1",
    "reward_id": "reward-1",
    "reward": "10% off",
    "cost": 100,
    "at": NOW.isoformat(),
    "there": [],
}
DONE = {
    "coupon_id": "coupon-1",
    "code": "CODE1",
    "reward_id": "reward-1",
    "reward": "10% off",
    "cost": 100,
    "status": "ACTIVE",
    "transaction_id": None,
}


def lost(**known: Any) -> Task:
    return a_redemption(lost_at=NOW, intent={**INTENT, **known})


@pytest.fixture
def counter() -> Counter:
    return Counter()


@pytest.fixture
def channel(counter: Counter, clock: Clock) -> RedemptionChannel:
    return RedemptionChannel(counter, counter, program=counter.program, query_lag=LAG, clock=clock)


async def test_what_is_pending_is_asked_about_by_its_id_until_the_points_are_taken(
    channel: RedemptionChannel, counter: Counter, clock: Clock
) -> None:
    with pytest.raises(PendingError) as pending:
        await channel.perform(a_redemption())
    known = pending.value.known
    assert counter.noted == [{**INTENT}]
    assert known == {**INTENT, "coupon_id": "coupon-1"}
    assert pending.value.retry_at == NOW + timedelta(seconds=1)
    for passed, pause in ((4, 1), (36, 10), (86_400, 900)):
        clock.advance(passed)
        with pytest.raises(PendingError) as still:
            await channel.recover(lost(**known))
        assert still.value.retry_at == clock() + timedelta(seconds=pause)
    counter.becomes(STATUS.ACTIVE)
    found = await channel.recover(lost(**known))
    assert (found.fate, found.result, len(counter.coupons)) == (Fate.HAPPENED, DONE, 1)


async def test_what_is_made_at_once_is_told_at_once(channel: RedemptionChannel, counter: Counter) -> None:
    counter.status = STATUS.ACTIVE
    assert await channel.perform(a_redemption()) == DONE


@pytest.mark.parametrize(
    ("there", "mine"),
    [
        ([a_coupon(status=STATUS.ACTIVE)], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(2, reward_name="Another")], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(2, refundable=True)], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(2, created_date=NOW - timedelta(minutes=2))], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(2, created_date=NOW + timedelta(minutes=2))], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(3)], 1),
        ([a_coupon(status=STATUS.ACTIVE), a_coupon(4)], 1),
        ([a_coupon(status=STATUS.ACTIVE, reward_name=None, created_date=None)], 1),
        ([], 0),
        ([a_coupon(), a_coupon(2)], 2),
    ],
)
async def test_after_a_lost_answer_exactly_one_new_coupon_is_ours_and_else_a_person_decides(
    channel: RedemptionChannel, counter: Counter, clock: Clock, there: list[LoyaltyCoupon], mine: int
) -> None:
    counter.coupons, counter.others = there, {"coupon-4"}
    with pytest.raises(ChannelError) as awaited:
        await channel.recover(lost(there=["coupon-3"]))
    assert (awaited.value.untried, awaited.value.retry_at) == (True, NOW + LAG)
    clock.advance(60)
    found = await channel.recover(lost(there=["coupon-3"]))
    if mine == 1:
        assert (found.fate, found.result["coupon_id"]) == (Fate.HAPPENED, "coupon-1")
    else:
        assert found.fate is Fate.UNTOLD
        assert ("shows no new" if mine == 0 else "coupon-1, coupon-2") in (found.why or "")
    assert counter.noted == [], "nothing is repeated"


async def test_what_was_lost_before_a_merge_is_looked_for_where_it_was(
    channel: RedemptionChannel, counter: Counter, clock: Clock
) -> None:
    counter.coupons = [a_coupon(status=STATUS.ACTIVE)]
    clock.advance(60)
    moved = replace(lost(), account_id="account-2")
    assert (await channel.recover(moved)).fate is Fate.HAPPENED


async def test_a_lost_answer_is_not_repeated_by_performing_it(
    channel: RedemptionChannel, counter: Counter
) -> None:
    counter.lost = True
    with pytest.raises(ChannelError) as failed:
        await channel.perform(a_redemption())
    assert (failed.value.lost, len(counter.coupons)) == (True, 1)


@pytest.mark.parametrize(
    ("status", "transaction", "sentence"),
    [
        (STATUS.FAILED, None, "could not take the points.*costs 100 points and the account has 500 now.$"),
        (STATUS.FAILED, "t1", "Points were taken all the same \\(transaction t1\\)"),
        (STATUS.ARCHIVED, "t1", "was deleted, so its code is of no use. Points were taken"),
    ],
)
async def test_what_fails_in_the_end_says_why(
    channel: RedemptionChannel, counter: Counter, status: STATUS, transaction: str | None, sentence: str
) -> None:
    counter.coupons = [a_coupon(status=status, transaction_id=transaction)]
    with pytest.raises(ChannelError, match=sentence) as failed:
        await channel.recover(lost(coupon_id="coupon-1"))
    assert failed.value.permanent
    counter.coupons = []
    with pytest.raises(ChannelError, match="somebody deleted it") as gone:
        await channel.recover(lost(coupon_id="coupon-1"))
    assert gone.value.permanent


async def test_a_failure_that_is_told_at_once_is_kept_before_anything_else_is_asked(
    channel: RedemptionChannel, counter: Counter
) -> None:
    counter.status = STATUS.FAILED
    with pytest.raises(PendingError) as kept:
        await channel.perform(a_redemption())
    assert kept.value.known["coupon_id"] == "coupon-1"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"balance": 99}, "so 1 are missing"),
        ({"offered": False}, "was deleted in Wix"),
    ],
)
async def test_what_wix_would_refuse_is_not_sent(
    channel: RedemptionChannel, counter: Counter, fault: dict[str, Any], sentence: str
) -> None:
    for name, value in fault.items():
        setattr(counter, name, value)
    with pytest.raises(ChannelError, match=sentence) as refused:
        await channel.perform(a_redemption())
    assert (refused.value.permanent, counter.noted) == (True, [])


async def test_a_refusal_is_explained_by_what_changed_and_waits_while_the_program_is_paused(
    channel: RedemptionChannel, counter: Counter
) -> None:
    counter.refusal = ChannelError("428", permanent=True)
    with pytest.raises(ChannelError) as refused:
        await channel.perform(a_redemption())
    assert refused.value is counter.refusal
    counter.paused_meanwhile = True
    with pytest.raises(ChannelError, match="program is not active") as waits:
        await channel.perform(a_redemption())
    assert (waits.value.permanent, waits.value.connection_wide) == (False, True)


async def test_nothing_is_sent_while_the_program_is_not_active(
    channel: RedemptionChannel, counter: Counter
) -> None:
    counter.active = False
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + PROGRAM_PAUSE)
    assert await channel.gate([a_redemption()]) == {1: stop}


async def test_of_one_account_and_reward_one_comes_after_the_other_and_what_was_lost_goes_first(
    channel: RedemptionChannel, counter: Counter
) -> None:
    stop = Stop(State.AVAILABLE, Verdict.REDEMPTION_UNDER_WAY, until=NOW + ONE_AFTER_THE_OTHER)
    other = replace(a_redemption(3), account_id="account-2")
    assert await channel.gate([a_redemption(1), a_redemption(2), other]) == {2: stop}
    assert await channel.gate([a_redemption(1), replace(a_redemption(2), lost_at=NOW, intent=INTENT)]) == {
        1: stop
    }
    counter.unsettled = {("account-1", "reward-1")}
    assert await channel.gate([a_redemption(1), other]) == {1: stop}


async def test_what_never_began_is_done_again(channel: RedemptionChannel) -> None:
    assert (await channel.recover(a_redemption(lost_at=NOW))).fate is Fate.REPEAT


def test_a_request_is_the_same_whatever_the_reward_is_called_or_costs_by_now() -> None:
    request = RedeemReward("reward-1", "10% off", 100)
    assert request.fault() is None
    assert request.to_json() == RedeemReward("reward-1", "Ten off", 200).to_json()
    assert request.to_json() != RedeemReward("reward-2", "10% off", 100).to_json()
    frozen = RedemptionPayload.from_json(request.freeze(SECRET, "order/1#0", "account-1"))
    assert frozen == RedemptionPayload("reward-1", "10% off", 100)
    assert frozen.assumed_result().keys() == DONE.keys()
    assert datetime.fromisoformat(str(INTENT["at"])) == NOW
