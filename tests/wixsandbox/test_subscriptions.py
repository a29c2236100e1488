import pytest

from tests.wixsandbox.builders import Shop

ROOT = "/email-marketing/v1/email-subscriptions"


async def test_consent_is_asked_in_batches_and_unknown_addresses_are_missing(shop: Shop) -> None:
    known = [one.email for one in shop.sandbox.world.subscriptions][:3]
    filter_ = {"email": {"$in": [*known, "nobody@example.com"]}}
    answer = await shop.post(f"{ROOT}/query", {"filter": filter_, "paging": {"limit": 100}})
    assert {one["email"] for one in answer["subscriptions"]} == set(known)
    assert answer["metadata"] == {"count": 3, "offset": 0, "total": 3, "tooManyToCount": False}
    assert set(answer["subscriptions"][0]) == {
        "id", "email", "subscriptionStatus", "deliverabilityStatus", "updatedDate",
    }  # fmt: skip


async def test_addresses_are_the_same_in_any_case_unless_switched(shop: Shop) -> None:
    email = next(iter(shop.sandbox.world.subscriptions)).email
    body = {"filter": {"email": {"$in": [email.upper()]}}}
    assert len((await shop.post(f"{ROOT}/query", body))["subscriptions"]) == 1
    shop.switch(emails_ignore_case=False)
    assert (await shop.post(f"{ROOT}/query", body))["subscriptions"] == []


@pytest.mark.parametrize(
    "filter_",
    [
        {},
        {"email": "a@example.com"},
        {"email": {"$eq": "a@example.com"}},
        {"email": {"$in": "a@example.com"}},
        {"email": {"$in": [1]}},
        {"email": {"$in": ["a@example.com"] * 101}},
        {"subscriptionStatus": {"$in": ["SUBSCRIBED"]}},
    ],
)
async def test_only_email_in_is_understood(shop: Shop, filter_: dict[str, object]) -> None:
    assert await shop.violated(f"{ROOT}/query", {"filter": filter_})


async def test_there_is_no_query_wrapper(shop: Shop) -> None:
    assert await shop.violated(f"{ROOT}/query", {"query": {"filter": {"email": {"$in": []}}}}) == ["filter"]


async def test_an_upsert_changes_what_is_given_and_tells_an_event_without_id_or_time(shop: Shop) -> None:
    body = {"subscription": {"email": "New@example.com", "subscriptionStatus": "SUBSCRIBED"}}
    subscription = (await shop.post(ROOT, body))["subscription"]
    assert subscription["deliverabilityStatus"] == "NOT_SET"
    (event,) = shop.events
    assert event.type == "com.wixpress.emailsubscriptions.v1.EmailSubscriptionChanged"
    assert event.data == {"subscription": subscription}
    body = {"subscription": {"email": "new@example.com", "deliverabilityStatus": "BOUNCED"}}
    again = (await shop.post(ROOT, body))["subscription"]
    assert (again["id"], again["subscriptionStatus"]) == (subscription["id"], "SUBSCRIBED")
    assert (await shop.get(f"{ROOT}/{again['id']}"))["subscription"] == again
    assert await shop.violated(ROOT, {"subscription": {"email": "nonsense"}}) == ["subscription.email"]


async def test_whether_unsubscribed_can_be_overwritten_is_a_switch(shop: Shop) -> None:
    gone = next(one for one in shop.sandbox.world.subscriptions if one.status == "UNSUBSCRIBED")
    body = {"subscription": {"email": gone.email, "subscriptionStatus": "SUBSCRIBED"}}
    shop.switch(subscribe_again="refuse")
    await shop.refused(ROOT, body, status=428)
    shop.switch(subscribe_again="accept")
    assert (await shop.post(ROOT, body))["subscription"]["subscriptionStatus"] == "SUBSCRIBED"


async def test_the_bulk_upsert_answers_in_one_of_two_shapes(shop: Shop) -> None:
    items = [{"email": "a@example.com", "subscriptionStatus": "SUBSCRIBED"}, {"email": "nonsense"}]
    answer = await shop.post(f"{ROOT}/bulk", {"subscriptions": items})
    assert answer["results"][0]["emailSubscription"]["email"] == "a@example.com"
    assert answer["results"][1]["error"]["errorCode"] == "INVALID_ARGUMENT"
    assert answer["metadata"] == {"totalSuccess": 1, "totalFailure": 1}
    shop.switch(bulk_email_answer="subscriptions")
    answer = await shop.post(f"{ROOT}/bulk", {"subscriptions": items})
    assert [one["email"] for one in answer["subscriptions"]] == ["a@example.com"]


async def test_wixs_own_link_unsubscribes_only_when_confirmed(shop: Shop) -> None:
    email = next(one for one in shop.sandbox.world.subscriptions if one.status == "SUBSCRIBED").email
    link = (await shop.post(f"{ROOT}/unsubscribe-link", {"emailAddress": email, "language": "de"}))["link"]
    path = link[link.index("/_sandbox") :]

    def status() -> str:
        found = shop.sandbox.world.subscriptions.find("email", email)
        assert found is not None
        return found.status

    await shop.client.get(path)
    assert status() == "SUBSCRIBED"
    await shop.client.post(path)
    assert status() == "UNSUBSCRIBED"
    assert (await shop.client.get("/_sandbox/unsubscribe/nonsense")).status_code == 404


async def test_how_long_a_link_lives_is_a_switch(shop: Shop) -> None:
    email = next(one for one in shop.sandbox.world.subscriptions if one.status == "SUBSCRIBED").email
    link = (await shop.post(f"{ROOT}/unsubscribe-link", {"emailAddress": email}))["link"]
    path = link[link.index("/_sandbox") :]
    shop.clock.pass_(86_400)
    assert (await shop.client.get(path)).status_code == 200
    shop.switch(unsubscribe_link_seconds=3600)
    assert (await shop.client.get(path)).status_code == 410
    assert (await shop.client.post(path)).status_code == 410
