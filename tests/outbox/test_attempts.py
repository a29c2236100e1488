"""Each attempt of an action stands in the store: when, how it ended, in words."""

import asyncio
from datetime import timedelta

from sqlalchemy import func, select

from milestones.domain.actions import State
from milestones.domain.retry import RetryPolicy
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task
from milestones.store import retention
from milestones.store.database import integrity
from milestones.store.database.statements import table_of
from milestones.store.outbox.attempts import list_attempts
from milestones.store.people import erasure
from milestones.store.tables import Action, Attempt
from tests.builders import SITE, a_coupon, a_milestone
from tests.outbox.bench import Bench

COUPON = a_milestone(rewards=(a_coupon(),))
SECOND = timedelta(seconds=1)


async def attempts(bench: Bench, kind: str = "coupon") -> list[Attempt]:
    number = (await bench.row(kind)).id or 0
    async with bench.store.read() as tx:
        return (await list_attempts(tx, [number])).get(number, [])


async def told(bench: Bench) -> list[tuple[int, str, str, str | None]]:
    return [(one.number, one.state, one.verdict, one.error) for one in await attempts(bench)]


async def test_each_attempt_says_when_it_was_and_how_it_ended(bench: Bench) -> None:
    def takes_a_second(_task: Task) -> None:
        bench.now += SECOND

    channel = bench.channels["coupon"]
    channel.before = takes_a_second
    channel.answers = [ChannelError("Wix is tired."), {"code": "ABC"}]
    await bench.reach(milestone=COUPON)
    began = bench.now
    bench.now = await bench.drain() or bench.now
    again = bench.now
    await bench.drain()
    assert await told(bench) == [
        (1, "available", "retry", "Wix is tired."),
        (2, "done", "done", None),
    ]
    times = [(one.began_at, one.ended_at) for one in await attempts(bench)]
    assert times == [(began, began + SECOND), (again, again + SECOND)]


async def test_what_uses_up_no_attempt_and_what_a_gate_stops_is_none(bench: Bench) -> None:
    channel = bench.channels["coupon"]
    channel.answers = [ChannelError("nobody there", connection_wide=True), ChannelError("soon", untried=True)]
    await bench.reach(milestone=COUPON)
    for _ in range(2):
        bench.now = await bench.drain() or bench.now
    await bench.stop("coupon", Stop(State.CANCELLED, Verdict.NOT_NEAR))
    await bench.drain()
    assert (await bench.row("coupon")).state == "cancelled"
    assert await told(bench) == []


async def test_an_attempt_whose_process_died_has_no_end_and_the_look_for_it_is_another(bench: Bench) -> None:
    channel = bench.channels["coupon"]
    channel.stuck = {"account": "after"}
    await bench.reach(milestone=COUPON)
    drain = asyncio.create_task(bench.drain())
    await channel.all_stuck.wait()
    drain.cancel()
    await asyncio.gather(drain, return_exceptions=True)
    channel.found = Found(Fate.HAPPENED, {"code": "ABC"})
    bench.restart()
    await bench.drain()
    first, second = await attempts(bench)
    assert (first.ended_at, first.verdict) == (None, "lost_answer")
    assert first.error is not None
    assert (second.state, second.ended_at) == ("done", bench.now)


async def test_numbers_go_on_after_a_person_retries(bench: Bench) -> None:
    bench.work.retry = RetryPolicy(attempts=1)
    bench.channels["coupon"].answers = [ChannelError("no"), {"code": "ABC"}]
    await bench.reach(milestone=COUPON)
    await bench.drain()
    await bench.set("coupon", state=State.AVAILABLE, attempts=0)
    bench.restart()
    await bench.drain()
    assert [one.number for one in await attempts(bench)] == [1, 2]


async def test_the_words_go_with_the_person_also_of_what_ends_later(bench: Bench) -> None:
    channel = bench.channels["coupon"]
    channel.ends = {"account": asyncio.Event()}
    channel.answers = [ChannelError("ada@example.com is odd")] * 2
    await bench.reach("account", "other", milestone=COUPON)

    async with bench.draining():
        await bench.until(lambda rows: any(row.account_id == "other" and row.attempts for row in rows))
        await channel.until(lambda: len(channel.performed) == 2)
        await bench.until(lambda rows: any(row.error for row in rows))
        async with bench.store.write() as tx:
            await erasure.erase(tx, SITE, ["account", "other"], bench.now)
        channel.ends["account"].set()
    async with bench.store.read() as tx:
        found = await list_attempts(tx, [row.id or 0 for row in await bench.rows()])
    assert sorted((one.number, one.error) for of in found.values() for one in of) == [(1, None), (1, None)]


async def test_attempts_are_forgotten_with_their_action(bench: Bench) -> None:
    await bench.reach(milestone=COUPON)
    await bench.drain()
    async with bench.store.write() as tx:
        assert await retention.forget_actions(tx, bench.now + SECOND) == 1
        left = (await tx.execute(select(func.count()).select_from(table_of(Attempt)))).scalar_one()
    assert left == 0


async def test_an_attempt_of_no_action_is_a_contradiction(bench: Bench) -> None:
    await bench.reach(milestone=COUPON)
    await bench.drain()
    async with bench.store.read() as tx:
        assert (await integrity.list_contradictions(tx))["actions"] == []
    async with bench.store.write() as tx:
        await tx.execute(table_of(Action).delete())
    async with bench.store.read() as tx:
        assert (await integrity.list_contradictions(tx))["actions"] == [
            "1 attempt(s) belong to no action (1)."
        ]
