"""Whatever leaves this program asks whether it may, when its turn has come and before its first byte."""

import asyncio
from pathlib import Path

import httpx
import pytest

from milestones import effects
from milestones.errors import WithdrawnError
from milestones.kinds.email.folder import FolderTransport
from tests.kinds.builders import NOW, Clock
from tests.kinds.smtp_client import send, transport_to
from tests.kinds.smtp_server import mailserver
from tests.kinds.test_folder import _files, sent
from tests.kinds.test_webhook import a_channel, a_webhook
from tests.wix.fakes import FakeClock, FakeWix


class Asked:
    """Says no, and counts how often it was asked."""

    def __init__(self) -> None:
        self.times = 0

    async def __call__(self) -> None:
        self.times += 1
        raise WithdrawnError("Not any more.")


async def test_a_mail_that_may_not_begin_is_not_begun_and_its_connection_serves_the_next() -> None:
    asked = Asked()
    async with mailserver() as server, transport_to(server) as transport:
        with effects.asking(asked), pytest.raises(WithdrawnError):
            await send(transport)
        assert not server.reached["DATA"].is_set()
        await send(transport)
        assert (asked.times, len(server.taken), server.connections) == (1, 1, 1)


async def test_a_mail_that_waits_for_the_pace_has_not_begun() -> None:
    asked, waits = Asked(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waits.set()
        await asyncio.Event().wait()

    async with mailserver() as server, transport_to(server, per_minute=1) as transport:
        transport._sleep = sleep
        await send(transport)
        with effects.asking(asked):
            waiting = asyncio.create_task(send(transport))
        await waits.wait()
        assert asked.times == 0
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asked.times == 0
        assert len(server.taken) == 1


async def test_no_file_is_written_for_a_mail_that_may_not_begin(tmp_path: Path) -> None:
    with effects.asking(Asked()), pytest.raises(WithdrawnError):
        await sent(FolderTransport(tmp_path), b"Subject: one\r\n\r\n")
    assert _files(tmp_path) == []


async def test_no_webhook_is_posted_that_may_not_begin() -> None:
    def answer(_request: httpx.Request) -> httpx.Response:
        raise AssertionError("it was posted")

    with effects.asking(Asked()), pytest.raises(WithdrawnError):
        await a_channel(answer, Clock(NOW)).perform(a_webhook())


async def test_wix_is_told_nothing_that_may_not_begin_and_asked_without_asking() -> None:
    asked, clock = Asked(), FakeClock()
    wix = FakeWix(clock)
    client = wix.client()
    with effects.asking(asked):
        await client.call("GET", "/things", reads=True)
        with pytest.raises(WithdrawnError):
            await client.call("POST", "/things", reads=False)
    assert (asked.times, len(wix.requests)) == (1, 1)
    await wix.http.aclose()


async def test_a_call_to_wix_that_waits_for_its_turn_has_not_begun() -> None:
    asked, clock = Asked(), FakeClock()
    wix = FakeWix(clock)

    async def sleep(seconds: float) -> None:
        assert asked.times == 0
        await clock.sleep(seconds)

    wix.pacer._sleep = sleep
    await wix.pacer.pause(60)
    with effects.asking(asked), pytest.raises(WithdrawnError):
        await wix.client().call("POST", "/things", reads=False)
    assert (clock.slept, asked.times) == ([60.0], 1)
    await wix.http.aclose()
