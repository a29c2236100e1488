"""The life of an action, on both databases, with channels that succeed, fail and vanish."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from milestones import pipeline
from milestones.actions.channel import Fate, Found, Stop, Task
from milestones.domain.actions import Kind, State
from milestones.domain.milestone import Milestone
from milestones.domain.policy import QuietHours
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, FencedError
from milestones.outbox.drain import SiteWork, drain
from milestones.outbox.gates import Policy
from milestones.store import outbox, sites
from milestones.store.database import Store
from milestones.store.statements import table_of
from milestones.store.tables import Action
from tests.builders import NOW, SITE, a_badge, a_coupon, a_customer, a_milestone, an_email, an_observation
from tests.outbox.fakes import FakeChannel
from tests.store.rules import FixedRules, go_live, opened

REWARDED = a_milestone(rewards=(a_coupon(), a_badge(), an_email()))


@dataclass
class Bench:
    """One site with its outbox, and hands on the clock and the dice."""

    store: Store
    now: datetime = NOW
    channels: dict[Kind, FakeChannel] = field(default_factory=lambda: {kind: FakeChannel() for kind in Kind})
    policy: Policy = field(default_factory=lambda: Policy(None, ZoneInfo("UTC")))
    work: SiteWork = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """What a new process knows: nothing but the store."""
        self.work = SiteWork(
            site_id=SITE,
            store=self.store,
            channels=self.channels,
            policy=self.policy,
            clock=lambda: self.now,
            random=lambda: 0.5,
        )

    async def reach(self, *accounts: str, milestone: Milestone = REWARDED) -> None:
        """These accounts go from 10 points to 1,000."""
        rules = FixedRules((milestone,))
        await go_live(self.store, rules)
        for balance, revision in ((10, 1), (1000, 2)):
            seen = [
                an_observation(balance, revision, account_id=account, customer=a_customer())
                for account in accounts or ("account",)
            ]
            await pipeline.observe(self.store, rules, SITE, seen, self.now)

    async def drain(self) -> datetime | None:
        return await drain(self.work)

    async def rows(self) -> list[Action]:
        async with self.store.read() as tx:
            rows = (await tx.execute(select(table_of(Action)).order_by(Action.id))).mappings().all()  # type: ignore[arg-type]
        return [Action(**row) for row in rows]

    async def states(self) -> dict[str, str]:
        """State by kind, for one account."""
        return {row.kind: row.state for row in await self.rows()}

    async def set(self, kind: Kind, **values: Any) -> None:
        async with self.store.write() as tx:
            await tx.execute(update(table_of(Action)).where(table_of(Action).c.kind == kind).values(**values))


@pytest.fixture
async def bench(database_url: str) -> AsyncIterator[Bench]:
    async with opened(database_url) as store:
        yield Bench(store)


ALL_DONE = {"coupon": "done", "badge": "done", "email": "done"}


async def test_a_grant_is_given_whole_in_one_drain_and_the_mail_shows_the_code(bench: Bench) -> None:
    bench.channels[Kind.COUPON].answers = [{"code": "ABC"}]
    await bench.reach()
    assert await bench.drain() is None
    assert await bench.states() == ALL_DONE
    [mail] = bench.channels[Kind.EMAIL].performed
    assert mail.inputs == {"coupon": {"code": "ABC"}}
    assert mail.customer == a_customer()


async def test_the_mail_waits_for_the_coupon_and_not_for_the_badge(bench: Bench) -> None:
    bench.channels[Kind.COUPON].answers = [ChannelError("not now")]
    bench.channels[Kind.BADGE].answers = [ChannelError("never", permanent=True)]
    await bench.reach()
    due = await bench.drain()
    assert await bench.states() == {"coupon": "available", "badge": "discarded", "email": "waiting"}
    assert due is not None
    assert due > NOW
    bench.now = due
    await bench.drain()
    assert await bench.states() == {"coupon": "done", "badge": "discarded", "email": "done"}


async def test_a_discarded_coupon_holds_its_mail_for_a_person(bench: Bench) -> None:
    bench.channels[Kind.COUPON].answers = [ChannelError("refused", permanent=True)]
    await bench.reach()
    await bench.drain()
    rows = {row.kind: row for row in await bench.rows()}
    assert (rows["email"].state, rows["email"].verdict) == (State.HELD, Verdict.BLOCKED)
    assert rows["coupon"].error == "refused"


async def test_attempts_run_out(bench: Bench) -> None:
    bench.channels[Kind.BADGE].answers = [ChannelError("no")] * 12
    await bench.reach()
    for _ in range(12):
        due = await bench.drain()
        bench.now = due or bench.now
    row = next(row for row in await bench.rows() if row.kind == "badge")
    assert (row.state, row.verdict, row.attempts) == (State.DISCARDED, Verdict.EXHAUSTED, 12)


async def test_a_lost_answer_is_looked_for_before_anything_is_repeated(bench: Bench) -> None:
    coupon = bench.channels[Kind.COUPON]
    coupon.answers = [ChannelError("silence", lost=True)]
    coupon.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    await bench.drain()
    assert len(coupon.performed) == 1
    assert await bench.states() == ALL_DONE


async def test_a_lost_answer_that_proves_harmless_is_repeated(bench: Bench) -> None:
    coupon = bench.channels[Kind.COUPON]
    coupon.answers = [ChannelError("silence", lost=True)]
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    await bench.drain()
    assert (len(coupon.recovered), len(coupon.performed)) == (1, 2)
    assert await bench.states() == ALL_DONE


async def test_what_nobody_can_tell_waits_for_a_person_and_is_never_repeated(bench: Bench) -> None:
    mail = bench.channels[Kind.EMAIL]
    mail.answers = [ChannelError("silence", lost=True)]
    mail.found = Found(Fate.UNTOLD)
    await bench.reach()
    for _ in range(3):
        bench.now = await bench.drain() or bench.now
    row = next(row for row in await bench.rows() if row.kind == "email")
    assert (row.state, row.verdict, len(mail.performed)) == (State.UNKNOWN, Verdict.LOST_ANSWER, 1)


async def test_a_gate_that_says_later_does_not_forget_the_loss(bench: Bench) -> None:
    coupon = bench.channels[Kind.COUPON]
    coupon.answers = [ChannelError("silence", lost=True)]
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    coupon_id = next(row.id for row in await bench.rows() if row.kind == "coupon") or 0
    tomorrow = bench.now + timedelta(days=1)
    coupon.stops = {coupon_id: Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=tomorrow)}
    assert await bench.drain() == tomorrow
    row = next(row for row in await bench.rows() if row.kind == "coupon")
    assert (row.state, row.lost, len(coupon.recovered), len(coupon.performed)) == (
        State.AVAILABLE,
        True,
        1,
        1,
    )


async def test_a_look_that_fails_does_not_forget_the_loss(bench: Bench) -> None:
    mail = bench.channels[Kind.EMAIL]
    mail.answers = [ChannelError("silence", lost=True)]
    mail.found = ChannelError("cannot look")
    await bench.reach()
    for _ in range(3):
        bench.now = await bench.drain() or bench.now
    row = next(row for row in await bench.rows() if row.kind == "email")
    assert (row.lost, len(mail.performed)) == (True, 1)


class ProcessDiedError(BaseException):
    """Stands in for SIGKILL: nothing after it runs."""


async def test_a_process_that_dies_in_the_effect_leaves_a_lost_answer(bench: Bench) -> None:
    def die(_task: object) -> None:
        raise ProcessDiedError

    coupon = bench.channels[Kind.COUPON]
    coupon.before = die
    await bench.reach()
    with pytest.raises(ProcessDiedError):
        await bench.drain()
    assert (await bench.states())["coupon"] == "running"
    bench.restart()
    coupon.before = lambda _task: None
    coupon.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.drain()
    assert (len(coupon.recovered), len(coupon.performed)) == (1, 0)
    assert await bench.states() == ALL_DONE


async def test_a_fault_of_this_program_in_one_action_stops_no_other_and_ends(bench: Bench) -> None:
    def stumble(task: Task) -> None:
        if task.account_id == "b":
            raise TypeError

    bench.channels[Kind.COUPON].before = stumble
    await bench.reach("a", "b", "c")
    for _ in range(15):
        bench.now = await bench.drain() or bench.now
    coupons = {row.account_id: row for row in await bench.rows() if row.kind == "coupon"}
    assert {account: row.state for account, row in coupons.items()} == {
        "a": "done",
        "b": "unknown",
        "c": "done",
    }
    assert coupons["b"].error == "This program failed (TypeError); its log says where."


async def test_a_fault_of_this_program_in_a_gate_rests_its_channel_alone(bench: Bench) -> None:
    bench.channels[Kind.COUPON].gate_error = TypeError()
    await bench.reach()
    assert await bench.drain() == NOW + timedelta(seconds=30)
    assert await bench.states() == {"coupon": "available", "badge": "done", "email": "waiting"}


async def test_what_was_claimed_and_not_begun_is_simply_done_by_the_next_process(bench: Bench) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        generation = await outbox.begin(tx, SITE)
        claimed = await outbox.claim(tx, SITE, generation, Kind.COUPON, bench.now)
    assert len(claimed) == 1
    await bench.drain()
    assert bench.channels[Kind.COUPON].recovered == []
    assert await bench.states() == ALL_DONE


async def test_a_frozen_worker_that_wakes_can_write_nothing(bench: Bench) -> None:
    overtaken = []

    def overtake(_task: object) -> None:
        overtaken.append(True)

    await bench.reach()
    async with bench.store.write() as tx:
        old = await outbox.begin(tx, SITE)
        [coupon] = await outbox.claim(tx, SITE, old, Kind.COUPON, bench.now)
    bench.channels[Kind.COUPON].before = overtake
    await bench.drain()
    assert overtaken == [True]
    settlement = outbox.Settlement(coupon.action.id or 0, State.DISCARDED, Verdict.REFUSED)
    for step in (
        lambda tx: outbox.about_to_act(tx, SITE, old, [coupon.action.id or 0], bench.now),
        lambda tx: outbox.settle(tx, SITE, old, [settlement], bench.now),
        lambda tx: outbox.put_back(tx, SITE, old, [coupon.action.id or 0], None),
        lambda tx: outbox.claim(tx, SITE, old, Kind.EMAIL, bench.now),
    ):
        with pytest.raises(FencedError):
            async with bench.store.write() as tx:
                await step(tx)
    assert await bench.states() == ALL_DONE


async def test_a_fault_of_the_whole_channel_uses_up_no_attempt_and_rests_it(bench: Bench) -> None:
    mail = bench.channels[Kind.EMAIL]
    mail.concurrency = 1
    mail.answers = [ChannelError("login refused", connection_wide=True)]
    await bench.reach("a", "b", "c")
    due = await bench.drain()
    assert due == NOW + timedelta(seconds=30)
    mails = [row for row in await bench.rows() if row.kind == "email"]
    assert [(row.state, row.attempts) for row in mails] == [("available", 0)] * 3
    assert len(mail.performed) == 1
    bench.now = due
    await bench.drain()
    assert {row.state for row in await bench.rows()} == {"done"}


async def test_when_consent_cannot_be_learned_nothing_of_the_batch_is_sent(bench: Bench) -> None:
    mail = bench.channels[Kind.EMAIL]
    mail.gate_error = ChannelError("Wix is down")
    await bench.reach("a", "b")
    due = await bench.drain()
    assert mail.performed == []
    assert due == NOW + timedelta(seconds=30)


async def test_a_gate_says_no_and_the_verdict_is_kept(bench: Bench) -> None:
    await bench.reach()
    mail_id = next(row.id for row in await bench.rows() if row.kind == "email") or 0
    bench.channels[Kind.EMAIL].stops = {mail_id: Stop(State.CANCELLED, Verdict.NOT_SUBSCRIBED)}
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
    await pipeline.observe(
        bench.store, rules, SITE, [an_observation(400, 3, account_id="account")], bench.now
    )
    bench.now += timedelta(days=14)
    await bench.drain()
    assert await bench.states() == {"coupon": "waiting"}
    await pipeline.observe(
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
        await pipeline.observe(bench.store, rules, SITE, seen, NOW)
    [row] = await bench.rows()
    badge = bench.channels[Kind.BADGE]
    badge.stops = {row.id or 0: Stop(State.WAITING, Verdict.NO_MEMBER, needs="member")}
    await bench.drain()
    assert await bench.states() == {"badge": "waiting"}
    badge.stops = {}
    joined = an_observation(1000, 3, customer=a_customer())
    outcome = await pipeline.observe(bench.store, rules, SITE, [joined], NOW)
    assert outcome.wake == {SITE}
    await bench.drain()
    assert await bench.states() == {"badge": "done"}


async def test_a_paused_milestone_is_left_alone(bench: Bench) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, REWARDED.key, paused=True)
    assert await bench.drain() is None
    assert set((await bench.states()).values()) == {"available", "waiting"}


async def test_past_the_breaker_everything_is_held(bench: Bench) -> None:
    from milestones.domain.policy import Breaker

    rules = FixedRules((REWARDED,), breaker=Breaker(0.5, 2))
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        for account in "abcd":
            seen = [an_observation(balance, revision, account_id=account)]
            await pipeline.observe(bench.store, rules, SITE, seen, NOW)
    held = [row for row in await bench.rows() if row.state == State.HELD]
    assert {row.account_id for row in held} == {"c", "d"}
    assert {row.verdict for row in held} == {Verdict.BREAKER}


async def test_shadow_mode_records_and_sends_nothing(bench: Bench) -> None:
    rules = FixedRules((REWARDED,), shadow=True)
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        await pipeline.observe(bench.store, rules, SITE, [an_observation(balance, revision)], NOW)
    await bench.drain()
    assert {(row.state, row.verdict) for row in await bench.rows()} == {(State.CANCELLED, Verdict.SHADOW)}
    assert all(channel.performed == [] for channel in bench.channels.values())
