import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.event import (
    AccountSeen,
    Anonymized,
    AppInstalled,
    AppRemoved,
    ContactDeleted,
    ContactMerged,
    Event,
    SubscriptionChanged,
    Unneeded,
)
from milestones.domain.observation import Customer, Measures, Observation, Point, Source, Stamp
from milestones.ingest.envelope import heard
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


def event(event_type: str, data: Any, /, **changes: Any) -> Event:
    return heard(claims(event_type, data, **changes)).event


def observed(**changes: Any) -> Observation:
    seen = event(POINTS_UPDATED, points_updated(**changes))
    assert isinstance(seen, AccountSeen)
    return seen.observation


def test_the_worked_example_of_the_fact_sheet() -> None:
    told = heard(json.loads(WORKED_EXAMPLE))
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
    told = heard({"data": envelope})
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
    assert heard(claims(POINTS_UPDATED, points_updated(), identity=identity)).by_app == by_app


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
        CONTACT, "d1d1d1d1-0000-4000-8000-000000000001", "anna@example.net", "Anna"
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
        return heard(token).event

    told = without_times(points_updated(updatedDate="2026-11-20T09:00:00Z"))
    assert told.observation.told_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    with pytest.raises(UnreadableError, match="eventTime"):
        without_times(points_updated())


def test_a_created_account_was_created_when_the_event_says_so() -> None:
    told = event("wix.loyalty.v1.account_created", domain_event(createdEvent={"entity": account()}))
    assert isinstance(told, AccountSeen)
    assert told.observation.source is Source.CREATION
    assert told.observation.created_at == told.observation.told_at


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        (
            "wix.contacts.v4.contact_updated",
            {"entityId": CONTACT, "updatedEvent": {"currentEntity": {"info": {}}}},
            Anonymized(contact_id=CONTACT),
        ),
        ("wix.members.v1.member_deleted", {"entityId": "m"}, Anonymized(member_id="m")),
        (
            "wix.loyalty.v1.account_updated",
            {"updatedEvent": {"currentEntity": account()}},
            Anonymized(CONTACT, account()["memberId"], ACCOUNT),
        ),
        (POINTS_UPDATED, points_updated(), Anonymized(CONTACT, account()["memberId"], ACCOUNT)),
        (
            "wix.loyalty.v1.coupon_created",
            {
                "entityId": "x",
                "createdEvent": {"entityAsJson": json.dumps({"accountId": "a", "memberId": "m"})},
            },
            Anonymized(member_id="m", account_id="a"),
        ),
        (
            "wix.badges.v4.badge_assignment_deleted",
            {"entityId": "x", "deletedEvent": {"deletedEntity": {"memberId": "m"}}},
            Anonymized(member_id="m"),
        ),
        ("wix.loyalty.v1.program_updated", {"entityId": "x"}, Unneeded()),
    ],
)
def test_whatever_a_privacy_request_causes_names_who_is_to_be_forgotten(
    event_type: str, data: Any, expected: Event
) -> None:
    assert event(event_type, domain_event(**{**data, "triggeredByAnonymizeRequest": True})) == expected


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "x" * 501, 7, ""])
def test_text_that_no_database_keeps_is_left_out(name: Any) -> None:
    assert observed(contact={"displayName": name}).customer.name is None


@pytest.mark.parametrize(
    ("event_type", "data", "expected"),
    [
        (
            SUBSCRIPTION_CHANGED,
            {
                "subscription": {
                    "email": "Anna@Example.net",
                    "subscriptionStatus": "SUBSCRIBED",
                    "deliverabilityStatus": "VALID",
                    "updatedDate": "2026-11-20T09:00:00Z",
                }
            },
            SubscriptionChanged(
                "Anna@Example.net", "SUBSCRIBED", "VALID", datetime(2026, 11, 20, 9, tzinfo=UTC)
            ),
        ),
        (
            SUBSCRIPTION_CHANGED,
            {"subscription": {"email": "anna@example.net"}},
            SubscriptionChanged("anna@example.net", "UNKNOWN", None, None),
        ),
        ("wix.contacts.v4.contact_deleted", domain_event(entityId=CONTACT), ContactDeleted(CONTACT)),
        (
            "wix.contacts.v4.contact_deleted",
            domain_event(entityId=CONTACT, triggeredByAnonymizeRequest=True, deletedEvent={}),
            ContactDeleted(CONTACT, anonymized=True),
        ),
        (
            "wix.contacts.v4.contact_deleted",
            domain_event(entityId=CONTACT, originatedFrom="merge"),
            ContactDeleted(CONTACT, merged=True),
        ),
        (
            "wix.contacts.v4.contact_merged",
            domain_event(actionEvent={"body": {"targetContactId": "t", "sourceContactIds": ["s1", "s2"]}}),
            ContactMerged("t", ("s1", "s2")),
        ),
        (
            "wix.contacts.v4.contact_merged",
            domain_event(entityId="t", actionEvent={"bodyAsJson": json.dumps({"sourceContactIds": ["s1"]})}),
            ContactMerged("t", ("s1",)),
        ),
        ("wix.contacts.v4.contact_updated", domain_event(entityId=CONTACT), Unneeded()),
        ("AppInstalled", {"appId": "x", "originInstanceId": "y"}, AppInstalled()),
        ("AppInstalled", None, AppInstalled()),
        ("AppRemoved", {}, AppRemoved()),
        ("wix.loyalty.v1.reward_created", {"createdEvent": 7}, Unneeded()),
        ("something.new", "no JSON", Unneeded()),
    ],
)
def test_every_other_event_that_is_listened_to(event_type: str, data: Any, expected: Event) -> None:
    assert event(event_type, data) == expected


@pytest.mark.parametrize("data", [None, "", "no JSON"])
def test_an_app_event_needs_no_data_at_all(data: str | None) -> None:
    assert event("AppRemoved", {}, data=data) == AppRemoved()


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
        assert heard({"data": envelope}).site_id == SITE


@given(JSON)
def test_whatever_the_claims_hold_they_are_read_or_unreadable(data: Any) -> None:
    with pytest.raises(UnreadableError):
        heard({"data": data})
