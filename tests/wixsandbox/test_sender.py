import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest

from tests.wixsandbox.builders import FakeClock, Shop
from wixsandbox.events import Event
from wixsandbox.sender import DUPLICATE, RETRIES, Sender
from wixsandbox.settings import Switches

PATIENCE = 60.0  # seconds


class Receiver:
    """A real HTTP server that notes bodies and answers what it is told to."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.status = 200
        self.fields = ""
        self.silence: asyncio.Event | None = None
        self.content_types: set[str] = set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
                self.content_types.add(fields["content-type"])
                self.bodies.append((await reader.readexactly(int(fields["content-length"]))).decode())
                if self.silence is not None:
                    await self.silence.wait()
                writer.write(f"HTTP/1.1 {self.status} X\r\ncontent-length: 0\r\n{self.fields}\r\n".encode())
                await writer.drain()
        writer.close()


@asynccontextmanager
async def sending(sender: Sender) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0)
    sender.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    task = asyncio.create_task(sender.run())
    try:
        yield receiver
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        server.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the sender has no event for every state a test waits for
            await asyncio.sleep(0.005)


def event(number: int) -> Event:
    return Event(f"e{number}", {}, None)


def a_sender(
    clock: Callable[[], object], switches: Switches | None = None, time_scale: float = 1.0
) -> Sender:
    chosen = switches or Switches(webhook_connections=1)
    return Sender(lambda one: one.type, clock, lambda: chosen, seed=1, time_scale=time_scale)  # type: ignore[arg-type]


def failed(sender: Sender, times: int) -> bool:
    return len(sender.queue) == 1 and sender.queue[0].failures == times


async def test_events_are_delivered_in_order_when_nothing_disturbs(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        for number in range(20):
            sender.take(event(number))
        await until(lambda: sender.pending == 0)
    assert receiver.bodies == [f"e{number}" for number in range(20)]
    assert receiver.content_types == {"text/plain"}
    assert (sender.delivered, sender.attempts, sender.lost) == (20, 20, 0)


async def test_a_refused_event_comes_twelve_times_more_at_the_documented_distances(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        receiver.status = 500
        sender.take(event(1))
        for failures, wait in enumerate(RETRIES, start=1):
            await until(partial(failed, sender, failures))
            assert sender.queue[0].due - clock() == timedelta(seconds=wait)
            clock.pass_(wait)
        await until(lambda: sender.lost == 1)
    assert len(receiver.bodies) == 13
    assert sender.pending == 0
    assert sum(RETRIES) == 47 * 3600 + 11 * 60


async def test_a_repeat_carries_the_body_of_the_first_sending(clock: FakeClock) -> None:
    sender = a_sender(clock)
    signed: list[str] = []

    def sign(one: Event) -> str:
        signed.append(one.type)
        return f"{one.type}#{len(signed)}"

    sender._signed = sign
    async with sending(sender) as receiver:
        receiver.status = 503
        sender.take(event(1))
        await until(partial(failed, sender, 1))
        receiver.status = 200
        clock.pass_(60)
        await until(lambda: sender.delivered == 1)
    assert receiver.bodies == ["e1#1", "e1#1"]


async def test_a_redirect_to_nowhere_is_a_failure_like_any_other(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        receiver.status, receiver.fields = 302, "location: http://xn--/\r\n"
        sender.take(event(1))
        await until(partial(failed, sender, 1))
        receiver.status, receiver.fields = 200, ""
        sender.take(event(2))
        await until(lambda: sender.delivered == 1)


async def test_a_late_answer_counts_as_a_failure(clock: FakeClock) -> None:
    sender = a_sender(clock, Switches(webhook_timeout_seconds=0.05))
    async with sending(sender) as receiver:
        receiver.silence = asyncio.Event()
        sender.take(event(1))
        await until(partial(failed, sender, 1))
        receiver.silence.set()


async def test_a_failed_delivery_does_not_hold_back_later_ones(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        receiver.status = 500
        sender.take(event(1))
        await until(partial(failed, sender, 1))
        receiver.status = 200
        sender.take(event(2))
        await until(lambda: sender.delivered == 1)
    assert receiver.bodies == ["e1", "e2"]
    assert sender.pending == 1


async def test_nobody_there_is_a_failure_too(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender):
        sender.url = "http://127.0.0.1:1/"
        sender.take(event(1))
        await until(partial(failed, sender, 1))


async def test_duplicates_come_after_a_success_with_the_same_body(clock: FakeClock) -> None:
    sender = a_sender(clock, Switches(duplicate_probability=0.5, webhook_connections=4))
    async with sending(sender) as receiver:
        for number in range(60):
            sender.take(event(number))
        while sender.pending:
            await until(lambda: not sender._under_way)
            clock.pass_(1)
            await asyncio.sleep(0.002)
    assert set(receiver.bodies) == {f"e{number}" for number in range(60)}
    assert 80 < len(receiver.bodies) < 160
    assert sender.delivered == 60


async def test_a_duplicate_that_fails_is_not_repeated(clock: FakeClock) -> None:
    sender = a_sender(clock, Switches(duplicate_probability=1))
    async with sending(sender) as receiver:
        sender.take(event(1))
        await until(lambda: bool(sender.queue) and sender.queue[0].failures == DUPLICATE)
        receiver.status = 500
        clock.pass_(11)
        await until(lambda: sender.pending == 0)
    assert sender.lost == 0


async def test_duplicates_come_to_an_end_even_when_every_delivery_comes_again(clock: FakeClock) -> None:
    sender = a_sender(clock, Switches(duplicate_probability=1))
    async with sending(sender) as receiver:
        sender.take(event(1))
        for copies in range(1, 4):
            await until(lambda: [one.failures for one in sender.queue] == [-copies])  # noqa: B023
            clock.pass_(11)
        await until(lambda: sender.pending == 0)
    assert receiver.bodies == ["e1"] * 4
    assert sender.delivered == 1


async def test_what_a_stop_interrupts_is_still_waiting(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        receiver.silence = asyncio.Event()
        sender.take(event(1))
        await until(lambda: receiver.bodies == ["e1"])
    receiver.silence.set()
    (kept,) = sender.list_waiting()
    assert (kept.event, kept.body, kept.failures) == (event(1), "e1", 0)


@pytest.mark.parametrize("forget", [Sender.clear, lambda sender: sender.restart(2)], ids=["clear", "restart"])
async def test_what_was_forgotten_under_way_never_comes_back(
    clock: FakeClock, forget: Callable[[Sender], None]
) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        receiver.silence = asyncio.Event()
        receiver.status = 500
        sender.take(event(1))
        await until(lambda: receiver.bodies == ["e1"])
        forget(sender)
        receiver.silence.set()
        receiver.silence, receiver.status = None, 200
        sender.take(event(2))
        await until(lambda: sender.pending == 0)
    assert (receiver.bodies, sender.delivered) == (["e1", "e2"], 1)


@pytest.mark.parametrize("seed", [1, 2])
def test_reordering_depends_on_the_seed_only(clock: FakeClock, seed: int) -> None:
    def order() -> list[str]:
        switches = Switches(reorder_window=30)
        sender = Sender(lambda one: one.type, clock, lambda: switches, seed=seed, time_scale=60)
        for number in range(10):
            sender.take(event(number))
        assert max(one.due for one in sender.queue) <= clock() + timedelta(seconds=0.5)
        return [one.event.type for one in sorted(sender.queue)]

    assert order() == order() != [f"e{number}" for number in range(10)]


async def test_a_reset_to_a_seed_reorders_as_that_seed_did(shop: Shop) -> None:
    shop.switch(reorder_window=30)
    shop.sandbox.subscribe("http://127.0.0.1:1/")
    sender = shop.sandbox.sender

    async def order(seed: int) -> list[str]:
        await shop.post("/_sandbox/reset", {"seed": seed, "customers": 20})
        for _ in range(5):
            await shop.post("/_sandbox/purchase", {"account_id": shop.account().id, "points": 5})
        return [str(one.event.data["id"]) for one in sorted(sender.queue)]

    first = await order(8)
    assert await order(9) != first
    assert await order(8) == first


async def test_without_an_address_events_wait(clock: FakeClock) -> None:
    sender = a_sender(clock)
    async with sending(sender) as receiver:
        url, sender.url = sender.url, None
        sender.take(event(1))
        await asyncio.sleep(0.02)
        assert receiver.bodies == []
        sender.url = url
        sender.wake()
        await until(lambda: sender.delivered == 1)
