"""One slow answer holds up nothing but itself."""

import asyncio
from datetime import timedelta

import pytest

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, StoreUnavailableError
from milestones.outbox.books import Books
from milestones.outbox.drain import drain
from milestones.outbox.lease import lease_batch
from milestones.outbox.work import SiteWork
from milestones.store.database import store as database
from milestones.store.outbox import claims
from milestones.store.outbox.claims import Settlement
from milestones.store.outbox.schedule import Lane
from tests.builders import SITE, a_milestone, an_email
from tests.outbox.bench import Bench

MAILED = a_milestone(rewards=(an_email(),))


async def test_one_slow_mail_holds_up_no_other(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.ends = {"slow": asyncio.Event()}
    accounts = [f"account-{number}" for number in range(9)]
    await bench.reach("slow", *accounts, milestone=MAILED)
    async with bench.draining():
        await bench.until(lambda rows: sum(row.state == State.DONE for row in rows) == 9)
        mail.ends["slow"].set()
    assert {row.state for row in await bench.rows()} == {State.DONE}
    assert mail.most_at_once == mail.concurrency


async def test_one_slow_coupon_holds_up_neither_other_kinds_nor_the_mails_of_others(bench: Bench) -> None:
    coupon = bench.channels["coupon"]
    coupon.ends = {"slow": asyncio.Event()}
    await bench.reach("slow", "quick")
    async with bench.draining():
        await bench.until(lambda rows: sum(row.state == State.DONE for row in rows) == 4)
        states = {(row.account_id, row.kind): row.state for row in await bench.rows()}
        assert states["slow", "email"] == State.WAITING
        assert states["quick", "email"] == State.DONE
        coupon.ends["slow"].set()
    assert {row.state for row in await bench.rows()} == {State.DONE}


async def test_what_is_recorded_while_a_mail_is_slow_is_done_at_once(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.ends = {"slow": asyncio.Event()}
    await bench.reach("slow", milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 1)
        await bench.reach("later")
        bench.woken.set()
        await bench.until(lambda rows: sum(row.state == State.DONE for row in rows) == 3)
        mail.ends["slow"].set()


async def test_what_becomes_due_while_a_mail_is_slow_is_tried_again_then(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.ends = {"slow": asyncio.Event()}
    bench.channels["badge"].answers = [
        ChannelError("not now", retry_at=bench.now + timedelta(milliseconds=50))
    ]
    await bench.reach("slow")
    async with bench.draining():
        await bench.until(lambda rows: [row.attempts for row in rows if row.kind == "badge"] == [1])
        bench.now += timedelta(hours=3)
        bench.woken.set()
        await bench.until(lambda rows: [row.state for row in rows if row.kind == "badge"] == [State.DONE])
        mail.ends["slow"].set()


async def test_a_channel_that_rests_leaves_those_alone_that_have_begun(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.ends = {"a": asyncio.Event()}
    mail.answers = [ChannelError("login refused", connection_wide=True)]
    await bench.reach("a", "b", "c", "d", milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 2)
        await bench.until(lambda rows: [row.state for row in rows].count("available") == 3)
        assert len(mail.performed) == 2
        mail.ends["a"].set()
    rows = {row.account_id: row for row in await bench.rows()}
    assert (rows["b"].state, rows["b"].attempts) == (State.AVAILABLE, 0)
    # What had begun before has shown that it works again.
    assert [rows[account].state for account in "acd"] == [State.DONE] * 3


async def test_a_database_that_fails_lets_what_has_begun_end_before_the_next_drain(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.ends = {"slow": asyncio.Event()}
    faults: list[StoreUnavailableError] = []

    def current() -> SiteWork:
        if faults:
            raise faults.pop()
        return bench.work

    await bench.reach("slow", milestone=MAILED)
    drained = asyncio.create_task(drain(current, bench.woken))
    await mail.until(lambda: len(mail.performed) == 1)
    faults.append(StoreUnavailableError("The disk is full."))
    bench.woken.set()
    await bench.until(lambda _rows: not faults)
    assert not drained.done()
    mail.ends["slow"].set()
    with pytest.raises(StoreUnavailableError):
        await drained
    assert (await bench.row("email")).state == State.DONE


async def test_what_begins_or_ends_at_the_same_time_shares_a_transaction(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits: list[str] = []
    await bench.reach(*"abcdef", milestone=MAILED)
    async with bench.store.write() as tx:
        books = Books(lambda: bench.work, await claims.begin(tx, SITE))
    leases = await lease_batch(bench.work, books, Lane("email", fast=False))
    monkeypatch.setattr(database, "reach", commits.append)
    await asyncio.gather(*map(books.begin, leases))
    ended = [{lease: Settlement(lease.id, State.DONE, Verdict.DONE)} for lease in leases]
    await asyncio.gather(*map(books.settle, ended))
    assert commits.count("store.committed") <= 4
    assert {row.state for row in await bench.rows()} == {State.DONE}
