"""Channels that fail as a whole: how long they rest, what ends a rest, and who can tell of it."""

from contextlib import suppress
from datetime import timedelta

import pytest

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Stop
from milestones.outbox.rest import LONGEST_REST, REST, Rests, length
from milestones.store.outbox import rests
from milestones.store.outbox.rests import Rest
from tests.outbox.bench import ALL_DONE, Bench

WRONG_PASSWORD = ChannelError("The login is refused.", permanent=True, connection_wide=True)
NOT_THERE = ChannelError("Nobody answers.", connection_wide=True)
WAITING = ChannelError("It is asked again.", connection_wide=True, untried=True)


async def kept(bench: Bench) -> dict[str, Rest]:
    async with bench.store.read() as tx:
        return await rests.get_rests(tx, bench.work.site_id)


async def drain_until(bench: Bench, end: timedelta) -> None:
    ends = bench.now + end
    while bench.now < ends:
        due = await bench.drain()
        bench.now = min(ends, due) if due is not None and due > bench.now else ends


def test_rests_of_what_a_person_must_mend_double_up_to_an_hour() -> None:
    grown = [length(failures, for_good=True) for failures in (1, 2, 3, 8, 10_000)]
    assert grown == [REST, 2 * REST, 4 * REST, LONGEST_REST, LONGEST_REST]
    assert length(10_000, for_good=False) == REST


async def test_a_channel_that_fails_for_good_is_tried_more_and_more_seldom(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [WRONG_PASSWORD] * 1000
    await bench.reach(*(f"account-{number}" for number in range(9)))
    await drain_until(bench, timedelta(hours=1))
    # 0, 30 s, 90 s, 210 s, 450 s, 930 s, 1890 s: seven tries, of as many mails as are handed over side by side.
    assert len(mail.performed) <= 7 * mail.concurrency
    assert {row.state for row in await bench.rows() if row.kind == "email"} == {"available"}
    mail.answers = []
    await drain_until(bench, LONGEST_REST)
    assert {row.state for row in await bench.rows()} == {"done"}
    assert await kept(bench) == {}


async def test_a_channel_that_works_again_begins_anew_with_short_rests(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [WRONG_PASSWORD, WRONG_PASSWORD, {}]
    await bench.reach()
    await drain_until(bench, timedelta(minutes=5))
    mail.answers = [WRONG_PASSWORD]
    await bench.reach("another")
    await bench.drain()
    rest = (await kept(bench))["email"]
    assert (rest.failures, rest.until - rest.begun_at) == (1, REST)


async def test_several_that_fail_together_are_one_failure(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.concurrency = 8
    mail.answers = [WRONG_PASSWORD] * 8
    await bench.reach(*(f"account-{number}" for number in range(8)))
    await bench.drain()
    assert (await kept(bench))["email"].failures == 1


async def test_what_may_pass_by_itself_is_tried_every_half_minute(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [NOT_THERE] * 20
    await bench.reach()
    await drain_until(bench, 10 * REST)
    assert len(mail.performed) == 10


async def test_a_rest_outlives_the_process_that_began_it(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [WRONG_PASSWORD] * 9
    await bench.reach()
    await bench.drain()
    bench.restart()
    await bench.reach("another")
    await bench.drain()
    assert len(mail.performed) == 1


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_person_has_what_rests_tried_at_once(bench: Bench, everywhere: bool) -> None:
    mail = bench.channels["email"]
    mail.answers = [WRONG_PASSWORD] * 6
    await bench.reach()
    await drain_until(bench, timedelta(minutes=20))
    tries = len(mail.performed)
    mail.answers = []
    async with bench.store.write() as tx:
        await rests.forget(tx, bench.now, None if everywhere else [bench.work.site_id])
    await bench.drain()
    assert len(mail.performed) == tries + 1
    assert (await bench.row("email")).state == "done"


async def test_who_only_waits_is_not_said_to_fail(bench: Bench) -> None:
    bench.channels["email"].answers = [WAITING]
    await bench.reach()
    due = await bench.drain()
    assert due == bench.now + REST
    assert await kept(bench) == {}


async def test_a_channel_over_which_nothing_is_owed_any_more_is_not_shown(bench: Bench) -> None:
    bench.channels["email"].answers = [NOT_THERE]
    await bench.reach()
    await bench.drain()
    async with bench.store.read() as tx:
        assert await rests.count_rests(tx, bench.now) == {"email": 1}
    bench.now += REST
    async with bench.store.read() as tx:
        [(site_id, kind, rest)] = await rests.list_rests(tx, bench.now, 10)
    assert (site_id, kind, rest.reason) == (bench.work.site_id, "email", "Nobody answers.")
    await bench.set("email", state="cancelled")
    async with bench.store.read() as tx:
        assert await rests.list_rests(tx, bench.now, 10) == []
        assert await rests.count_rests(tx, bench.now) == {}


async def test_a_rest_whose_writing_fails_or_is_under_way_is_not_forgotten(bench: Bench) -> None:
    of_site = Rests(bench.work.site_id)
    until = of_site.begin("email", WRONG_PASSWORD, bench.now)
    with suppress(RuntimeError):
        async with bench.store.write() as tx:
            await of_site.keep(tx)
            raise RuntimeError
    async with bench.store.read() as tx:
        await of_site.recall(tx)
    assert of_site.ends(bench.now) == [until]
    async with bench.store.write() as tx:
        written = await of_site.keep(tx)
    assert (await kept(bench))["email"].until == until
    of_site.confirm(written)
    async with bench.store.write() as tx:
        await rests.forget(tx, bench.now)
        await of_site.recall(tx)
    assert of_site.ends(bench.now) == []


@pytest.mark.parametrize("everywhere", [True, False])
async def test_a_person_has_the_program_looked_at_again_at_once(bench: Bench, everywhere: bool) -> None:
    later = bench.now + timedelta(minutes=15)
    await bench.reach()
    await bench.stop("email", Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=later))
    assert await bench.drain() == later
    await bench.stop("email", None)
    async with bench.store.write() as tx:
        await rests.forget(tx, bench.now, None if everywhere else [bench.work.site_id])
    await bench.drain()
    assert await bench.states() == ALL_DONE
