import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from milestones.domain.event import AccountSeen, Heard
from milestones.errors import IngestError, StoreUnavailableError
from milestones.ingest import door as door_module
from milestones.ingest.door import Door
from milestones.ingest.reading import UnreadableError
from milestones.observability.metrics import MOST_EVENT_TYPES, Metrics
from milestones.observability.seldom import Seldom
from tests.ingest.tokens import (
    EVENT,
    NOW,
    POINTS_UPDATED,
    SITE,
    claims,
    genuine,
    points_updated,
    private_key,
    token,
    unsigned,
)

Kept = tuple[str | None, str | None, str, bytes]


class House:
    """What is behind the door, in memory."""

    def __init__(self) -> None:
        self.now = NOW
        self.taken: list[Heard] = []
        self.kept: list[Kept] = []
        self.take_fails: Exception | None = None
        self.keep_fails: Exception | None = None
        self.registry = CollectorRegistry()
        self.key = private_key().public_key()
        self.door = Door(lambda: self.key, lambda: self.now, self.take, self.keep, Metrics(self.registry))

    async def take(self, heard: Heard) -> None:
        if self.take_fails is not None:
            raise self.take_fails
        self.taken.append(heard)

    async def keep(self, site_id: str | None, event_type: str | None, reason: str, body: bytes) -> None:
        if self.keep_fails is not None:
            raise self.keep_fails
        self.kept.append((site_id, event_type, reason, body))

    def counted(self, event_type: str, outcome: str) -> float:
        labels = {"type": event_type, "outcome": outcome}
        return self.registry.get_sample_value("milestones_events_total", labels) or 0


@pytest.fixture
def house() -> House:
    return House()


async def test_a_genuine_event_is_taken_and_counted(house: House) -> None:
    await house.door.receive(token(claims(POINTS_UPDATED, points_updated())))
    assert isinstance(house.taken[0].event, AccountSeen)
    assert house.counted(POINTS_UPDATED, "taken") == 1


async def test_what_cannot_be_understood_is_kept_with_its_reason_and_acknowledged(house: House) -> None:
    body = token(claims(POINTS_UPDATED, points_updated(revision="x")))
    await house.door.receive(body)
    assert house.kept == [
        (SITE, POINTS_UPDATED, "The account has no `revision` that is a whole number.", body)
    ]
    assert house.counted(POINTS_UPDATED, "rejected") == 1


async def test_what_cannot_be_recorded_is_kept_too(house: House) -> None:
    house.take_fails = UnreadableError("Recording failed.", site_id="s", event_type="t")
    body = token(claims(POINTS_UPDATED, points_updated()))
    await house.door.receive(body)
    assert house.kept == [("s", "t", "Recording failed.", body)]


