from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from milestones.domain.actions import Need, State
from milestones.domain.validity import last_moment
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Stop, Task
from milestones.kinds.coupon.channel import CouponChannel, MadeCoupon
from milestones.kinds.email.terms import expiry
from tests.kinds.builders import NOW, SPECIFICATION, VALIDITY, Clock, FakeConsent, Known, a_task


@dataclass
class Shop:
    """The coupons of a site. visible: whether its queries show them already."""

    made: dict[str, MadeCoupon] = field(default_factory=dict)
    visible: bool = True

    async def create(self, specification: Mapping[str, Any], /) -> str | None:
        code = specification["code"]
        if code in self.made:
            return None
        made = self.made[code] = MadeCoupon(f"coupon-{len(self.made) + 1}", expiry(specification))
        return made.id

    async def find(self, code: str, /) -> MadeCoupon | None:
        return self.made.get(code) if self.visible else None


def a_coupon(**payload: Any) -> Task:
    return a_task("coupon", {"specification": SPECIFICATION, "validity": VALIDITY, **payload})


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def channel(shop: Shop, consent: FakeConsent, clock: Clock) -> CouponChannel:
    return CouponChannel(shop, gatekeeper=consent.gatekeeper(), clock=clock)


async def test_a_coupon_is_made_as_it_was_recorded(channel: CouponChannel, shop: Shop) -> None:
    result = await channel.perform(a_coupon())
    assert shop.made == {"AB12CD34EF56G": MadeCoupon("coupon-1", NOW + timedelta(days=30))}
    assert result == {
        "coupon_id": "coupon-1",
        "code": "AB12CD34EF56G",
        "name": "10% off for 1,000 stars",
        "expires": (NOW + timedelta(days=30)).isoformat(),
        "specification": SPECIFICATION,
    }


async def test_a_coupon_without_an_end_says_so(channel: CouponChannel) -> None:
    endless = {name: value for name, value in SPECIFICATION.items() if name != "expirationTime"}
    assert (await channel.perform(a_coupon(specification=endless, validity=None)))["expires"] is None


async def test_a_code_that_exists_is_ours(channel: CouponChannel, shop: Shop) -> None:
    first = await channel.perform(a_coupon())
    assert await channel.perform(a_coupon()) == first
    assert len(shop.made) == 1


async def test_a_coupon_that_queries_do_not_show_yet_is_looked_up_again(
    channel: CouponChannel, shop: Shop
) -> None:
    await channel.perform(a_coupon())
    shop.visible = False
    with pytest.raises(ChannelError, match="looked up again") as caught:
        await channel.perform(a_coupon())
    assert caught.value.retry_at == NOW + timedelta(seconds=10)
    assert not caught.value.permanent


async def test_after_a_lost_answer_the_code_is_looked_up(channel: CouponChannel, shop: Shop) -> None:
    assert (await channel.recover(a_coupon())).fate is Fate.REPEAT
    made = await channel.perform(a_coupon())
    found = await channel.recover(a_coupon())
    assert (found.fate, found.result) == (Fate.HAPPENED, made)
    shop.visible = False
    assert (await channel.recover(a_coupon())).fate is Fate.REPEAT


async def test_a_coupon_is_made_whether_or_not_its_customer_may_be_mailed(
    channel: CouponChannel, consent: FakeConsent
) -> None:
    consent.known.clear()
    assert await channel.gate([a_coupon(), a_coupon(when_unmailable="create")]) == {}
    assert consent.asked == []


async def test_a_coupon_that_waits_for_consent_is_made_once_it_is_there(
    channel: CouponChannel, consent: FakeConsent
) -> None:
    waiting = a_coupon(when_unmailable="wait")
    consent.known.clear()
    tomorrow = NOW + timedelta(days=1)
    stop = Stop(State.WAITING, Verdict.NO_CONSENT_YET, until=tomorrow, needs=Need.CONSENT)
    assert await channel.gate([waiting]) == {1: stop}
    consent.known["ana@example.com"] = Known()
    assert await channel.gate([waiting]) == {}


async def test_a_coupon_of_which_a_service_mail_tells_waits_for_no_subscription(
    channel: CouponChannel, consent: FakeConsent
) -> None:
    consent.known.clear()
    tellable = a_coupon(when_unmailable="wait", consent="service")
    assert await channel.gate([tellable]) == {}
    consent.opted_out.add("ana@example.com")
    assert set(await channel.gate([tellable])) == {1}


async def test_a_coupon_that_is_made_late_is_not_over_already(
    channel: CouponChannel, shop: Shop, clock: Clock
) -> None:
    clock.advance(timedelta(days=45).total_seconds())
    begun = NOW + timedelta(days=45)
    ends = last_moment(begun, timedelta(days=30), ZoneInfo("UTC"))
    result = await channel.perform(a_coupon())
    assert result["expires"] == ends.isoformat()
    assert result["specification"]["startTime"] == int(begun.timestamp() * 1000)
    assert shop.made == {"AB12CD34EF56G": MadeCoupon("coupon-1", ends)}


async def test_a_coupon_works_from_the_moment_it_is_made_though_the_clock_was_set_back(
    channel: CouponChannel, clock: Clock
) -> None:
    clock.advance(-timedelta(hours=3).total_seconds())
    specification = (await channel.perform(a_coupon()))["specification"]
    assert specification["startTime"] == int(clock.now.timestamp() * 1000)
    assert specification["expirationTime"] == SPECIFICATION["expirationTime"]


async def test_after_a_lost_answer_the_mail_tells_the_end_that_the_coupon_has(
    channel: CouponChannel, clock: Clock
) -> None:
    clock.advance(timedelta(days=45).total_seconds())
    made = await channel.perform(a_coupon())
    clock.advance(timedelta(hours=1).total_seconds())
    found = await channel.recover(a_coupon())
    again = await channel.perform(a_coupon())
    assert found.result["expires"] == again["expires"] == made["expires"]
    assert expiry(found.result["specification"]) == expiry(made["specification"])
