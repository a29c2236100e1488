"""What becomes of an effect of which nobody heard whether it happened."""

from datetime import timedelta

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, PendingError
from milestones.kinds.channel import Fate, Found, Stop
from tests.outbox.bench import ALL_DONE, Bench


async def test_a_lost_answer_is_looked_for_before_anything_is_repeated(bench: Bench) -> None:
    coupon = bench.channels["coupon"]
    coupon.answers = [ChannelError("silence", lost=True)]
    coupon.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    await bench.drain()
    assert len(coupon.performed) == 1
    assert await bench.states() == ALL_DONE


async def test_a_lost_answer_that_proves_harmless_is_repeated(bench: Bench) -> None:
    coupon = bench.channels["coupon"]
    coupon.answers = [ChannelError("silence", lost=True)]
    await bench.reach()
    bench.now = await bench.drain() or bench.now
    await bench.drain()
    assert (len(coupon.recovered), len(coupon.performed)) == (1, 2)
    assert await bench.states() == ALL_DONE


async def test_what_nobody_can_tell_waits_for_a_person_and_is_never_repeated(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [ChannelError("silence", lost=True)]
    mail.found = Found(Fate.UNTOLD)
    await bench.reach()
    for _ in range(3):
        bench.now = await bench.drain() or bench.now
    row = next(row for row in await bench.rows() if row.kind == "email")
    assert (row.state, row.verdict, len(mail.performed)) == (State.UNKNOWN, Verdict.LOST_ANSWER, 1)


async def test_what_the_other_side_has_not_finished_is_asked_about_and_never_repeated(bench: Bench) -> None:
    coupon = bench.channels["coupon"]
    again = bench.now + timedelta(seconds=1)
    coupon.answers = [PendingError("Not finished.", retry_at=again, known={"id": "c1"})]
    await bench.reach()
    assert await bench.drain() == again
    row = next(row for row in await bench.rows() if row.kind == "coupon")
    told = (row.state, row.verdict, row.intent, row.lost, row.attempts, row.error)
    assert told == (State.AVAILABLE, Verdict.PENDING, {"id": "c1"}, True, 1, "Not finished.")
    bench.now, later = again, again + timedelta(minutes=1)
    coupon.found = PendingError("Not finished.", retry_at=later, known={"id": "c1"})
    coupon.stops = {row.id or 0: Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=later)}
    assert await bench.drain() == later
    assert [task.intent for task in coupon.recovered] == [{"id": "c1"}]
    bench.now = later
    coupon.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.drain()
    row = next(row for row in await bench.rows() if row.kind == "coupon")
    assert (row.state, row.attempts, row.lost, len(coupon.performed)) == (State.DONE, 1, False, 1)


async def test_a_gate_that_says_later_does_not_forget_the_loss(bench: Bench) -> None:
    coupon = bench.channels["coupon"]
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
    mail = bench.channels["email"]
    mail.answers = [ChannelError("silence", lost=True)]
    mail.found = ChannelError("cannot look")
    await bench.reach()
    for _ in range(3):
        bench.now = await bench.drain() or bench.now
    row = next(row for row in await bench.rows() if row.kind == "email")
    assert (row.lost, len(mail.performed)) == (True, 1)


async def test_what_nobody_can_tell_keeps_what_was_heard_last(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [ChannelError("The mail server took the message and then gave no answer.", lost=True)]
    mail.found = Found(Fate.UNTOLD)
    await bench.reach()
    for _ in range(2):
        bench.now = await bench.drain() or bench.now
    row = await bench.row("email")
    assert (row.state, row.error) == (
        State.UNKNOWN,
        "The mail server took the message and then gave no answer.",
    )


async def test_a_refusal_after_a_loss_may_be_of_the_repetition_so_it_is_looked_for_again(
    bench: Bench,
) -> None:
    coupon = bench.channels["coupon"]
    coupon.answers = [ChannelError("silence", lost=True), ChannelError("Refused: 400.", permanent=True)]
    await bench.reach()
    for _ in range(2):
        bench.now = await bench.drain() or bench.now
    assert (await bench.row("coupon")).state == State.AVAILABLE
    coupon.found = Found(Fate.HAPPENED, {"code": "ABC"})
    await bench.drain()
    assert len(coupon.performed) == 2
    assert await bench.states() == ALL_DONE


async def test_a_recipient_who_is_refused_after_a_loss_is_refused_for_good(bench: Bench) -> None:
    mail = bench.channels["email"]
    mail.answers = [ChannelError("silence", lost=True), ChannelError("no such mailbox", permanent=True)]
    await bench.reach()
    for _ in range(2):
        bench.now = await bench.drain() or bench.now
    assert (await bench.row("email")).state == State.DISCARDED
