"""What strangers send: each body is read within bounds, and all together, on every route that takes one."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from milestones.errors import IngestError
from milestones.web import inbound, sync_events
from milestones.web.app import create_app
from milestones.web.bodies import Bodies
from tests.web.house import House


class _Request:
    """A request whose body comes in these pieces, and no further where it stalls."""

    def __init__(self, *pieces: bytes, stalls: bool = False) -> None:
        self._pieces = pieces
        self._stalls = stalls

    async def stream(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._stalls:
            await asyncio.Event().wait()


async def test_all_bodies_together_have_a_bound_that_is_free_again_afterwards() -> None:
    bodies = Bodies(at_once=10)
    for _ in range(3):
        async with bodies.reading(_Request(b"12345", b"678")) as body:  # type: ignore[arg-type]
            assert body == b"12345678"
            with pytest.raises(IngestError, match="Too many bodies at once"):
                async with bodies.reading(_Request(b"123")):  # type: ignore[arg-type]
                    pass


async def test_a_body_that_stalls_is_given_up_and_holds_nothing() -> None:
    bodies = Bodies(slowest=0.0, at_once=4)
    for _ in range(3):
        with pytest.raises(IngestError, match="took too long") as refused:
            async with bodies.reading(_Request(b"123", stalls=True)):  # type: ignore[arg-type]
                pass
        assert refused.value.status == 503


@pytest.mark.parametrize(
    ("route", "path"), [(inbound, "/webhooks/in/rule"), (sync_events, "/webhooks/sync/smile")]
)
async def test_every_route_of_strangers_gives_up_a_body_that_stalls(
    house: House, monkeypatch: pytest.MonkeyPatch, route: object, path: str
) -> None:
    monkeypatch.setattr(route, "Bodies", lambda: Bodies(slowest=0.0))

    async def drip() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    transport = httpx.ASGITransport(create_app(house.services()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as visitor:
        async with asyncio.timeout(5):
            answer = await visitor.post(path, content=drip())
    assert (answer.status_code, answer.text) == (503, "The body took too long; send the event again.\n")
    assert (house.events, house.received) == ([], [])
