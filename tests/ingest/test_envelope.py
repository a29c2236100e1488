import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.event import AccountSeen
from milestones.domain.observation import Customer, Measures, Observation, Point, Source, Stamp
from milestones.ingest.envelope import read_event
from milestones.ingest.events import READERS
from milestones.ingest.reading import UnreadableError
from tests.ingest.tokens import (
    ACCOUNT,
    CONTACT,
    POINTS_UPDATED,
    SITE,
    SUBSCRIPTION_CHANGED,
    account,
    claims,
    domain_event,
    points_updated,
)
from tests.ingest.told import event, observed

WORKED_EXAMPLE = r"""{
  "data": "{\"eventType\":\"wix.loyalty.v1.account_points_updated\",\"instanceId\":\"0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11\",\"data\":\"{\\\"id\\\":\\\"5e0f4f3a-1c2d-4e5f-8a9b-0c1d2e3f4a5b\\\",\\\"entityFqdn\\\":\\\"wix.loyalty.v1.account\\\",\\\"slug\\\":\\\"points_updated\\\",\\\"entityId\\\":\\\"a1a1a1a1-0000-4000-8000-000000000001\\\",\\\"actionEvent\\\":{\\\"body\\\":{\\\"account\\\":{\\\"id\\\":\\\"a1a1a1a1-0000-4000-8000-000000000001\\\",\\\"contactId\\\":\\\"c1c1c1c1-0000-4000-8000-000000000001\\\",\\\"memberId\\\":\\\"d1d1d1d1-0000-4000-8000-000000000001\\\",\\\"points\\\":{\\\"balance\\\":1010,\\\"earned\\\":1200,\\\"adjusted\\\":10,\\\"redeemed\\\":200,\\\"expired\\\":0},\\\"rewardAvailable\\\":true,\\\"revision\\\":\\\"17\\\"}}},\\\"eventTime\\\":\\\"2026-11-20T09:15:30.123456Z\\\",\\\"triggeredByAnonymizeRequest\\\":false,\\\"entityEventSequence\\\":\\\"41\\\"}\",\"identity\":\"{\\\"identityType\\\":\\\"WIX_USER\\\",\\\"wixUserId\\\":\\\"e1e1e1e1-0000-4000-8000-000000000001\\\"}\"}",
  "iat": 1795166130,
  "exp": 1795466130
}"""

EXAMPLE = Observation(
    ACCOUNT,
    Point(Stamp(17, 0, 41), Measures(1010, 1200, None)),
    Source.WEBHOOK,
    datetime(2026, 11, 20, 9, 15, 30, 123456, tzinfo=UTC),
    customer=Customer(CONTACT, "d1d1d1d1-0000-4000-8000-000000000001"),
)


def test_the_worked_example_of_the_fact_sheet() -> None:
    told = read_event(json.loads(WORKED_EXAMPLE))
    assert (told.site_id, told.event_type) == (SITE, POINTS_UPDATED)
    assert told.event_id == "5e0f4f3a-1c2d-4e5f-8a9b-0c1d2e3f4a5b"
    assert told.by_app is None
    assert told.event == AccountSeen(EXAMPLE)


@pytest.mark.parametrize("text", [json.dumps, lambda value: value], ids=["as text", "as an object"])
@pytest.mark.parametrize("suffix", ["", "AsJson"])
@pytest.mark.parametrize(
    ("event_type", "outer", "inner", "content"),
    [
        ("wix.loyalty.v1.account_created", "createdEvent", "entity", account()),
        ("wix.loyalty.v1.account_updated", "updatedEvent", "currentEntity", account()),
        (POINTS_UPDATED, "actionEvent", "body", {"account": account()}),
    ],
)
def test_both_spellings_say_the_same(
    event_type: str, outer: str, inner: str, content: Any, suffix: str, text: Any
) -> None:
    told = event(event_type, domain_event(**{outer: {inner + suffix: text(content)}}))
    assert isinstance(told, AccountSeen)
    assert told.observation.point == EXAMPLE.point
    assert told.observation.customer == EXAMPLE.customer


def test_each_level_may_be_an_object_instead_of_a_string() -> None:
    envelope = {
        "eventType": POINTS_UPDATED,
        "instanceId": SITE,
        "data": points_updated(),
        "identity": {"identityType": "APP", "appId": "our-app"},
    }
    told = read_event({"data": envelope})
    assert told.event == AccountSeen(EXAMPLE)
    assert told.by_app == "our-app"


