import json
from datetime import UTC, datetime
from typing import Any

import pytest

from milestones.domain.event import AccountSeen
from milestones.domain.observation import Customer, Measures, Source, Stamp
from milestones.ingest.envelope import read_event
from milestones.ingest.reading import UnreadableError
from tests.ingest.tokens import CONTACT, POINTS_UPDATED, account, claims, domain_event, points_updated
from tests.ingest.told import event, observed


@pytest.mark.parametrize(
    ("revision", "number"),
    [
        ("17", 17),
        (17, 17),
        (17.0, 17),
        ("0", 0),
        ("0017", 17),
        ("9" * 60, int("9" * 60)),
        ("1" * 4000, int("1" * 4000)),
    ],
)
def test_a_revision_is_a_number_however_it_is_spelled_and_however_long(revision: Any, number: int) -> None:
    assert observed(revision=revision).point.stamp.revision == number


@pytest.mark.parametrize("revision", [None, "", "x", "-1", -1, 1.5, True, [], "9" * 5000, "\uff11\uff17"])
def test_without_a_revision_an_account_cannot_be_placed(revision: Any) -> None:
    with pytest.raises(UnreadableError, match="revision"):
        observed(revision=revision)


@pytest.mark.parametrize(
    ("points", "measures"),
    [
        ({"balance": 5, "earned": 7}, Measures(5, 7)),
        ({}, Measures(0, 0)),
        ({"balance": "5", "earned": 7.0}, Measures(5, 7)),
        ({"balance": -5}, Measures(-5, 0)),
        (json.dumps({"balance": 5}), Measures(5, 0)),
    ],
)
def test_points_that_wix_leaves_out_are_none_at_all(points: Any, measures: Measures) -> None:
    assert observed(points=points).point.measures == measures


@pytest.mark.parametrize(
    "points", [None, "x", 7, [], {"balance": "many"}, {"balance": 1.5}, {"earned": 2**31}]
)
def test_points_that_are_no_numbers_are_not_guessed_at(points: Any) -> None:
    with pytest.raises(UnreadableError, match="of the account"):
        observed(points=points)


@pytest.mark.parametrize(("tier", "points"), [(None, None), ({}, 0), ({"points": 350}, 350), ("gold", None)])
def test_tier_points_are_missing_only_where_the_tier_is(tier: Any, points: int | None) -> None:
    assert observed(tier=tier).point.measures.tier_points == points


def test_an_account_tells_its_times_and_its_customer() -> None:
    seen = observed(
        createdDate="2026-01-02T03:04:05.678Z",
        updatedDate="2026-11-20T09:15:30.123456789Z",
        contact={"id": "x", "email": "anna@example.net", "displayName": "Anna", "name": "Anna B"},
        somethingNew={"deeply": ["nested"]},
    )
    assert seen.created_at == datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC)
    assert seen.point.stamp == Stamp(17, 1_795_166_130_123_456, 41)
    assert seen.customer == Customer(
        CONTACT, "d1d1d1d1-0000-4000-8000-000000000001", "anna@example.net", "Anna B"
    )


@pytest.mark.parametrize(
    "date", ["", "yesterday", "2026-13-01T00:00:00Z", "9999-12-31T23:59:59-23:00", [], {}, True]
)
def test_a_date_that_is_none_is_left_out(date: Any) -> None:
    seen = observed(updatedDate=date, createdDate=date)
    assert (seen.point.stamp.at, seen.created_at) == (0, None)


@pytest.mark.parametrize("sequence", [None, "x", -1, []])
def test_a_sequence_that_is_none_counts_as_zero(sequence: Any) -> None:
    data = {**points_updated(), "entityEventSequence": sequence}
    told = event(POINTS_UPDATED, data)
    assert isinstance(told, AccountSeen)
    assert told.observation.point.stamp.sequence == 0


def test_without_an_event_time_the_token_vouches_for_when_it_was_issued() -> None:
    told = event(POINTS_UPDATED, {**points_updated(), "eventTime": None})
    assert isinstance(told, AccountSeen)
    assert told.observation.told_at == datetime(2026, 11, 20, 9, 15, 31, tzinfo=UTC)


def test_without_any_time_the_account_tells_when_it_changed_and_else_nobody_knows() -> None:
    def without_times(data: Any) -> Any:
        token = claims(POINTS_UPDATED, {**data, "eventTime": None})
        del token["iat"]
        return read_event(token).event

    told = without_times(points_updated(updatedDate="2026-11-20T09:00:00Z"))
    assert told.observation.told_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    with pytest.raises(UnreadableError, match="eventTime"):
        without_times(points_updated())


def test_a_created_account_was_created_when_the_event_says_so() -> None:
    told = event("wix.loyalty.v1.account_created", domain_event(createdEvent={"entity": account()}))
    assert isinstance(told, AccountSeen)
    assert told.observation.source is Source.CREATION
    assert told.observation.created_at == told.observation.told_at


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 501, 7, ""])
def test_text_that_no_database_keeps_is_left_out(name: Any) -> None:
    assert observed(contact={"displayName": name}).customer.name is None
