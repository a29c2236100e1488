"""Who is stopped before an effect, and when they go on."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from milestones.domain.actions import Need, State
from milestones.domain.policy import QuietHours
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Stop
from milestones.outbox.gates import Policy
from milestones.pipeline import observe
from tests.builders import NOW, SITE, a_badge, a_coupon, a_customer, a_milestone, an_email, an_observation
from tests.outbox.bench import ALL_DONE, Bench
from tests.store.rules import FixedRules, go_live


async def test_when_consent_cannot_be_learned_nothing_of_the_batch_is_sent(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.gate_error = ChannelError("Wix is down")
    await bench.reach("a", "b")
    due = await bench.drain()
    assert mail.performed == []
    assert due == NOW + timedelta(seconds=30)


async def test_a_gate_says_no_and_the_verdict_is_kept(bench: Bench) -> None:
    await bench.reach()
    mail_id = next(row.id for row in await bench.rows() if row.kind == "email") or 0
    bench.channels["email"].stops = {mail_id: Stop(State.CANCELLED, Verdict.NOT_SUBSCRIBED)}
    await bench.drain()
    row = next(row for row in await bench.rows() if row.kind == "email")
    assert (row.state, row.verdict, row.attempts) == (State.CANCELLED, Verdict.NOT_SUBSCRIBED, 0)


async def test_mails_wait_for_the_morning(bench: Bench) -> None:
    bench.policy = Policy(QuietHours(time(8), time(10)), ZoneInfo("UTC"))
    bench.restart()
    await bench.reach()
    due = await bench.drain()
    assert due == NOW.replace(hour=10, minute=0, second=0)
    assert await bench.states() == {**ALL_DONE, "email": "available"}
    bench.now = due
    await bench.drain()
    assert await bench.states() == ALL_DONE


async def test_a_reward_that_fell_back_waits_to_be_reached_again(bench: Bench) -> None:
    milestone = a_milestone(rewards=(a_coupon(),), settle_for=timedelta(days=14))
    rules = FixedRules((milestone,))
    await bench.reach(milestone=milestone)
    assert await bench.drain() == NOW + timedelta(days=14)
    await observe.observe(bench.store, rules, SITE, [an_observation(400, 3, account_id="account")], bench.now)
    bench.now += timedelta(days=14)
    await bench.drain()
    assert await bench.states() == {"coupon": "waiting"}
    await observe.observe(
        bench.store, rules, SITE, [an_observation(1000, 4, account_id="account")], bench.now
    )
    again = await bench.drain()
    assert again == bench.now + timedelta(days=14)
    bench.now = again
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}


async def test_a_badge_waits_for_a_member_and_goes_on_when_there_is_one(bench: Bench) -> None:
    rules = FixedRules((a_milestone(rewards=(a_badge(),)),))
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        seen = [an_observation(balance, revision, customer=a_customer(member_id=None))]
        await observe.observe(bench.store, rules, SITE, seen, NOW)
    [row] = await bench.rows()
    badge = bench.channels["badge"]
    badge.stops = {row.id or 0: Stop(State.WAITING, Verdict.NO_MEMBER, needs=Need.MEMBER)}
    await bench.drain()
    assert await bench.states() == {"badge": "waiting"}
    badge.stops = {}
    joined = an_observation(1000, 3, customer=a_customer())
    outcome = await observe.observe(bench.store, rules, SITE, [joined], NOW)
    assert outcome.wake == {SITE}
    await bench.drain()
    assert await bench.states() == {"badge": "done"}


async def test_consent_that_no_event_tells_of_is_asked_for_again(bench: Bench) -> None:
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(),)))
    tomorrow = bench.now + timedelta(days=1)
    stop = Stop(State.WAITING, Verdict.NO_CONSENT_YET, until=tomorrow, needs=Need.CONSENT)
    await bench.stop("coupon", stop)
    assert await bench.drain() == tomorrow
    await bench.stop("coupon", None)
    assert await bench.drain() == tomorrow
    assert await bench.states() == {"coupon": "waiting"}
    bench.now = tomorrow
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}


async def test_a_coupon_that_waits_for_consent_goes_on_when_the_customer_has_another_address(
    bench: Bench,
) -> None:
    rules = FixedRules((a_milestone(rewards=(a_coupon(),)),))
    await bench.reach(milestone=rules.milestones[0])
    tomorrow = NOW + timedelta(days=1)
    stop = Stop(State.WAITING, Verdict.NO_CONSENT_YET, until=tomorrow, needs=Need.CONSENT)
    await bench.stop("coupon", stop)
    await bench.drain()
    assert await bench.states() == {"coupon": "waiting"}
    await bench.stop("coupon", None)
    same = an_observation(1000, 3, account_id="account", customer=a_customer())
    await observe.observe(bench.store, rules, SITE, [same], NOW)
    assert await bench.states() == {"coupon": "waiting"}
    moved = an_observation(1000, 4, account_id="account", customer=a_customer(email="new@example.com"))
    outcome = await observe.observe(bench.store, rules, SITE, [moved], NOW)
    assert outcome.wake == {SITE}
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}


TOMORROW = NOW + timedelta(days=1)


async def _coupon_ends(bench: Bench, ends: datetime | None) -> None:
    """Somebody is owed a coupon that ends then, and a mail that shows it; the coupon is made."""
    bench.channels["coupon"].answers = [{"code": "C", "expires": ends.isoformat() if ends else None}]
    bench.channels["email"].answers = [ChannelError("the mail server is down", untried=True)]
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(), an_email(uses=frozenset({"coupon"})))))
    await bench.drain()
    assert await bench.states() == {"coupon": "done", "email": "available"}


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=40), timedelta(days=30)])
async def test_a_mail_whose_coupon_is_over_is_held_for_a_person(bench: Bench, late: timedelta) -> None:
    await _coupon_ends(bench, TOMORROW)
    bench.now = TOMORROW + late
    await bench.drain()
    mail = await bench.row("email")
    assert (mail.state, mail.verdict) == (State.HELD, Verdict.COUPON_OVER)
    # Neither does a retry renew the end.
    await bench.set("email", state=State.AVAILABLE, available_at=bench.now)
    await bench.drain()
    assert (await bench.row("email")).verdict == Verdict.COUPON_OVER
    assert len(bench.channels["email"].performed) == 1


@pytest.mark.parametrize("ends", [None, TOMORROW + timedelta(hours=1)])
async def test_a_mail_whose_coupon_lasts_is_sent(bench: Bench, ends: datetime | None) -> None:
    await _coupon_ends(bench, ends)
    bench.now = TOMORROW
    await bench.drain()
    assert await bench.states() == {"coupon": "done", "email": "done"}


async def test_a_coupon_that_ends_before_a_hand_over_would_is_not_mailed_any_more(bench: Bench) -> None:
    await _coupon_ends(bench, TOMORROW + timedelta(seconds=59))
    bench.now = TOMORROW
    await bench.drain()
    assert (await bench.row("email")).verdict == Verdict.COUPON_OVER


async def test_a_night_that_outlasts_the_coupon_holds_its_mail(bench: Bench) -> None:
    bench.policy = Policy(QuietHours(time(9), time(8)), ZoneInfo("UTC"))
    bench.restart()
    bench.channels["coupon"].answers = [{"expires": (NOW + timedelta(hours=14)).isoformat()}]
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(), an_email(uses=frozenset({"coupon"})))))
    morning = await bench.drain()
    assert (await bench.row("email")).verdict == Verdict.QUIET_HOURS
    bench.now = morning or NOW
    await bench.drain()
    assert (await bench.row("email")).verdict == Verdict.COUPON_OVER