async def test_a_fault_of_our_own_while_reading_keeps_the_event(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(claims: Any) -> Heard:
        raise ZeroDivisionError("anna@example.net")

    monkeypatch.setattr(door_module, "read_event", broken)
    await house.door.receive(token(claims(POINTS_UPDATED, points_updated())))
    assert house.kept[0][2] == "Recording the event failed with ZeroDivisionError."


@pytest.mark.parametrize("failure", [StoreUnavailableError("The disk is full."), OSError("anna@example.net")])
async def test_what_cannot_even_be_kept_is_not_acknowledged(house: House, failure: Exception) -> None:
    house.keep_fails = failure
    with structlog.testing.capture_logs() as logs, pytest.raises(IngestError) as refusal:
        await house.door.receive(genuine(b"no JSON"))
    assert refusal.value.status == 503
    assert "anna" not in repr(logs)


async def test_when_the_inbox_refuses_the_event_is_not_acknowledged(house: House) -> None:
    house.take_fails = IngestError(503, "Too many events wait.")
    with pytest.raises(IngestError, match="Too many"):
        await house.door.receive(token(claims(POINTS_UPDATED, points_updated())))
    assert house.counted(POINTS_UPDATED, "taken") == 0


async def test_unknown_types_are_acknowledged_counted_and_logged_once_a_day(house: House) -> None:
    body = token(claims("something.new", {}))
    with structlog.testing.capture_logs() as logs:
        for hours in (0, 1, 23, 24, 25):
            house.now = NOW + timedelta(hours=hours)
            await house.door.receive(body)
        await house.door.receive(token(claims("something.else", {})))
    assert (house.taken, house.kept) == ([], [])
    assert house.counted("something.new", "unneeded") == 5
    assert [line["event_type"] for line in logs] == ["something.new", "something.new", "something.else"]


async def test_the_number_of_types_that_are_counted_apart_is_bounded(house: House) -> None:
    for number in range(MOST_EVENT_TYPES + 5):
        house.door.metrics.event(f"type.{number}", "unneeded")
    assert house.counted("other", "unneeded") == 5
    assert house.counted("type.0", "unneeded") == 1


async def test_refusals_are_logged_at_most_once_a_minute(house: House) -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(50):
            with pytest.raises(IngestError):
                await house.door.receive(b"junk")
    assert len(logs) == 1


async def test_without_a_public_key_nothing_is_believed() -> None:
    house = House()
    door = Door(lambda: None, lambda: NOW, house.take, house.keep, Metrics(CollectorRegistry()))
    with pytest.raises(IngestError, match=r"wix\.public_key") as refusal:
        await door.receive(token(claims(POINTS_UPDATED, points_updated())))
    assert refusal.value.status == 401


async def test_every_line_names_the_site_the_event_and_its_type(house: House) -> None:
    about = {"site": SITE, "event_id": EVENT, "event_type": POINTS_UPDATED}
    lines: list[dict[str, object]] = []
    with structlog.testing.capture_logs() as logs:
        await house.door.receive(token(claims(POINTS_UPDATED, points_updated())))
        lines.append({"event": "event_taken", "log_level": "debug", **about})
        await house.door.receive(token(claims(POINTS_UPDATED, points_updated(revision="x"))))
        reason = "The account has no `revision` that is a whole number."
        lines.append({"event": "event_kept_unread", "log_level": "warning", **about, "reason": reason})
        house.keep_fails = OSError()
        with pytest.raises(IngestError):
            await house.door.receive(token(claims(POINTS_UPDATED, points_updated(revision="x"))))
        lines.append({"event": "event_not_kept", "log_level": "error", **about, "reason": "OSError"})
        house.take_fails = IngestError(503, "Too many events wait.")
        house.now += timedelta(minutes=1)
        with pytest.raises(IngestError):
            await house.door.receive(token(claims(POINTS_UPDATED, points_updated())))
        refused = {"status": 503, "reason": "Too many events wait."}
        lines.append({"event": "webhook_refused", "log_level": "warning", **about, **refused})
        await house.door.receive(token(claims("something.new", points_updated())))
        lines.append({"event": "event_unneeded", "log_level": "info", **about, "event_type": "something.new"})
    assert logs == lines


async def test_no_log_line_names_a_person(house: House) -> None:
    contact = {"email": "anna@example.net", "name": "Anna Brandt"}
    with structlog.testing.capture_logs() as logs:
        await house.door.receive(token(claims(POINTS_UPDATED, points_updated(contact=contact))))
        await house.door.receive(
            token(claims(POINTS_UPDATED, points_updated(contact=contact, revision="Anna")))
        )
        house.now = NOW + timedelta(days=100)
        with pytest.raises(IngestError):
            await house.door.receive(token(claims(POINTS_UPDATED, points_updated(contact=contact))))
    assert len(logs) == 3
    assert "anna" not in repr(logs).casefold()


BODIES = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(genuine),
    st.text(max_size=100).map(lambda text: genuine(json.dumps({"data": text}).encode())),
    st.tuples(st.integers(0, 3000), st.binary(max_size=20)).map(
        lambda cut: token(claims(POINTS_UPDATED, points_updated()))[: cut[0]] + cut[1]
    ),
    st.dictionaries(
        st.sampled_from(["alg", "kid", "crit", "b64"]), st.none() | st.text() | st.integers()
    ).map(lambda header: unsigned(header, {})),
)


@given(BODIES)
async def test_any_bytes_are_taken_kept_or_refused_and_never_an_exception(body: bytes) -> None:
    try:
        await House().door.receive(body)
    except IngestError as refusal:
        assert refusal.status == 401  # noqa: PT017


@pytest.mark.parametrize(
    ("moments", "due"),
    [
        ([0, 59, 60, 61], [True, False, True, False]),
        ([0, -1], [True, True]),
    ],
)
def test_seldom_lets_through_once_in_a_period_also_when_the_clock_is_set_back(
    moments: list[int], due: list[bool]
) -> None:
    seldom = Seldom(timedelta(seconds=60))
    at: Callable[[int], datetime] = lambda seconds: NOW + timedelta(seconds=seconds)  # noqa: E731
    assert [seldom.due("key", at(seconds)) for seconds in moments] == due


def test_seldom_forgets_rather_than_grow_without_bound() -> None:
    seldom = Seldom(timedelta(days=1), keys=3)
    assert all(seldom.due(str(number), NOW) for number in range(100))
