"""An order stops a drain that runs: after it, at most what had begun may still leave."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from milestones.domain.actions import State
from milestones.domain.event import ContactDeleted, Event, Heard, SubscriptionChanged
from milestones.domain.keys import address_key
from milestones.domain.policy import QuietHours
from milestones.domain.verdict import Verdict
from milestones.formats.mail_addresses import address_form
from milestones.kinds.channel import Stop
from milestones.outbox.gates import Policy
from milestones.pipeline import observe
from milestones.store import sites
from milestones.store.database import heartbeat
from milestones.store.outbox import operator
from milestones.store.people import people
from milestones.store.views.lookup import Which
from tests.builders import CONTACT, SECRET, SITE, a_customer, a_milestone, an_email, an_observation
from tests.outbox.bench import Bench
from tests.outbox.fakes import FakeChannel
from tests.store.rules import FixedRules

MAILED = a_milestone(rewards=(an_email(),))
ACCOUNTS = tuple(f"account-{number}" for number in range(8))

Order = Callable[[Bench], Awaitable[object]]


async def pause(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, None, paused=True)


async def pause_the_milestone(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, MAILED.key, paused=True)


async def remove_the_app(bench: Bench) -> None:
    async with bench.store.write() as tx:
        site = await sites.find_site(tx, SITE)
        assert site is not None
        await sites.remove(tx, site, bench.now)


async def hold_everything(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await heartbeat.hold(tx, "It may be a copy.")


async def reload_to_shadow(bench: Bench) -> None:
    bench.renew(shadow=True)


async def stop_the_program(bench: Bench) -> None:
    bench.work.stopping = lambda: True


async def cancel_them(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await operator.cancel(tx, Which(kind="email"), bench.now)


async def hold_them(bench: Bench) -> None:
    async with bench.store.write() as tx:
        await operator.hold(tx, Which(kind="email"), bench.now)


async def import_an_opt_out(bench: Bench) -> None:
    async with bench.store.write() as tx:
        key = address_key(SECRET, SITE, address_form(a_customer().email or ""))
        await people.suppress(tx, [key], "imported", bench.now)
    # As its gate hears it from then on.
    no = Stop(State.CANCELLED, Verdict.SUPPRESSED)
    bench.channels["email"].stops = {row.id or 0: no for row in await bench.rows()}


async def hear(bench: Bench, event: Event) -> None:
    heard = Heard(SITE, type(event).__name__, event, None, None)
    await observe.hear(bench.store, FixedRules((MAILED,)), [heard], bench.now)


async def unsubscribe_at_wix(bench: Bench) -> None:
    await hear(bench, SubscriptionChanged(a_customer().email or "", "UNSUBSCRIBED", "VALID", bench.now))


async def delete_the_contact(bench: Bench) -> None:
    await hear(bench, ContactDeleted(CONTACT))


async def begin_the_night(bench: Bench) -> None:
    bench.now = bench.now.replace(hour=23)


ORDERS: list[Order] = [
    pause,
    pause_the_milestone,
    remove_the_app,
    hold_everything,
    reload_to_shadow,
    stop_the_program,
    cancel_them,
    hold_them,
    import_an_opt_out,
    unsubscribe_at_wix,
    delete_the_contact,
    begin_the_night,
]


def paced(bench: Bench, turns: int) -> FakeChannel:
    """Mails that leave one by one, as a mail server's pace lets them."""
    mail = bench.channels["email"]
    mail.concurrency = 2
    mail.turns = asyncio.Semaphore(turns)
    return mail


@pytest.mark.parametrize(
    ("order", "woken"),
    [(order, False) for order in ORDERS] + [(order, True) for order in (pause, pause_the_milestone)],
)
async def test_after_an_order_nothing_leaves_that_had_not_begun(
    bench: Bench, order: Order, woken: bool
) -> None:
    quiet = QuietHours(bench.now.replace(hour=22).time(), bench.now.replace(hour=6).time())
    bench.work.policy = Policy(quiet, bench.policy.timezone)
    mail = paced(bench, turns=3)
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 3 and mail.waiting == 2)
        await order(bench)
        if woken:
            bench.woken.set()
        for _ in ACCOUNTS:
            mail.turns.release()  # type: ignore[union-attr]
    assert len(mail.performed) == 3
    states = [row.state for row in await bench.rows()]
    assert states.count(State.DONE) == 3
    assert State.RUNNING not in states
    assert {row.attempts for row in await bench.rows() if row.state != State.DONE} == {0}


async def test_who_opts_out_while_a_mail_waits_for_its_turn_has_a_verdict_at_once(bench: Bench) -> None:
    mail = paced(bench, turns=3)
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 3 and mail.waiting == 2)
        await import_an_opt_out(bench)
        for _ in ACCOUNTS:
            mail.turns.release()  # type: ignore[union-attr]
    verdicts = [row.verdict for row in await bench.rows()]
    assert (verdicts.count("done"), verdicts.count("suppressed")) == (3, 5)


