"""What an action lacks comes while its gates are asked, when nothing waits for it yet."""

from datetime import timedelta

from milestones.domain.actions import Need, State
from milestones.domain.event import Heard, SubscriptionChanged
from milestones.domain.verdict import Verdict
from milestones.kinds.channel import Stop
from milestones.outbox.reconsider import AGAIN, LAG
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome
from milestones.store.database import meta
from tests.builders import NOW, SECRET, SITE, a_badge, a_coupon, a_customer, a_milestone, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live

TOMORROW = NOW + timedelta(days=1)
NO_CONSENT = Stop(State.WAITING, Verdict.NO_CONSENT_YET, until=TOMORROW, needs=Need.CONSENT)


async def test_a_badge_is_given_to_who_becomes_a_member_while_the_gate_is_asked(bench: Bench) -> None:
    rules = FixedRules((a_milestone(rewards=(a_badge(),)),))
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        seen = an_observation(balance, revision, customer=a_customer(member_id=None))
        await observe.observe(bench.store, rules, SITE, [seen], bench.now)
    await bench.stop("badge", Stop(State.WAITING, Verdict.NO_MEMBER, needs=Need.MEMBER))

    badge = bench.channels["badge"]

    async def join() -> None:
        if len(badge.gated) > 1:
            badge.stops = {}
            return
        joined = an_observation(1000, 3, customer=a_customer())
        await observe.observe(bench.store, rules, SITE, [joined], bench.now)

    badge.meanwhile = join
    await bench.drain()
    assert await bench.states() == {"badge": "done"}


async def test_a_threshold_that_is_reached_again_while_the_gate_is_asked_begins_the_return_period_anew(
    bench: Bench,
) -> None:
    milestone = a_milestone(rewards=(a_coupon(),), settle_for=timedelta(days=14))
    rules = FixedRules((milestone,))
    await bench.reach(milestone=milestone)

    async def see(balance: int, revision: int) -> Outcome:
        seen = an_observation(balance, revision, account_id="account")
        return await observe.observe(bench.store, rules, SITE, [seen], bench.now)

    await see(400, 3)
    bench.now += timedelta(days=14)
    bench.channels["coupon"].meanwhile = lambda: see(1000, 4)
    again = await bench.drain()
    assert again == bench.now + timedelta(days=14)
    bench.now = again
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}


async def subscribe(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await meta.set_to(tx, "secret", SECRET.hex())
    address = a_customer().email or ""
    event = SubscriptionChanged(address, "SUBSCRIBED", "VALID", bench.now)
    heard = Heard(SITE, "EmailSubscriptionChanged", event, None, None)
    await observe.hear(bench.store, FixedRules(()), [heard], bench.now)


async def test_consent_that_comes_while_wix_is_asked_for_it_is_asked_for_again(bench: Bench) -> None:
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(),)))
    await bench.stop("coupon", NO_CONSENT)
    bench.channels["coupon"].meanwhile = lambda: subscribe(bench)
    again = await bench.drain()
    assert again == bench.now + AGAIN
    bench.now = again
    await bench.stop("coupon", None)
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}


async def test_an_address_that_comes_while_consent_is_asked_for_is_asked_about(bench: Bench) -> None:
    milestone = a_milestone(rewards=(a_coupon(),))
    await bench.reach(milestone=milestone)
    await bench.stop("coupon", NO_CONSENT)
    coupon = bench.channels["coupon"]

    async def move() -> None:
        if len(coupon.gated) > 1:
            coupon.stops = {}
            return
        customer = a_customer(email="new@example.com")
        moved = an_observation(1000, 3, account_id="account", customer=customer)
        await observe.observe(bench.store, FixedRules((milestone,)), SITE, [moved], bench.now)

    coupon.meanwhile = move
    await bench.drain()
    assert await bench.states() == {"coupon": "done"}
    assert [task.customer.email for task in coupon.performed] == ["new@example.com"]


async def test_consent_of_which_wix_told_just_now_is_believed_before_its_query_which_lags(
    bench: Bench,
) -> None:
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(),)))
    await subscribe(bench)
    await bench.stop("coupon", NO_CONSENT)
    assert await bench.drain() == bench.now + AGAIN
    assert (await bench.row("coupon")).verdict == Verdict.NO_CONSENT_YET


async def test_consent_of_long_ago_that_wix_denies_is_waited_for(bench: Bench) -> None:
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(),)))
    await subscribe(bench)
    bench.now += LAG + timedelta(seconds=1)
    await bench.stop("coupon", NO_CONSENT)
    assert await bench.drain() == TOMORROW
    assert await bench.states() == {"coupon": "waiting"}
