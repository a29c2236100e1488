"""Genuine events with odd contents, one after the other and together, through the door into a real store."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from milestones.domain.event import Heard
from milestones.ingest.door import Door
from milestones.ingest.inbox import Inbox
from milestones.observability.metrics import Metrics
from milestones.pipeline import observe
from tests.builders import a_milestone
from tests.ingest.tokens import NOW, POINTS_UPDATED, SITE, SUBSCRIPTION_CHANGED, claims, private_key, token
from tests.store.rules import FixedRules, go_live, opened

TEXTS = [
    "a",
    "b",
    "c",
    "A",
    " ",
    "é",
    "\U0001f600",
    "';--",
    "a\nb",
    "x" * 500,
    "x" * 501,
    "a\0b",
    "",
    7,
    None,
]
MOMENTS = [
    *("2026-11-20T09:15:00Z", "2026-11-20T09:15:00+23:59", "2027-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "never"),
    *(0, -6e13, 253_402_300_799_999, 2**63, None),
]
REVISIONS = ["1", "2", "3", "17", 17, 2**64, "9" * 60, "9" * 4000, "0" * 3000 + "1", -0.0, 1e300, "x"]
POINTS = [0, 1, 999, 1000, "1000", 1000.0, 2**31 - 1, -(2**31 - 1), None]
STATUSES = ["SUBSCRIBED", "UNSUBSCRIBED", "x" * 400, None, 7]


class Odd:
    """Whatever a field may hold, chosen by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one(self, choices: Sequence[Any]) -> Any:
        return self.random.choice(choices)

    def account(self) -> dict[str, Any]:
        return {
            "id": self.one(TEXTS),
            "contactId": self.one(TEXTS),
            "memberId": self.one(TEXTS),
            "revision": self.one(REVISIONS),
            "createdDate": self.one(MOMENTS),
            "updatedDate": self.one(MOMENTS),
            "points": {"balance": self.one(POINTS), "earned": self.one(POINTS)},
            "tier": self.one([None, {}, {"points": self.one(POINTS)}, "gold"]),
            "contact": {"email": self.one(["a@b.c", "A@B.C", *TEXTS]), "displayName": self.one(TEXTS)},
        }

    def data(self) -> dict[str, Any]:
        return {
            "id": self.one(TEXTS),
            "entityId": self.one(TEXTS),
            "eventTime": self.one(MOMENTS),
            "entityEventSequence": self.one(REVISIONS),
            "triggeredByAnonymizeRequest": self.random.random() < 0.1,
            "originatedFrom": self.one(["merge", None, 7]),
        }

    def event(self) -> tuple[str, dict[str, Any]]:
        data = self.data()
        kinds = {
            "wix.loyalty.v1.account_created": {"createdEvent": {"entity": self.account()}},
            "wix.loyalty.v1.account_updated": {"updatedEvent": {"currentEntity": self.account()}},
            POINTS_UPDATED: {"actionEvent": {"body": {"account": self.account()}}},
            "wix.contacts.v4.contact_deleted": {},
            "wix.contacts.v4.contact_merged": {
                "actionEvent": {
                    "body": {
                        "targetContactId": self.one(TEXTS),
                        "sourceContactIds": [self.one(TEXTS[:6]) for _ in range(self.one([1, 2, 1500]))],
                    }
                }
            },
            SUBSCRIPTION_CHANGED: {
                "subscription": {
                    "email": self.one(["a@b.c", "A@B.C", *TEXTS]),
                    "subscriptionStatus": self.one(STATUSES),
                    "deliverabilityStatus": self.one(STATUSES),
                    "updatedDate": self.one(MOMENTS),
                }
            },
            "AppInstalled": {},
            "AppRemoved": {},
        }
        # Accounts move more often than apps come and go.
        event_type = self.one([*kinds, *[name for name in kinds if name.startswith("wix.loyalty")] * 4])
        return event_type, {**data, **kinds[event_type]}

    def body(self) -> bytes:
        event_type, data = self.event()
        return token(claims(event_type, data, instanceId=self.one([SITE, SITE, "another", "x" * 500])))


@pytest.mark.parametrize("new_sites", ["ignore", "observe", "active"])
@pytest.mark.parametrize("seed", range(2))
async def test_no_history_of_odd_events_makes_the_store_fail(
    database_url: str, seed: int, new_sites: str
) -> None:
    rules = FixedRules((a_milestone(1000, key="stars"),), new_sites=new_sites)
    reasons: list[str] = []

    async def keep(_site: str | None, _type: str | None, reason: str, _body: bytes) -> None:
        reasons.append(reason)

    async with opened(database_url) as store, asyncio.TaskGroup() as group:
        await go_live(store, rules)

        async def record(batch: Sequence[Heard]) -> None:
            await observe.hear(store, rules, batch, NOW)

        metrics, odd = Metrics(CollectorRegistry()), Odd(seed)
        inbox = Inbox(record, metrics)
        door = Door(private_key().public_key, lambda: NOW, inbox.take, keep, metrics)
        group.create_task(inbox.run())
        for together in (1, 2, 3, 5, 8, 13, 21, 34, 21, 13, 8, 5, 3, 2, 1):
            await asyncio.gather(*(door.receive(odd.body()) for _ in range(together)))
        inbox.close()
    assert reasons, "some cannot be understood"
    assert [reason for reason in reasons if "Recording" in reason] == []
