"""What the alarms look at: what is due and not done, and for how long it has failed. A pause is no outage."""

from datetime import timedelta

import pytest

from milestones.errors import ChannelError
from milestones.outbox.rest import REST
from milestones.store import sites
from milestones.store.database.store import Store
from milestones.store.outbox import claims, operator
from milestones.store.outbox.schedule import Lane
from milestones.store.views.backlog import Backlog, get_backlog
from milestones.store.views.lookup import Which
from tests.builders import SITE, a_coupon, a_milestone
from tests.outbox.bench import REWARDED, Bench

HOUR = timedelta(hours=1)
WHILE = timedelta(minutes=5)
DOWN = ChannelError("The mail server does not answer.", connection_wide=True)


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(store)


async def backlog(bench: Bench) -> Backlog:
    async with bench.store.read() as tx:
        return await get_backlog(tx, bench.now)


async def drain_for(bench: Bench, time: timedelta) -> None:
    """Drain whenever something is due, for a while."""
    end = bench.now + time
    while (due := await bench.drain()) is not None and due <= end:
        bench.now = due
    bench.now = end


@pytest.mark.parametrize("milestone", [None, REWARDED.key])
async def test_what_a_person_paused_is_not_in_the_backlog(bench: Bench, milestone: str | None) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, milestone, paused=True)
    bench.now += HOUR
    assert await backlog(bench) == Backlog(due=0, oldest=None, failing=None, held=0)
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, milestone, paused=False)
    assert await backlog(bench) == Backlog(due=2, oldest=HOUR, failing=None, held=0)


async def test_the_pause_of_another_milestone_takes_nothing_out_of_the_backlog(bench: Bench) -> None:
    other = a_milestone(5000, key="other")
    await bench.reach()
    async with bench.store.write() as tx:
        await sites.define(tx, SITE, [REWARDED, other], bench.now)
        await sites.pause(tx, SITE, "other", paused=True)
    assert (await backlog(bench)).due == 2


async def test_an_outage_of_a_channel_is_as_old_as_its_first_failure(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [DOWN] * 1000
    await bench.reach()
    await drain_for(bench, WHILE)
    assert (await backlog(bench)).failing == WHILE
    mail.answers = []
    await drain_for(bench, WHILE)
    assert await backlog(bench) == Backlog(due=0, oldest=None, failing=None, held=0)


async def test_an_outage_that_keeps_the_gates_from_being_asked_is_one_too(bench: Bench) -> None:
    bench.channels["coupon"].gate_error = ChannelError("Wix is down")
    await bench.reach()
    await bench.drain()
    assert (await backlog(bench)).failing == timedelta(0)
    await drain_for(bench, WHILE)
    assert (await backlog(bench)).failing == WHILE - REST


async def test_one_action_that_fails_at_every_attempt_counts_from_the_first(bench: Bench) -> None:
    bench.channels["email"].answers = [ChannelError("Greylisted.")] * 3
    await bench.reach()
    due = await bench.drain()
    assert due is not None
    assert (await backlog(bench)).failing == timedelta(0)
    bench.now = due
    await bench.drain()
    assert (await backlog(bench)).failing == due - (await bench.row("email")).recorded_at


async def test_a_return_period_is_no_outage(bench: Bench) -> None:
    await bench.reach(milestone=a_milestone(rewards=(a_coupon(),), settle_for=timedelta(days=14)))
    await drain_for(bench, timedelta(days=13))
    assert await backlog(bench) == Backlog(due=0, oldest=None, failing=None, held=0)


async def test_what_a_person_has_done_anew_has_not_failed_yet(bench: Bench) -> None:
    bench.channels["email"].answers = [DOWN]
    await bench.reach()
    await bench.drain()
    async with bench.store.write() as tx:
        await operator.retry(tx, Which(kind="email"), bench.now)
    assert (await backlog(bench)).failing is None


async def test_a_lease_that_is_given_back_because_the_program_stops_has_not_failed(bench: Bench) -> None:
    await bench.reach()
    async with bench.store.write() as tx:
        generation = await claims.begin(tx, SITE)
        [coupon] = await claims.claim(tx, SITE, generation, Lane("coupon", fast=False), bench.now)
        await claims.put_back(tx, SITE, generation, [coupon.action.id or 0], None)
    assert (await backlog(bench)).failing is None
