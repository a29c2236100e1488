import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from milestones.domain.event import AppInstalled, Heard
from milestones.errors import IngestError, StoreUnavailableError
from milestones.ingest.inbox import Inbox, Record
from milestones.ingest.reading import UnreadableError
from milestones.observability.metrics import Metrics


def an_event(name: str) -> Heard:
    return Heard("site", "AppInstalled", AppInstalled(), event_id=name)


class Book:
    """Records batches as a store would, and fails for the events that it is told to fail for."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.attempts = 0
        self.poisonous: set[str] = set()
        self.full = False
        self.open = asyncio.Event()
        self.open.set()
        self.entered = asyncio.Event()

    async def record(self, batch: Sequence[Heard]) -> None:
        self.attempts += 1
        self.entered.set()
        await self.open.wait()
        names = [str(heard.event_id) for heard in batch]
        if self.full:
            raise StoreUnavailableError("The disk is full.")
        if self.poisonous & set(names):
            raise LookupError("anna@example.net")
        self.batches.append(names)

    @property
    def recorded(self) -> list[str]:
        return [name for batch in self.batches for name in batch]


@asynccontextmanager
async def running(record: Record, *, capacity: int = 100, largest_batch: int = 50) -> AsyncIterator[Inbox]:
    inbox = Inbox(record, Metrics(CollectorRegistry()), capacity=capacity, largest_batch=largest_batch)
    async with asyncio.TaskGroup() as group:
        group.create_task(inbox.run())
        yield inbox
        inbox.close()


async def taken(inbox: Inbox, names: Sequence[str]) -> list[BaseException | None]:
    return await asyncio.gather(*(inbox.take(an_event(name)) for name in names), return_exceptions=True)


async def until_waiting(inbox: Inbox, number: int) -> None:
    async with asyncio.timeout(60):
        while inbox.waiting < number:  # noqa: ASYNC110 (what is watched is a number)
            await asyncio.sleep(0)


async def test_those_who_arrive_during_a_commit_share_the_next_one() -> None:
    book = Book()
    book.open.clear()
    async with running(book.record) as inbox:
        first = asyncio.create_task(inbox.take(an_event("first")))
        await book.entered.wait()
        rest = asyncio.create_task(taken(inbox, ["a", "b", "c", "d"]))
        await until_waiting(inbox, 4)
        assert not first.done()
        book.open.set()
        await first
        assert await rest == [None] * 4
    assert book.batches == [["first"], ["a", "b", "c", "d"]]


async def test_a_batch_is_bounded_and_order_is_kept() -> None:
    book = Book()
    names = [str(number) for number in range(23)]
    async with running(book.record, largest_batch=10) as inbox:
        assert await taken(inbox, names) == [None] * 23
    assert book.recorded == names
    assert max(len(batch) for batch in book.batches) == 10


async def test_nobody_is_answered_before_the_commit() -> None:
    book = Book()
    book.open.clear()
    async with running(book.record) as inbox:
        waiting = asyncio.create_task(inbox.take(an_event("a")))
        await book.entered.wait()
        assert not waiting.done()
        assert book.recorded == []
        book.open.set()
        await waiting
    assert book.recorded == ["a"]


async def test_when_the_store_is_not_available_all_are_asked_to_come_again_and_can() -> None:
    book = Book()
    book.full = True
    async with running(book.record) as inbox:
        answers = await taken(inbox, ["a", "b"])
        assert [answer.status for answer in answers if isinstance(answer, IngestError)] == [503, 503]
        assert book.attempts == 1
        book.full = False
        assert await taken(inbox, ["a", "b"]) == [None, None]


@pytest.mark.parametrize("poisonous", [{"0"}, {"13"}, {"49"}, {"3", "4", "40"}])
async def test_a_poisonous_event_does_not_take_the_others_with_it(poisonous: set[str]) -> None:
    book = Book()
    book.poisonous = poisonous
    names = [str(number) for number in range(50)]
    async with running(book.record) as inbox:
        answers = dict(zip(names, await taken(inbox, names), strict=True))
    assert {name for name, answer in answers.items() if isinstance(answer, UnreadableError)} == poisonous
    assert book.recorded == [name for name in names if name not in poisonous]
    assert book.attempts <= 40


async def test_the_reason_for_a_poisonous_event_names_the_fault_and_not_the_person() -> None:
    book = Book()
    book.poisonous = {"a"}
    with capture_logs() as logs:
        async with running(book.record) as inbox:
            with pytest.raises(UnreadableError, match="LookupError") as unreadable:
                await inbox.take(an_event("a"))
    assert "anna" not in f"{unreadable.value} {logs}"
    blamed = unreadable.value
    assert (blamed.site_id, blamed.event_type, blamed.event_id) == ("site", "AppInstalled", "a")
    [line] = logs
    assert line.items() >= {"event": "event_not_recordable", "site": "site", "event_id": "a"}.items()


async def test_a_full_inbox_says_so_at_once() -> None:
    book = Book()
    book.open.clear()
    async with running(book.record, capacity=2) as inbox:
        first = asyncio.create_task(inbox.take(an_event("first")))
        await book.entered.wait()
        waiting = asyncio.create_task(taken(inbox, ["a", "b"]))
        await until_waiting(inbox, 2)
        with pytest.raises(IngestError, match="Too many events") as refusal:
            await inbox.take(an_event("c"))
        assert refusal.value.status == 503
        book.open.set()
        await first
        assert await waiting == [None, None]


async def test_closing_commits_what_was_taken_and_takes_nothing_more() -> None:
    book = Book()
    book.open.clear()
    async with running(book.record) as inbox:
        waiting = asyncio.create_task(taken(inbox, ["a", "b"]))
        await until_waiting(inbox, 2)
        inbox.close()
        with pytest.raises(IngestError, match="stopping"):
            await inbox.take(an_event("late"))
        book.open.set()
        assert await waiting == [None, None]
    assert book.recorded == ["a", "b"]


async def test_closing_an_idle_inbox_ends_it() -> None:
    async with asyncio.timeout(60):
        async with running(Book().record):
            pass


async def test_a_cancelled_inbox_leaves_nobody_without_an_answer() -> None:
    book = Book()
    book.open.clear()
    inbox = Inbox(book.record, Metrics(CollectorRegistry()), largest_batch=2)
    runner = asyncio.create_task(inbox.run())
    waiting = asyncio.create_task(taken(inbox, ["a", "b", "c", "d", "e"]))
    await book.entered.wait()
    runner.cancel()
    answers = await waiting
    assert [answer.status for answer in answers if isinstance(answer, IngestError)] == [503] * 5
    with pytest.raises(asyncio.CancelledError):
        await runner


async def test_one_who_went_away_is_recorded_all_the_same() -> None:
    book = Book()
    book.open.clear()
    async with running(book.record) as inbox:
        impatient = asyncio.create_task(inbox.take(an_event("a")))
        await book.entered.wait()
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        book.open.set()
        await inbox.take(an_event("b"))
    assert book.recorded == ["a", "b"]
