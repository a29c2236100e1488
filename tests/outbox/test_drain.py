"""The life of an action, on both databases, with channels that succeed and fail."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from milestones.domain.actions import State
from milestones.domain.policy import Breaker
from milestones.domain.retry import RetryPolicy
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, StoreRaceError, StoreUnavailableError
from milestones.kinds.channel import Stop, Task
from milestones.outbox import books
from milestones.pipeline import observe
from milestones.store import sites
from milestones.store.database.locks import lock_site
from milestones.store.outbox import schedule
from tests.builders import NOW, SITE, a_customer, an_observation
from tests.outbox.bench import ALL_DONE, REWARDED, Bench
from tests.store.rules import FixedRules, go_live


async def test_a_grant_is_given_whole_in_one_drain_and_the_mail_shows_the_code(bench: Bench) -> None:
    bench.channels["coupon"].answers = [{"code": "ABC"}]
    await bench.reach()
    assert await bench.drain() is None
    assert await bench.states() == ALL_DONE
    [mail] = bench.channels["email"].performed
    assert mail.inputs == {"coupon": {"code": "ABC"}}
    assert mail.customer == a_customer()


async def test_the_mail_waits_for_the_coupon_and_not_for_the_badge(bench: Bench) -> None:
    bench.channels["coupon"].answers = [ChannelError("not now")]
    bench.channels["badge"].answers = [ChannelError("never", permanent=True)]
    await bench.reach()
    due = await bench.drain()
    assert await bench.states() == {"coupon": "available", "badge": "discarded", "email": "waiting"}
    assert due is not None
    assert due > NOW
    bench.now = due
    await bench.drain()
    assert await bench.states() == {"coupon": "done", "badge": "discarded", "email": "done"}


async def test_a_discarded_coupon_holds_its_mail_for_a_person(bench: Bench) -> None:
    bench.channels["coupon"].answers = [ChannelError("refused", permanent=True)]
    await bench.reach()
    await bench.drain()
    rows = {row.kind: row for row in await bench.rows()}
    assert (rows["email"].state, rows["email"].verdict) == (State.HELD, Verdict.BLOCKED)
    assert rows["coupon"].error == "refused"


async def test_what_becomes_of_an_action_is_logged_with_whose_it_is_and_with_nobodys_address(
    bench: Bench,
) -> None:
    bench.channels["badge"].answers = [ChannelError("not now")]
    await bench.reach()
    with capture_logs() as logs:
        await bench.drain()
    ids = {row.kind: row.id for row in await bench.rows()}
    about = {"site": SITE, "account": "account", "milestone": REWARDED.key}
    told = [line for line in logs if line["event"] == "action_settled"]
    assert sorted(told, key=lambda line: line["action"]) == [
        {"event": "action_settled", "log_level": "info", **about, "action": ids[kind], "kind": kind, **became}
        for kind, became in (
            ("coupon", {"state": "done", "verdict": "done"}),
            ("badge", {"state": "available", "verdict": "retry"}),
            ("email", {"state": "done", "verdict": "done"}),
        )
    ]
    [failed] = [line for line in logs if line["event"] == "action_failed"]
    assert failed.items() >= {**about, "action": ids["badge"], "kind": "badge", "attempt": 1}.items()
    customer = a_customer()
    assert customer.email is not None
    assert customer.name is not None
    assert customer.email not in repr(logs)
    assert customer.name not in repr(logs)


async def test_attempts_run_out(bench: Bench) -> None:
    bench.work.retry = RetryPolicy(attempts=3)
    bench.channels["badge"].answers = [ChannelError("no")] * 3
    await bench.reach()
    for _ in range(3):
        due = await bench.drain()
        bench.now = due or bench.now
    row = next(row for row in await bench.rows() if row.kind == "badge")
    assert (row.state, row.verdict, row.attempts) == (State.DISCARDED, Verdict.EXHAUSTED, 3)


async def test_an_attempt_that_only_waited_is_not_counted_and_comes_again_when_it_said(bench: Bench) -> None:
    times = [NOW + timedelta(minutes=number) for number in range(1, 20)]
    waiting = [ChannelError("not shown yet", untried=True, retry_at=at) for at in times]
    bench.channels["badge"].answers = [ChannelError("no answer", lost=True, retry_at=NOW), *waiting]
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    for at in times:
        assert await bench.drain() == at
        row = await bench.row("badge")
        assert (row.state, row.attempts, row.lost) == (State.AVAILABLE, 1, True)
        bench.now = at
    await bench.drain()
    assert await bench.states() == ALL_DONE


async def test_a_fault_of_this_program_in_one_action_stops_no_other_and_ends(bench: Bench) -> None:
    def stumble(task: Task) -> None:
        if task.account_id == "b":
            raise TypeError

    bench.work.retry = RetryPolicy(attempts=3)
    bench.channels["coupon"].before = stumble
    await bench.reach("a", "b", "c")
    for _ in range(5):
        bench.now = await bench.drain() or bench.now
    coupons = {row.account_id: row for row in await bench.rows() if row.kind == "coupon"}
    assert {account: row.state for account, row in coupons.items()} == {
        "a": "done",
        "b": "unknown",
        "c": "done",
    }
    assert coupons["b"].error == "This program failed (TypeError); its log says where."


async def test_a_fault_of_this_program_in_a_gate_rests_its_channel_alone(bench: Bench) -> None:
    bench.channels["coupon"].gate_error = TypeError()
    await bench.reach()
    assert await bench.drain() == NOW + timedelta(seconds=30)
    assert await bench.states() == {"coupon": "available", "badge": "done", "email": "waiting"}


async def test_a_fault_of_the_whole_channel_uses_up_no_attempt_and_rests_it(bench: Bench) -> None:
    mail = bench.channels["email"]
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


async def test_a_channel_rests_no_longer_than_it_should_when_the_clock_is_set_back(bench: Bench) -> None:
    bench.channels["email"].answers = [ChannelError("login refused", connection_wide=True)]
    await bench.reach()
    await bench.drain()
    was, bench.now = bench.now, bench.now - timedelta(days=1)
    async with bench.store.write() as tx:
        await schedule.follow_clock(tx, was, bench.now)
    await bench.drain()
    assert await bench.states() == ALL_DONE


@pytest.mark.parametrize(
    "asked_again", [Verdict.QUIET_HOURS, Verdict.PROGRAM_NOT_ACTIVE, Verdict.NO_CONSENT_YET]
)
async def test_what_a_gate_is_asked_of_again_is_asked_again_when_the_clock_is_set_back(
    bench: Bench, asked_again: Verdict
) -> None:
    await bench.reach()
    later = bench.now + timedelta(hours=8)
    await bench.stop("email", Stop(State.AVAILABLE, asked_again, until=later))
    assert await bench.drain() == later
    await bench.stop("email", None)
    was, bench.now = bench.now, bench.now - timedelta(days=1)
    async with bench.store.write() as tx:
        await schedule.follow_clock(tx, was, bench.now)
    await bench.drain()
    assert await bench.states() == ALL_DONE


async def test_a_paused_milestone_is_left_alone(bench: Bench) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, REWARDED.key, paused=True)
    assert await bench.drain() is None
    assert set((await bench.states()).values()) == {"available", "waiting"}


async def test_past_the_breaker_everything_is_held(bench: Bench) -> None:
    rules = FixedRules((REWARDED,), breaker=Breaker(0.5, 2))
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        for account in "abcd":
            seen = [an_observation(balance, revision, account_id=account)]
            await observe.observe(bench.store, rules, SITE, seen, NOW)
    held = [row for row in await bench.rows() if row.state == State.HELD]
    assert {row.account_id for row in held} == {"c", "d"}
    assert {row.verdict for row in held} == {Verdict.BREAKER}


async def test_shadow_mode_records_and_sends_nothing(bench: Bench) -> None:
    rules = FixedRules((REWARDED,), shadow=True)
    await go_live(bench.store, rules)
    for balance, revision in ((10, 1), (1000, 2)):
        await observe.observe(bench.store, rules, SITE, [an_observation(balance, revision)], NOW)
    await bench.drain()
    assert {(row.state, row.verdict) for row in await bench.rows()} == {(State.CANCELLED, Verdict.SHADOW)}
    assert all(channel.performed == [] for channel in bench.channels.values())


async def test_a_store_that_fails_one_action_leaves_none_of_the_others_to_itself(bench: Bench) -> None:
    unread = ["a"]

    def read(task: Task) -> None:
        if unread and task.account_id == unread[0]:
            unread.clear()
            raise StoreUnavailableError("The database cannot be used now.")

    badge = bench.channels["badge"]
    badge.before = read
    await bench.reach("a", "b")
    bench.now = await bench.drain() or bench.now
    await bench.drain()
    badges = [row for row in await bench.rows() if row.kind == "badge"]
    assert [(row.state, row.attempts) for row in badges] == [("done", 1)] * 2
    assert badge.recovered == []


async def test_a_result_whose_writing_meets_another_writer_is_written_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    met: list[str] = []

    def deadlock(name: str, _kind: str = "") -> None:
        if name == "drain.before_settle" and len(met) < 2:
            met.append(name)
            raise StoreRaceError("Two writers met over the same rows.")

    monkeypatch.setattr(books, "reach", deadlock)
    await bench.reach()
    await bench.drain()
    assert len(met) == 2
    assert await bench.states() == ALL_DONE
    assert all(len(bench.channels[kind].performed) == 1 for kind in ALL_DONE)


async def test_looking_at_a_site_with_nothing_to_do_writes_nothing(bench: Bench) -> None:
    async def generation() -> int | None:
        async with bench.store.read() as tx:
            return await lock_site(tx, SITE)

    await bench.reach()
    await bench.drain()
    drained = await generation()
    assert drained is not None
    assert await bench.drain() is None
    assert await generation() == drained
    await bench.reach("another")
    await bench.drain()
    assert await generation() == drained + 1
    assert {row.state for row in await bench.rows()} == {"done"}