@pytest.mark.parametrize("woken", [True, False], ids=["told", "found out"])
async def test_after_a_reload_what_had_not_begun_leaves_by_the_new_configuration(
    bench: Bench, woken: bool
) -> None:
    former, new = paced(bench, turns=3), FakeChannel()
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    async with bench.draining():
        await former.until(lambda: len(former.performed) == 3 and former.waiting == 2)
        bench.renew(channels={**bench.channels, "email": new})
        if woken:
            bench.woken.set()
        for _ in ACCOUNTS:
            former.turns.release()  # type: ignore[union-attr]
    assert (len(former.performed), len(new.performed)) == (3, 5)
    assert {row.state for row in await bench.rows()} == {State.DONE}
    assert {row.attempts for row in await bench.rows()} == {1}


async def test_a_reload_while_the_gates_are_asked_counts_too(bench: Bench) -> None:
    former, new = bench.channels["email"], FakeChannel()

    async def reload() -> None:
        bench.renew(channels={**bench.channels, "email": new})

    former.meanwhile = reload
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    await bench.drain()
    assert (len(former.performed), len(new.performed)) == (0, 8)


async def test_what_is_paused_while_it_waits_goes_out_once_after_the_pause(bench: Bench) -> None:
    mail = paced(bench, turns=3)
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 3 and mail.waiting == 2)
        await pause(bench)
        bench.woken.set()
    async with bench.store.write() as tx:
        await sites.pause(tx, SITE, None, paused=False)
    mail.turns = None
    await bench.drain()
    assert sorted(task.account_id for task in mail.performed) == sorted(ACCOUNTS)


async def test_a_pause_of_one_milestone_holds_up_no_other(bench: Bench) -> None:
    other = a_milestone(key="other", rewards=(an_email(),))
    mail = paced(bench, turns=3)
    await bench.reach(*ACCOUNTS, milestone=MAILED)
    await bench.reach("another", milestone=other)
    async with bench.draining():
        await mail.until(lambda: len(mail.performed) == 3 and mail.waiting == 2)
        await pause_the_milestone(bench)
        bench.woken.set()
        await bench.until(lambda rows: all(r.state != State.RUNNING for r in rows if r.milestone != "other"))
        mail.turns.release()  # type: ignore[union-attr]
    assert [task.account_id for task in mail.performed][3:] == ["another"]


async def test_who_changed_their_address_while_their_mail_waited_is_asked_about_anew(bench: Bench) -> None:
    mail = paced(bench, turns=0)
    await bench.reach(milestone=MAILED)
    new = replace(a_customer(), email="new@example.com")
    async with bench.draining():
        await mail.until(lambda: mail.waiting == 1)
        seen = an_observation(1000, 3, account_id="account", customer=new)
        await observe.observe(bench.store, FixedRules((MAILED,)), SITE, [seen], bench.now)
        for _ in range(2):
            mail.turns.release()  # type: ignore[union-attr]
    assert len(mail.gated) == 2
    assert [task.customer.email for task in mail.performed] == ["new@example.com"]


async def test_a_mail_does_not_begin_when_its_consent_is_older_than_a_minute(bench: Bench) -> None:
    mail = paced(bench, turns=0)
    await bench.reach(milestone=MAILED)
    async with bench.draining():
        await mail.until(lambda: mail.waiting == 1)
        bench.now += timedelta(seconds=61)
        for _ in range(2):
            mail.turns.release()  # type: ignore[union-attr]
    assert (len(mail.gated), len(mail.performed)) == (2, 1)


class TestOfAPerson:
    """What a drain has claimed and not begun may still be taken from it."""

    async def test_what_waits_is_cancelled_and_what_has_begun_is_under_way(self, bench: Bench) -> None:
        mail = paced(bench, turns=1)
        mail.ends = {account: asyncio.Event() for account in ACCOUNTS}
        await bench.reach(*ACCOUNTS, milestone=MAILED)
        async with bench.draining():
            await mail.until(lambda: len(mail.performed) == 1 and mail.waiting == 1)
            [begun] = mail.performed
            ids = tuple(row.id or 0 for row in await bench.rows())
            async with bench.store.write() as tx:
                moved = await operator.cancel(tx, Which(ids=ids), bench.now)
            bench.woken.set()
            mail.ends[begun.account_id].set()
        assert moved.refused == {begun.id: "is under way"}
        assert len(moved.ids) == 7
        assert len(mail.performed) == 1
        verdicts = {row.id: row.verdict for row in await bench.rows()}
        assert verdicts.pop(begun.id) == Verdict.DONE
        assert set(verdicts.values()) == {Verdict.CANCELLED_BY_PERSON}

    async def test_what_is_held_and_let_go_while_it_waits_leaves_once(self, bench: Bench) -> None:
        mail = paced(bench, turns=0)
        await bench.reach(milestone=MAILED)
        async with bench.draining():
            await mail.until(lambda: mail.waiting == 1)
            await hold_them(bench)
            async with bench.store.write() as tx:
                await operator.release(tx, Which(kind="email"), bench.now)
            bench.woken.set()
            for _ in range(3):
                mail.turns.release()  # type: ignore[union-attr]
        assert len(mail.performed) == 1
        assert (await bench.row("email")).state == State.DONE
