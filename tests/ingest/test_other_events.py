import json
from datetime import UTC, datetime
from typing import Any

import pytest

from milestones.domain.event import (
    Anonymized,
    AppInstalled,
    AppRemoved,
    ContactDeleted,
    ContactMerged,
    Event,
    SubscriptionChanged,
    Unneeded,
)
from tests.ingest.tokens import (
    ACCOUNT,
    CONTACT,
    POINTS_UPDATED,
    SUBSCRIPTION_CHANGED,
    account,
    domain_event,
    points_updated,
)
from tests.ingest.told import event


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
