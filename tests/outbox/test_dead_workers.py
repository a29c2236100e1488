"""What a worker that died or froze leaves behind, and what it may still do."""

import asyncio

import pytest

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import FencedError
from milestones.kinds.channel import Fate, Found
from milestones.store.outbox import claims
from milestones.store.outbox.schedule import Lane
from tests.builders import SITE
from tests.outbox.bench import ALL_DONE, Bench


class ProcessDiedError(BaseException):
    """Stands in for SIGKILL: nothing after it runs."""


async def test_a_process_that_dies_in_the_effect_leaves_a_lost_answer(bench: Bench) -> None:
    def die(_task: object) -> None:
        raise ProcessDiedError

    coupon = bench.channels["coupon"]
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


async def test_what_was_claimed_and_not_begun_is_simply_done_by_the_next_process(bench: Bench) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        generation = await claims.begin(tx, SITE)
        claimed = await claims.claim(tx, SITE, generation, Lane("coupon", fast=False), bench.now)
    assert len(claimed) == 1
    await bench.drain()
    assert bench.channels["coupon"].recovered == []
    assert await bench.states() == ALL_DONE


async def test_a_frozen_worker_that_wakes_can_write_nothing(bench: Bench) -> None:
    overtaken = []

    def overtake(_task: object) -> None:
        overtaken.append(True)

    await bench.reach()
    async with bench.store.write() as tx:
        old = await claims.begin(tx, SITE)
        [coupon] = await claims.claim(tx, SITE, old, Lane("coupon", fast=False), bench.now)
    bench.channels["coupon"].before = overtake
    await bench.drain()
    assert overtaken == [True]
    settlement = claims.Settlement(coupon.action.id or 0, State.DISCARDED, Verdict.REFUSED)
    for step in (
        lambda tx: claims.about_to_act(tx, SITE, old, {coupon.action.id or 0: None}, bench.now),
        lambda tx: claims.settle(tx, SITE, old, [settlement], bench.now),
        lambda tx: claims.put_back(tx, SITE, old, [coupon.action.id or 0], None),
        lambda tx: claims.claim(tx, SITE, old, Lane("email", fast=False), bench.now),
    ):
        with pytest.raises(FencedError):
            async with bench.store.write() as tx:
                await step(tx)
    assert await bench.states() == ALL_DONE


async def test_what_is_cut_short_before_it_began_is_no_lost_answer(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.concurrency = 3
    mail.stuck = {"a": "before", "b": "after"}
    await bench.reach("c", "a", "b")
    drained = asyncio.create_task(bench.drain())
    async with asyncio.timeout(60):
        await mail.all_stuck.wait()
    drained.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drained
    mails = {row.account_id: row for row in await bench.rows() if row.kind == "email"}
    assert {account: row.state for account, row in mails.items()} == {
        "a": "available",
        "b": "running",
        "c": "done",
    }
    assert (mails["a"].attempts, mails["a"].lost) == (0, False)


async def test_what_nobody_can_tell_after_a_death_says_that_this_program_ended(bench: Bench) -> None:
    def die(_task: object) -> None:
        raise ProcessDiedError

    mail = bench.channels["email"]
    mail.before = die
    mail.found = Found(Fate.UNTOLD)
    await bench.reach()
    with pytest.raises(ProcessDiedError):
        await bench.drain()
    bench.restart()
    await bench.drain()
    row = await bench.row("email")
    assert (row.state, row.error) == (
        State.UNKNOWN,
        "This program ended between the hand-over and its answer.",
    )