@pytest.mark.parametrize(
    ("identity", "by_app"),
    [
        (json.dumps({"identityType": "APP", "appId": "our-app"}), "our-app"),
        (json.dumps({"identityType": "APP"}), None),
        (json.dumps({"identityType": "MEMBER", "appId": "our-app"}), None),
        ("no JSON", None),
        ("[" * 100_000, None),
        (7, None),
        (None, None),
    ],
)
def test_who_caused_it_is_told_if_it_was_an_app(identity: Any, by_app: str | None) -> None:
    assert read_event(claims(POINTS_UPDATED, points_updated(), identity=identity)).by_app == by_app


@pytest.mark.parametrize(
    ("event_type", "data", "words"),
    [
        (POINTS_UPDATED, {}, "`actionEvent`"),
        (POINTS_UPDATED, {"actionEvent": {}}, "has no `body`"),
        (POINTS_UPDATED, {"actionEvent": {"body": {}}}, "actionEvent.body.account"),
        (POINTS_UPDATED, {"actionEvent": {"bodyAsJson": "no JSON"}}, "not valid JSON"),
        (POINTS_UPDATED, {"actionEvent": {"bodyAsJson": "[" * 100_000}}, "too deeply"),
        (
            POINTS_UPDATED,
            domain_event(entityId=None, actionEvent={"body": {"account": account(id=None)}}),
            "`id`",
        ),
        ("wix.loyalty.v1.account_created", {"createdEvent": []}, "`createdEvent`"),
        ("wix.loyalty.v1.account_updated", {"updatedEvent": {"currentEntity": 7}}, "currentEntity"),
        (SUBSCRIPTION_CHANGED, {}, "`subscription`"),
        (SUBSCRIPTION_CHANGED, {"subscription": {"subscriptionStatus": "SUBSCRIBED"}}, "`email`"),
        ("wix.contacts.v4.contact_deleted", {}, "entityId"),
        ("wix.contacts.v4.contact_merged", {}, "`actionEvent`"),
        (
            "wix.contacts.v4.contact_merged",
            {"actionEvent": {"body": {"targetContactId": "t"}}},
            "which contacts",
        ),
        (
            "wix.contacts.v4.contact_merged",
            {"actionEvent": {"body": {"targetContactId": "t", "sourceContactIds": ["s", 7]}}},
            "which contacts",
        ),
    ],
)
def test_what_cannot_be_understood_is_told_with_its_site_and_type(
    event_type: str, data: Any, words: str
) -> None:
    with pytest.raises(UnreadableError, match=words) as unreadable:
        event(event_type, data)
    assert (unreadable.value.site_id, unreadable.value.event_type) == (SITE, event_type)
    assert unreadable.value.reason.endswith(".")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"instanceId": None}, "instanceId"),
        ({"eventType": None}, "eventType"),
        ({"data": "no JSON"}, "`data`"),
    ],
)
def test_an_envelope_must_tell_its_site_and_type(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnreadableError, match=words):
        event(POINTS_UPDATED, points_updated(), **changes)


def test_a_reason_never_quotes_the_event() -> None:
    with pytest.raises(UnreadableError) as unreadable:
        observed(revision="anna@example.net", contact={"email": "anna@example.net"})
    assert "anna" not in str(unreadable.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "actionEvent",
    "createdEvent",
    "updatedEvent",
    "subscription",
    "entityId",
    "eventTime",
    "body",
    "entity",
]
DATA = st.recursive(
    JSON,
    lambda inner: st.dictionaries(
        st.sampled_from(
            [*NAMES, "currentEntity", "account", "points", "id", "revision", "balance", "contact", "tier"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=20,
)


@given(st.sampled_from(sorted(READERS)), DATA, DATA)
def test_whatever_a_genuine_event_holds_it_is_read_or_unreadable(
    event_type: str, data: Any, identity: Any
) -> None:
    envelope = {"eventType": event_type, "instanceId": SITE, "data": data, "identity": identity}
    with suppress(UnreadableError):
        assert read_event({"data": envelope}).site_id == SITE


@given(JSON)
def test_whatever_the_claims_hold_they_are_read_or_unreadable(data: Any) -> None:
    with pytest.raises(UnreadableError):
        read_event({"data": data})
