"""How Wix spells things, in every spelling that it has been seen with."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from milestones.wix.account import Account
from milestones.wix.fields import Editable, Entity, Instant, Revision, wire_milliseconds, wire_time
from milestones.wix.subscriptions import Subscription
from milestones.wix.transactions import Transaction, TransactionType

MOMENT = datetime(2026, 11, 20, 9, 15, 30, 123456, tzinfo=UTC)


class Thing(Entity):
    revision: Revision = 0
    at: Instant | None = None


class Whole(Editable):
    big_name: str = ""
    revision: Revision = 0
    at: Instant | None = None


@pytest.mark.parametrize(
    ("sent", "read"),
    [("3", 3), (3, 3), (3.0, 3), (" 7 ", 7), ("0", 0), ("9" * 60, int("9" * 60)), ("007", 7), (None, 0)],
)
def test_a_revision_is_a_whole_number_however_it_is_spelt(sent: Any, read: int) -> None:
    assert Thing.model_validate({"revision": sent}).revision == read


@pytest.mark.parametrize(
    "sent", ["", "-1", -1, "1.5", 1.5, "1e3", "²", "x", True, [], {}, float("nan"), "9" * 5000]
)
def test_what_is_no_revision_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate({"revision": sent})


@given(st.integers(min_value=0, max_value=10**80), st.integers(min_value=0, max_value=10**80))
def test_revisions_compare_as_numbers(one: int, other: int) -> None:
    first, second = (Thing.model_validate({"revision": str(value)}).revision for value in (one, other))
    assert (first < second) is (one < other)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("2026-11-20T09:15:30.123456Z", MOMENT),
        ("2026-11-20T09:15:30.123456789Z", MOMENT),
        ("2026-11-20T10:15:30.123456+01:00", MOMENT),
        ("2026-11-20T09:15:30Z", MOMENT.replace(microsecond=0)),
        ("2026-11-20T09:15:30", MOMENT.replace(microsecond=0)),
        (" 2026-11-20T09:15:30.1Z ", MOMENT.replace(microsecond=100_000)),
        (1795166130123, MOMENT.replace(microsecond=123_000)),
        ("1795166130123", MOMENT.replace(microsecond=123_000)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-1000, datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (MOMENT.astimezone(timezone(timedelta(hours=5))), MOMENT),
        (None, None),
    ],
)
def test_a_moment_is_read_in_either_spelling_and_is_in_utc(sent: Any, read: datetime | None) -> None:
    at = Thing.model_validate({"at": sent}).at
    assert at == read
    assert at is None or at.tzinfo is UTC


@pytest.mark.parametrize("sent", ["", "soon", "2026-13-01T00:00:00Z", 10**18, "9" * 15, [], {}, float("inf")])
def test_what_is_no_moment_is_refused(sent: Any) -> None:
    with pytest.raises(ValidationError):
        Thing.model_validate({"at": sent})


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)))
def test_a_moment_sent_is_never_later_than_it_was(moment: datetime) -> None:
    read = datetime.fromisoformat(wire_time(moment))
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    back = Thing.model_validate({"at": wire_milliseconds(moment)}).at
    assert back == read


def test_an_unknown_state_is_unknown_and_an_unknown_consent_is_a_no() -> None:
    assert (
        Transaction.model_validate({"id": "t", "transactionType": "GIVE"}).transaction_type
        is TransactionType.UNKNOWN
    )
    subscription = Subscription.model_validate({"email": "a@b.c", "subscriptionStatus": "SUBSCRIBED_MAYBE"})
    assert not subscription.consents


def test_an_account_reads_as_the_fact_sheet_shows_it() -> None:
    account = Account.model_validate(
        {
            "id": "a1",
            "contactId": "c1",
            "memberId": "d1",
            "points": {"balance": 1010, "earned": 1200, "adjusted": 10, "redeemed": 200, "expired": 0},
            "rewardAvailable": True,
            "revision": "17",
            "tier": {"id": "t1", "points": 1210, "updatedDate": "2026-11-20T09:15:30.123456Z"},
            "contact": {
                "id": "c1",
                "email": "a@b.c",
                "name": "A B",
                "displayName": "A",
                "picture": {"id": "p"},
            },
            "pointsExpiration": {"expirationDate": "2027-01-01T00:00:00Z", "expiringPointsAmount": 5},
            "createdDate": "2026-11-20T09:15:30.123456Z",
            "updatedDate": "2026-11-20T09:15:30.123456789Z",
            "newField": {"deep": []},
        }
    )
    assert (account.contact_id, account.member_id, account.revision) == ("c1", "d1", 17)
    assert (account.points.balance, account.points.redeemed, account.reward_available) == (1010, 200, True)
    assert account.tier is not None
    assert (account.tier.points, account.tier.updated_date) == (1210, MOMENT)
    assert (account.contact.email, account.contact.display_name) == ("a@b.c", "A")
    assert account.points_expiration.expiring_points_amount == 5
    assert account.updated_date == MOMENT


def test_a_bare_account_has_zeros_and_no_tier() -> None:
    account = Account.model_validate({"id": "a1", "revision": 1, "points": {}, "tier": None, "contact": None})
    assert (account.points.balance, account.tier, account.member_id, account.contact.email) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize("missing", ["id", "revision", "points"])
def test_an_account_without_what_makes_an_observation_is_refused(missing: str) -> None:
    sent = {"id": "a1", "revision": "1", "points": {"balance": 1}}
    with pytest.raises(ValidationError):
        Account.model_validate({**sent, missing: None})


def test_models_are_frozen() -> None:
    account = Account.model_validate({"id": "a1", "revision": "1", "points": {}})
    with pytest.raises(ValidationError):
        setattr(account, "id", "other")  # noqa: B010 - mypy refuses the plain assignment, as it should


def test_what_is_replaced_as_a_whole_keeps_what_we_do_not_know() -> None:
    sent = {"bigName": "x", "revision": "12", "at": "2026-11-20T09:15:30.123456Z", "unheardOf": {"a": [1]}}
    assert Whole.model_validate(sent).wire() == sent
    assert Whole.model_validate(sent).wire(without={"revision", "at"}) == {
        "bigName": "x",
        "unheardOf": {"a": [1]},
    }
