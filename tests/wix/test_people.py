"""Subscriptions, contacts, members, badges and who has them."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from milestones.wix import assignments, badges, contacts, members, subscriptions
from milestones.wix.errors import WixError
from milestones.wix.subscriptions import Subscription, SubscriptionStatus
from tests.wix.fakes import FakeWix


def subscribed(email: str, status: str = "SUBSCRIBED", deliverability: str = "VALID") -> dict[str, str]:
    return {"id": email, "email": email, "subscriptionStatus": status, "deliverabilityStatus": deliverability}


async def test_consent_is_asked_in_hundreds_by_every_spelling(wix: FakeWix) -> None:
    wix.answers({"subscriptions": []})
    await subscriptions.statuses(wix.client(), [*(f"a{n}@x.y" for n in range(150)), "Ann@X.Y", "ann@x.y", ""])
    asked = [wix.body(index)["filter"]["email"]["$in"] for index in range(len(wix.requests))]
    assert [len(batch) for batch in asked] == [100, 52]
    assert {"Ann@X.Y", "ann@x.y"} <= set(asked[1])
    assert wix.body(0)["paging"] == {"limit": 100, "offset": 0}
    assert "query" not in wix.body(0)


async def test_consent_comes_back_by_folded_address_and_unknown_ones_are_missing(wix: FakeWix) -> None:
    wix.answers(
        {"subscriptions": [subscribed("ANN@x.y"), subscribed("stranger@x.y")], "metadata": {"total": 2}}
    )
    found = await subscriptions.statuses(wix.client(), ["Ann@X.Y", "bob@x.y"])
    assert set(found) == {"ann@x.y"}
    assert found["ann@x.y"].consents


async def test_one_malformed_address_stops_nobody_else(
    wix: FakeWix, refusal: Callable[..., httpx.Response]
) -> None:
    known = {f"a{number}@x.y" for number in range(20)}

    def answer(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)["filter"]["email"]["$in"]
        if "malformed" in asked:
            return refusal(400, fields=["filter"])
        return httpx.Response(200, json={"subscriptions": [subscribed(email) for email in asked]})

    wix.respond = answer
    found = await subscriptions.statuses(wix.client(), [*sorted(known), "malformed"])
    assert set(found) == known


@pytest.mark.parametrize("status", [400, 403, 428])
async def test_when_nothing_passes_nobody_is_taken_for_unsubscribed(
    wix: FakeWix, refusal: Callable[..., httpx.Response], status: int
) -> None:
    wix.answers(refusal(status, "SOME_LIMIT"))
    with pytest.raises(WixError) as caught:
        await subscriptions.statuses(wix.client(), ["a@x.y", "b@x.y", "c@x.y"])
    assert caught.value.status == status


@pytest.mark.parametrize("first", [0, 1])
async def test_of_two_spellings_that_disagree_the_one_that_forbids_counts(wix: FakeWix, first: int) -> None:
    both = [subscribed("Ann@x.y"), subscribed("ann@x.y", "UNSUBSCRIBED")]
    wix.answers({"subscriptions": [both[first], both[1 - first]]})
    assert not (await subscriptions.statuses(wix.client(), ["Ann@x.y"]))["ann@x.y"].consents


async def test_consent_for_a_domain_beyond_ascii_is_asked_under_both_its_names(wix: FakeWix) -> None:
    wix.answers(
        {
            "subscriptions": [
                subscribed("Ann@Müller.example"),
                subscribed("ann@xn--mller-kva.example", "UNSUBSCRIBED"),
            ]
        }
    )
    found = await subscriptions.statuses(wix.client(), ["Ann@Müller.example", "ann@STRAẞE.example"])
    assert [(key, one.consents) for key, one in found.items()] == [("ann@xn--mller-kva.example", False)]
    asked = wix.body()["filter"]["email"]["$in"]
    assert {"Ann@Müller.example", "ann@müller.example", "ann@xn--mller-kva.example"} <= set(asked)
    assert not any("strasse" in one for one in asked)


async def test_a_smaller_page_than_asked_for_is_followed_to_the_total(wix: FakeWix) -> None:
    wix.answers(
        {"subscriptions": [subscribed("a@x.y")], "metadata": {"total": 2}},
        {"subscriptions": [subscribed("b@x.y")], "metadata": {"total": 2}},
    )
    assert set(await subscriptions.statuses(wix.client(), ["a@x.y", "b@x.y"])) == {"a@x.y", "b@x.y"}
    assert wix.body()["paging"]["offset"] == 1


@pytest.mark.parametrize(
    ("status", "deliverability", "consents", "deliverable"),
    [
        ("SUBSCRIBED", "VALID", True, True),
        ("SUBSCRIBED", None, True, True),
        ("SUBSCRIBED", "NOT_SET", True, True),
        ("SUBSCRIBED", "BOUNCED", True, False),
        ("SUBSCRIBED", "SPAM_COMPLAINT", True, False),
        ("SUBSCRIBED", "INACTIVE", True, False),
        ("SUBSCRIBED", "SOMETHING_NEW", True, False),
        ("PENDING", "VALID", False, True),
        ("NOT_SET", "VALID", False, True),
        ("UNSUBSCRIBED", "VALID", False, True),
        ("SOMETHING_NEW", "VALID", False, True),
        (None, None, False, True),
    ],
)
def test_in_doubt_nobody_is_mailed(
    status: Any, deliverability: Any, consents: bool, deliverable: bool
) -> None:
    sent = {"email": "a@x.y", "subscriptionStatus": status, "deliverabilityStatus": deliverability}
    subscription = Subscription.model_validate(sent)
    assert (subscription.consents, subscription.deliverable) == (consents, deliverable)


async def test_a_person_is_unsubscribed(wix: FakeWix) -> None:
    wix.answers({"subscription": subscribed("a@x.y", "UNSUBSCRIBED")})
    kept = await subscriptions.upsert(wix.client(), "a@x.y", SubscriptionStatus.UNSUBSCRIBED)
    assert kept.subscription_status is SubscriptionStatus.UNSUBSCRIBED
    assert wix.body() == {"subscription": {"email": "a@x.y", "subscriptionStatus": "UNSUBSCRIBED"}}


async def test_a_link_to_unsubscribe_is_asked_again_when_wix_fails(wix: FakeWix) -> None:
    wix.answers(httpx.Response(500), {"link": "https://wix.test/u"})
    assert await subscriptions.unsubscribe_link(wix.client(), "a@x.y", language="de") == "https://wix.test/u"
    assert wix.body() == {"emailAddress": "a@x.y", "language": "de"}


async def test_a_contact_is_found_by_any_spelling_and_its_main_address_wins(wix: FakeWix) -> None:
    second = {
        "id": "1",
        "info": {"emails": {"items": [{"email": "a@x.y"}, {"email": "main@x.y", "primary": True}]}},
    }
    main = {"id": "2", "revision": 4, "primaryInfo": {"email": "A@x.y"}}
    wix.answers({"contacts": [second, main, {"id": "0"}]})
    found = await contacts.find_by_email(wix.client(), "A@X.y")
    assert found is not None
    assert (found.id, found.revision, found.email) == ("2", 4, "A@x.y")
    assert wix.body()["query"]["filter"] == {"info.emails.email": {"$in": ["A@X.y", "a@x.y"]}}
    wix.answers({"contacts": [second]})
    found = await contacts.find_by_email(wix.client(), "a@x.y")
    assert found is not None
    assert (found.id, found.email) == ("1", "main@x.y")
    assert await contacts.find_by_email(wix.client(), "nobody@x.y") is None


async def test_a_contact_is_made_with_what_is_known(wix: FakeWix) -> None:
    wix.answers({"contact": {"id": "c", "revision": 1}})
    await contacts.create(wix.client(), "a@x.y", first_name="Ann", phone="030 1234")
    assert wix.body() == {
        "info": {
            "emails": {"items": [{"tag": "UNTAGGED", "email": "a@x.y", "primary": True}]},
            "phones": {"items": [{"tag": "UNTAGGED", "phone": "030 1234", "primary": True}]},
            "name": {"first": "Ann"},
        },
        "allowDuplicates": False,
    }


async def test_contacts_and_members_are_read(wix: FakeWix) -> None:
    wix.answers({"contact": {"id": "target", "primaryEmail": {"email": "a@x.y"}}, "responseType": "MERGED"})
    assert (await contacts.get(wix.client(), "source")).id == "target"
    wix.answers({"member": {"id": "m", "contactId": "c", "status": "APPROVED"}})
    assert (await members.get(wix.client(), "m")).contact_id == "c"
    assert wix.requests[-1].url.params["fieldsets"] == "FULL"
    wix.answers({"members": [{"id": "m", "contactId": "c"}], "metadata": {"total": 1}})
    member = await members.find_by_contact(wix.client(), "c")
    assert member is not None
    assert wix.body()["fieldsets"] == ["FULL"]


async def test_a_badge_is_found_by_exactly_its_title(wix: FakeWix) -> None:
    rows = [{"id": "3", "title": "Star"}, {"id": "2", "title": "Star"}, {"id": "1", "title": "Star customer"}]
    wix.answers({"badges": rows})
    found = await badges.find_by_title(wix.client(), "Star")
    assert found is not None
    assert found.id == "2"
    assert await badges.find_by_title(wix.client(), "star") is None


async def test_a_badge_is_made_with_colours(wix: FakeWix) -> None:
    wix.answers({"badge": {"id": "b", "title": "Star", "revision": "1"}})
    await badges.create(wix.client(), "Star", description="1,000 stars")
    assert wix.body() == {
        "badge": {
            "title": "Star",
            "description": "1,000 stars",
            "backgroundColor": "#796EFF",
            "textColor": "#FFFFFF",
        }
    }


async def test_a_badge_is_given_looked_for_and_taken(wix: FakeWix) -> None:
    wix.answers({"badgeAssignment": {"id": "as", "badgeId": "b", "memberId": "m"}})
    assert (await assignments.create(wix.client(), "b", "m")).id == "as"
    assert wix.body() == {"badgeAssignment": {"badgeId": "b", "memberId": "m"}}
    wix.answers({"badgeAssignments": [{"id": "as", "badgeId": "b", "memberId": "m"}]})
    assert await assignments.find(wix.client(), "b", "m") is not None
    assert wix.body()["query"]["filter"] == {"badgeId": {"$in": ["b"]}, "memberId": {"$in": ["m"]}}
    assert await assignments.find(wix.client(), "b", "other") is None
    await assignments.delete(wix.client(), "as")
    assert wix.requests[-1].url.path == "/badges/v4/assignments/as"
