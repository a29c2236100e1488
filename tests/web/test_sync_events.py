import httpx
import pytest

from milestones.errors import StoreUnavailableError
from milestones.web.bodies import LARGEST_BODY
from tests.web.house import House


async def test_an_event_of_another_program_is_answered_once_it_is_taken(
    visitor: httpx.AsyncClient, house: House
) -> None:
    answer = await visitor.post("/webhooks/sync/smile", content=b'{"a": 1}')
    assert (answer.status_code, house.received) == (200, [b'{"a": 1}'])


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [("unknown", b"{}", 404), ("smile", b" " * (LARGEST_BODY + 1), 413), ("a/b", b"{}", 404)],
)
async def test_what_is_not_taken_is_not_acknowledged(
    visitor: httpx.AsyncClient, house: House, path: str, body: bytes, status: int
) -> None:
    assert (await visitor.post(f"/webhooks/sync/{path}", content=body)).status_code == status
    assert house.received == []


async def test_what_cannot_be_stored_is_to_be_sent_again(visitor: httpx.AsyncClient, house: House) -> None:
    house.failure = StoreUnavailableError("The disk is full.")
    assert (await visitor.post("/webhooks/sync/smile", content=b"{}")).status_code == 503
