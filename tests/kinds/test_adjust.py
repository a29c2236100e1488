"""Adjusted points: once, whatever was lost, and never from an account that was not looked at."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from milestones import effects
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.adjust.channel import AdjustChannel, Booked, Standing
from milestones.kinds.adjust.payload import LONGEST_REASON, AdjustPayload, AdjustPoints
from milestones.kinds.channel import PROGRAM_PAUSE, Fate, Stop, Task
from milestones.kinds.email.variables import Program
from tests.builders import SECRET
from tests.kinds.builders import NOW, Clock, a_task

LAG = timedelta(seconds=60)
MARKED = "A late bill (MARK)"


@dataclass
class Books:
    """Wix's accounts. shown: whether queries show the newest transactions. refusal: of the next call, before it books.
    lost: whether the answer to the next call is.
    """

    balance: int = 100
    revision: int = 7
    booked: list[tuple[str, int]] = field(default_factory=list)
    noted: list[Any] = field(default_factory=list)
    shown: bool = True
    active: bool = True
    paused_meanwhile: bool = False
    refusal: ChannelError | None = None
    lost: bool = False
    gone: ChannelError | None = None

    async def get_standing(self, account_id: str, /) -> Standing:
        del account_id
        if self.gone is not None:
            raise self.gone
        return Standing(self.revision, self.balance)

    async def adjust(
        self, account_id: str, *, amount: int | None, balance: int | None, description: str, revision: int
    ) -> Booked:
        del account_id
        self.noted.append(effects.intent())
        if self.refusal is not None:
            raise self.refusal
        if revision != self.revision:
            raise ChannelError("409")
        before = self.balance
        self.balance = balance if balance is not None else before + (amount or 0)
        self.revision += 1
        self.booked.append((description, self.balance - before))
        if self.lost:
            self.lost = False
            raise ChannelError("No answer.", lost=True)
        return Booked("transaction-1", None, self.balance)

    async def find(self, account_id: str, description: str, /) -> Booked | None:
        del account_id
        if not self.shown or description not in dict(self.booked):
            return None
        return Booked("transaction-1", 0, self.balance)

    async def program(self, *, anew: bool = False) -> Program:
        return Program("Star Club", active=self.active and not (anew and self.paused_meanwhile))

    def changed_by_others(self, by: int = 1) -> None:
        self.balance += by
        self.revision += 1


def an_adjustment(amount: int | None = 50, balance: int | None = None, **overrides: Any) -> Task:
    frozen = {
        "account_id": "account-1",
        "amount": amount,
        "balance": balance,
        "reason": "A late bill",
        "mark": "MARK",
    }
    return replace(a_task("adjust", frozen), milestone="", **overrides)


def lost(task: Task, revision: int = 7, account: str = "account-1") -> Task:
    return replace(task, lost_at=NOW, intent={"account_id": account, "revision": revision})


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def channel(books: Books, clock: Clock) -> AdjustChannel:
    return AdjustChannel(books, program=books.program, query_lag=LAG, clock=clock)


@pytest.mark.parametrize(
    ("amount", "balance", "after"),
    [(50, None, 150), (-100, None, 0), (None, 0, 0), (None, 999_999_999, 999_999_999)],
)
async def test_points_are_adjusted_at_the_revision_that_was_read_and_noted(
    channel: AdjustChannel, books: Books, amount: int | None, balance: int | None, after: int
) -> None:
    result = await channel.perform(an_adjustment(amount, balance))
    assert result == {"before": 100, "after": after, "transaction_id": "transaction-1"}
    assert books.noted == [{"account_id": "account-1", "revision": 7}]
    assert books.booked == [(MARKED, after - 100)]


async def test_a_balance_that_is_there_is_not_set_again(channel: AdjustChannel, books: Books) -> None:
    result = await channel.perform(an_adjustment(None, 100))
    assert (result, books.booked) == ({"before": 100, "after": 100, "transaction_id": None}, [])


async def test_more_than_there_is_is_not_taken(channel: AdjustChannel, books: Books) -> None:
    with pytest.raises(ChannelError, match="has 100 points, so 101 cannot be taken") as refused:
        await channel.perform(an_adjustment(-101))
    assert (refused.value.permanent, books.noted) == (True, [])


async def test_after_a_lost_answer_an_account_that_stands_still_was_not_changed(
    channel: AdjustChannel, books: Books
) -> None:
    task = lost(an_adjustment())
    assert (await channel.recover(task)).fate is Fate.REPEAT
    await channel.perform(task)
    assert books.booked == [(MARKED, 50)]


@pytest.mark.parametrize("others", [0, 3])
async def test_after_a_lost_answer_the_transaction_is_found_by_its_mark(
    channel: AdjustChannel, books: Books, others: int
) -> None:
    books.lost = True
    with pytest.raises(ChannelError):
        await channel.perform(an_adjustment())
    for _ in range(others):
        books.changed_by_others()
    found = await channel.recover(lost(an_adjustment()))
    assert (found.fate, found.result["transaction_id"]) == (Fate.HAPPENED, "transaction-1")


async def test_while_queries_lag_what_may_have_been_booked_is_awaited(
    channel: AdjustChannel, books: Books, clock: Clock
) -> None:
    books.changed_by_others()
    books.shown = False
    task = lost(an_adjustment())
    for step in (channel.recover, channel.perform):
        with pytest.raises(ChannelError) as awaited:
            await step(task)
        assert (awaited.value.untried, awaited.value.retry_at) == (True, NOW + LAG)
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.REPEAT
    await channel.perform(task)
    assert books.noted == [{"account_id": "account-1", "revision": 8}]


async def test_an_answer_that_comes_after_it_was_looked_for_is_not_repeated(
    channel: AdjustChannel, books: Books
) -> None:
    task = lost(an_adjustment())
    assert (await channel.recover(task)).fate is Fate.REPEAT
    await books.adjust("account-1", amount=50, balance=None, description=MARKED, revision=7)
    assert (await channel.perform(task))["transaction_id"] == "transaction-1"
    assert books.booked == [(MARKED, 50)]


async def test_what_was_lost_before_a_merge_is_looked_for_where_it_was_and_else_told_by_a_person(
    channel: AdjustChannel, books: Books, clock: Clock
) -> None:
    task = lost(an_adjustment(account_id="account-2"))
    with pytest.raises(ChannelError) as awaited:
        await channel.recover(task)
    assert awaited.value.untried
    clock.advance(60)
    assert (await channel.recover(task)).fate is Fate.UNTOLD
    books.booked.append((MARKED, 50))
    assert (await channel.recover(task)).fate is Fate.HAPPENED


async def test_what_was_lost_before_its_account_was_gone_is_looked_for(
    channel: AdjustChannel, books: Books, clock: Clock
) -> None:
    books.gone, task = ChannelError("404", permanent=True), lost(an_adjustment())
    for step in (channel.recover, channel.perform):
        with pytest.raises(ChannelError) as awaited:
            await step(task)
        assert awaited.value.untried
    clock.advance(60)
    for step in (channel.recover, channel.perform):
        with pytest.raises(ChannelError) as refused:
            await step(task)
        assert refused.value is books.gone
    books.booked.append((MARKED, 50))
    found = await channel.recover(task)
    assert (found.fate, found.result["transaction_id"]) == (Fate.HAPPENED, "transaction-1")
    assert (await channel.perform(task))["transaction_id"] == "transaction-1"


@pytest.mark.parametrize(
    "trouble", [ChannelError("503"), ChannelError("403", permanent=True, connection_wide=True)]
)
async def test_an_account_that_cannot_be_read_just_now_is_not_taken_for_gone(
    channel: AdjustChannel, books: Books, trouble: ChannelError
) -> None:
    books.gone = trouble
    books.booked.append((MARKED, 50))
    with pytest.raises(ChannelError) as failed:
        await channel.recover(lost(an_adjustment()))
    assert failed.value is trouble


async def test_a_balance_is_set_for_no_other_account_and_an_amount_goes_along(channel: AdjustChannel) -> None:
    moved: dict[str, Any] = {"account_id": "account-2"}
    assert await channel.gate([an_adjustment(None, 5, **moved)]) == {
        1: Stop(State.CANCELLED, Verdict.OTHER_ACCOUNT)
    }
    assert await channel.gate([an_adjustment(5, **moved), an_adjustment(None, 5)]) == {}


async def test_a_balance_of_a_new_customer_is_set_for_the_account_that_was_opened(
    channel: AdjustChannel,
) -> None:
    task = an_adjustment(None, 5, inputs={"account": {"account_id": "account-1"}})
    unknown = replace(task, payload={**task.payload, "account_id": ""})
    assert await channel.gate([unknown]) == {}
    merged = replace(unknown, account_id="account-2")
    assert await channel.gate([merged]) == {1: Stop(State.CANCELLED, Verdict.OTHER_ACCOUNT)}


async def test_nothing_is_sent_while_the_program_is_not_active(channel: AdjustChannel, books: Books) -> None:
    books.active = False
    stop = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=NOW + PROGRAM_PAUSE)
    assert await channel.gate([an_adjustment()]) == {1: stop}


async def test_a_refusal_while_the_program_was_paused_waits(channel: AdjustChannel, books: Books) -> None:
    books.paused_meanwhile, books.refusal = True, ChannelError("428", permanent=True)
    with pytest.raises(ChannelError, match="the loyalty program is not active") as refused:
        await channel.perform(an_adjustment())
    assert (refused.value.permanent, refused.value.connection_wide) == (False, True)


async def test_a_refusal_of_a_revision_is_not_for_good_in_whatever_words(
    channel: AdjustChannel, books: Books
) -> None:
    books.refusal = ChannelError("400", permanent=True)
    with pytest.raises(ChannelError) as refused:
        await channel.perform(an_adjustment())
    assert refused.value is books.refusal

    class Racing(Books):
        async def adjust(self, *_args: Any, **_kwargs: Any) -> Booked:
            self.changed_by_others()
            raise ChannelError("400", permanent=True)

    racing = Racing()
    other = AdjustChannel(racing, program=racing.program, query_lag=LAG, clock=Clock())
    with pytest.raises(ChannelError, match="changed while it was adjusted") as stale:
        await other.perform(an_adjustment())
    assert not stale.value.permanent


@pytest.mark.parametrize(
    "refusal",
    [ChannelError("No answer.", lost=True), ChannelError("401", permanent=True, connection_wide=True)],
)
async def test_any_other_failure_is_as_it_was(
    channel: AdjustChannel, books: Books, refusal: ChannelError
) -> None:
    books.refusal, books.paused_meanwhile = refusal, True
    with pytest.raises(ChannelError) as failed:
        await channel.perform(an_adjustment())
    assert failed.value is refusal


@pytest.mark.parametrize(
    ("by", "to", "reason", "fault"),
    [
        (None, None, "Why", "either"),
        (1, 1, "Why", "either"),
        (0, None, "Why", "not by 0"),
        (10_000_000, None, "Why", "-9,999,999 to 9,999,999"),
        (-10_000_000, None, "Why", "-9,999,999 to 9,999,999"),
        (10**400, None, "Why", "-9,999,999 to 9,999,999"),
        (None, -1, "Why", "0 to 999,999,999"),
        (None, 10**9, "Why", "0 to 999,999,999"),
        (1, None, "", "is empty"),
        (1, None, " \u3000", "is empty"),
        (1, None, "x" * (LONGEST_REASON + 1), "has 85 characters; at most 84"),
        (1, None, "a\nb", "cannot be shown"),
        (1, None, "a\0b", "cannot be shown"),
        (1, None, "a\x1b[31mb", "cannot be shown"),
        (1, None, "half \ud800 an emoji", "cannot be shown"),
    ],
)
def test_what_wix_would_refuse_is_a_sentence_before(
    by: int | None, to: int | None, reason: str, fault: str
) -> None:
    assert fault in (AdjustPoints(by, to, reason).fault() or "")


@pytest.mark.parametrize(
    ("by", "to", "reason"),
    [
        (1, None, "x" * LONGEST_REASON),
        (-9_999_999, None, "Grüße 🎁"),
        (None, 0, "x"),
        (None, 999_999_999, "x"),
    ],
)
def test_what_wix_takes_is_taken_and_fits_its_description(
    by: int | None, to: int | None, reason: str
) -> None:
    request = AdjustPoints(by, to, reason)
    assert request.fault() is None
    frozen = AdjustPayload.from_json(request.freeze(SECRET, "order/1#0", "account-1"))
    assert len(frozen.description) <= 100
    assert (
        frozen.to_json()
        == request.freeze(SECRET, "order/1#0", "account-1")
        != request.freeze(SECRET, "order/2#0", "account-1")
    )
