from typing import Any

import pytest

from tests.wixsandbox.builders import Shop
from wixsandbox.records import Contact, primary_email

ROOT = "/contacts/v4/contacts"


def info(email: str = "new@example.com", first: str = "Ada") -> dict[str, Any]:
    items = [{"tag": "MAIN", "email": email, "primary": True}]
    return {"name": {"first": first, "last": "Byron"}, "emails": {"items": items}}


async def create(shop: Shop, email: str = "new@example.com") -> dict[str, Any]:
    contact: dict[str, Any] = (await shop.post(ROOT, {"info": info(email)}))["contact"]
    return contact


def a_contact(shop: Shop, *, member: bool) -> Contact:
    world = shop.sandbox.world
    return next(
        one
        for one in world.contacts
        if primary_email(one) and (world.members.find("contactId", one.id) is not None) is member
    )


async def test_a_contact_shows_its_consent_and_a_numeric_revision(shop: Shop) -> None:
    contact = await create(shop)
    assert contact["revision"] == 1
    assert contact["primaryInfo"] == {"email": "new@example.com"}
    assert contact["primaryEmail"] == {
        "email": "new@example.com",
        "subscriptionStatus": "NO_SUBSCRIPTION_STATUS",
        "deliverabilityStatus": "NOT_SET",
    }
    assert contact["info"]["emails"]["items"][0]["tag"] == "MAIN"
    assert shop.told() == ["wix.contacts.v4.contact_created"]
    answer = await shop.get(f"{ROOT}/{contact['id']}")
    assert answer == {"contact": contact, "responseType": "REGULAR"}


async def test_a_mail_that_another_contact_has_is_refused_unless_allowed(shop: Shop) -> None:
    contact = await create(shop)
    body = await shop.call("POST", ROOT, {"info": info("NEW@example.com")}, status=409)
    error = body["details"]["applicationError"]
    assert error["code"] == "DUPLICATE_CONTACT_EXISTS"
    assert error["data"] == {"duplicateContactId": contact["id"], "duplicateEmail": "NEW@example.com"}
    await shop.post(ROOT, {"info": info(), "allowDuplicates": True})


async def test_a_contact_needs_a_name_a_phone_or_a_mail(shop: Shop) -> None:
    assert await shop.refused(ROOT, {"info": {"company": "x"}}, status=400) == "INSUFFICIENT_CONTACT_DATA"
    assert await shop.violated(ROOT, {}) == ["info"]
    assert await shop.violated(ROOT, {"info": info("nonsense")}) == ["info.emails.items.0.email"]
    assert await shop.violated(ROOT, {"info": {**info(), "name": "Ada"}}) == ["info.name"]
    assert await shop.violated(ROOT, {"info": {**info(), "labelKeys": 5}}) == ["info.labelKeys"]


async def test_a_contact_that_is_not_there_has_a_code_of_its_own(shop: Shop) -> None:
    body = await shop.get(f"{ROOT}/nobody", status=404)
    assert body["details"]["applicationError"]["code"] == "CONTACT_NOT_FOUND"


async def test_contacts_are_found_by_mail_with_offset_paging(shop: Shop) -> None:
    contact = await create(shop)
    for field in ("primaryInfo.email", "info.emails.email"):
        query = {"filter": {field: "new@example.com"}, "paging": {"limit": 10}}
        answer = await shop.post(f"{ROOT}/query", {"query": query})
        assert [one["id"] for one in answer["contacts"]] == [contact["id"]]
        assert answer["pagingMetadata"] == {"count": 1, "offset": 0, "total": 1, "tooManyToCount": False}
    filter_ = {"info.extendedFields.emailSubscriptions.subscriptionStatus": "SUBSCRIBED"}
    answer = await shop.post(f"{ROOT}/query", {"query": {"filter": filter_, "paging": {"limit": 1000}}})
    assert {one["primaryEmail"]["subscriptionStatus"] for one in answer["contacts"]} == {"SUBSCRIBED"}


@pytest.mark.parametrize("field", ["primaryInfo.email", "info.emails.email", "info.labelKeys.items"])
async def test_contacts_are_found_by_what_they_do_not_have(shop: Shop, field: str) -> None:
    await create(shop)
    info = {"phones": {"items": [{"phone": "030"}]}, "labelKeys": {"items": ["custom.a"]}}
    bare = info if field != "info.labelKeys.items" else {"name": {"first": "A"}}
    other = (await shop.post(ROOT, {"info": bare}))["contact"]
    total = len(shop.sandbox.world.contacts)
    for exists in (False, True):
        query = {"filter": {field: {"$exists": exists}}, "paging": {"limit": 1000}}
        found = [one["id"] for one in (await shop.post(f"{ROOT}/query", {"query": query}))["contacts"]]
        assert (other["id"] in found) is not exists
        assert 0 < len(found) < total or field == "info.labelKeys.items"


async def test_limits_and_sorting_of_contacts_have_codes_of_their_own(shop: Shop) -> None:
    body: dict[str, Any] = {"query": {"paging": {"limit": 1001}}}
    assert await shop.refused(f"{ROOT}/query", body, status=400) == "ILLEGAL_LIMIT"
    body = {"query": {"sort": [{"fieldName": "info.birthdate"}]}}
    assert await shop.refused(f"{ROOT}/query", body, status=400) == "UNSUPPORTED_SORT_FIELD"
    assert len((await shop.get(ROOT))["contacts"]) == 50
    page = await shop.get(ROOT, {"paging.limit": 3, "sort.fieldName": "info.name.last", "sort.order": "ASC"})
    names = [one["info"]["name"]["last"] for one in page["contacts"]]
    assert names == sorted(names)


async def test_fieldsets_leave_things_out(shop: Shop) -> None:
    contact = await create(shop)
    basic = (await shop.get(f"{ROOT}/{contact['id']}", fieldsets="BASIC"))["contact"]
    assert "primaryEmail" not in basic
    assert set(basic["info"]) == {"name"}
    both = await shop.get(f"{ROOT}/{contact['id']}", fieldsets=["BASIC", "COMMUNICATION_DETAILS"])
    assert set(both["contact"]["info"]) == {"name", "emails"}


async def test_an_update_needs_the_present_revision_and_reaches_the_account(shop: Shop) -> None:
    contact = a_contact(shop, member=True)
    path = f"{ROOT}/{contact.id}"
    body = {"info": {"name": {"first": "Eve"}}, "revision": contact.revision + 1}
    assert await shop.refused(path, body, status=409, method="PATCH") == "CONTACT_ALREADY_CHANGED"
    body["revision"] = contact.revision
    changed = (await shop.call("PATCH", path, body))["contact"]
    assert changed["revision"] == contact.revision + 1
    assert shop.told() == ["wix.contacts.v4.contact_updated", "wix.loyalty.v1.account_updated"]
    account = shop.sandbox.world.accounts.find("contactId", contact.id)
    assert account is not None
    shown = (await shop.get(f"/loyalty-accounts/v1/accounts/{account.id}"))["account"]
    assert shown["contact"]["name"] == "Eve"
    assert shown["contact"]["email"] == primary_email(contact)


async def test_a_member_cannot_be_deleted_as_a_contact(shop: Shop) -> None:
    path = f"{ROOT}/{a_contact(shop, member=True).id}"
    body = await shop.call("DELETE", path, status=409)
    assert body["details"]["applicationError"]["code"] == "CANNOT_DELETE_MEMBER"
    gone = a_contact(shop, member=False)
    assert await shop.call("DELETE", f"{ROOT}/{gone.id}") == {}
    assert shop.told() == ["wix.contacts.v4.contact_deleted"]
    assert shop.sandbox.world.accounts.find("contactId", gone.id) is None


async def test_labels_come_and_go(shop: Shop) -> None:
    contact = await create(shop)
    path = f"{ROOT}/{contact['id']}/labels"
    labelled = (await shop.post(path, {"labelKeys": ["vip", "new"]}))["contact"]
    assert labelled["info"]["labelKeys"]["items"] == ["vip", "new"]
    assert (await shop.get(f"{ROOT}/facets"))["facets"][0]["values"][1] == {"value": "vip", "count": 1}
    left = (await shop.call("DELETE", path, labelKeys="vip"))["contact"]
    assert left["info"]["labelKeys"]["items"] == ["new"]
    query = {"query": {"filter": {"info.labelKeys.items": {"$hasSome": ["new"]}}}}
    assert len((await shop.post(f"{ROOT}/query", query))["contacts"]) == 1


async def test_a_merge_tells_updated_deleted_and_merged_and_moves_the_points(shop: Shop) -> None:
    world = shop.sandbox.world
    target, source = a_contact(shop, member=True), a_contact(shop, member=False)
    own, other = (world.accounts.find("contactId", one.id) for one in (target, source))
    assert own is not None
    assert other is not None
    preview = await shop.post(f"{ROOT}/{target.id}/preview-merge", {"sourceContactIds": [source.id]})
    body = {"targetContactRevision": target.revision, "sourceContactIds": [source.id]}
    merged = (await shop.post(f"{ROOT}/{target.id}/merge", body))["contact"]
    assert preview["contact"]["info"]["emails"] == merged["info"]["emails"]
    assert [event.type.removeprefix("wix.contacts.v4.contact_") for event in shop.events[:3]] == [
        "updated", "deleted", "merged",
    ]  # fmt: skip
    assert [event.data.get("originatedFrom") for event in shop.events[:3]] == ["merge", "merge", None]
    assert shop.events[2].data["actionEvent"]["body"]["sourceContactIds"] == [source.id]
    after = world.accounts.get(own.id)
    assert after is not None
    assert after.balance == own.balance + other.balance
    answer = await shop.get(f"{ROOT}/{source.id}")
    assert (answer["responseType"], answer["contact"]["id"]) == ("MERGED", target.id)


async def test_points_are_merged_once_however_often_a_source_is_named(shop: Shop) -> None:
    world = shop.sandbox.world
    target, source = a_contact(shop, member=True), a_contact(shop, member=False)
    own, other = (world.accounts.find("contactId", one.id) for one in (target, source))
    assert own is not None
    assert other is not None
    await shop.post(f"{ROOT}/{target.id}/merge", {"sourceContactIds": [source.id, source.id, target.id]})
    after = world.accounts.get(own.id)
    assert after is not None
    assert after.balance == own.balance + other.balance
    path = f"{ROOT}/{target.id}/merge"
    assert await shop.violated(path, {"sourceContactIds": [target.id]}) == ["sourceContactIds"]


async def test_a_contact_that_was_merged_twice_is_found_where_it_is_now(shop: Shop) -> None:
    first, second, third = [(await create(shop, f"{number}@example.com"))["id"] for number in range(3)]
    await shop.post(f"{ROOT}/{second}/merge", {"sourceContactIds": [first]})
    await shop.post(f"{ROOT}/{third}/merge", {"sourceContactIds": [second]})
    answer = await shop.get(f"{ROOT}/{first}")
    assert (answer["responseType"], answer["contact"]["id"]) == ("MERGED", third)


async def test_a_member_can_only_be_the_target_of_a_merge(shop: Shop) -> None:
    target, source = a_contact(shop, member=False), a_contact(shop, member=True)
    await shop.refused(f"{ROOT}/{target.id}/merge", {"sourceContactIds": [source.id]}, status=409)


async def test_an_erased_person_is_gone_everywhere_and_the_events_say_why(shop: Shop) -> None:
    contact = a_contact(shop, member=True)
    email = str(primary_email(contact))
    info = {"emails": {"items": [*contact.info["emails"]["items"], {"email": "second@example.com"}]}}
    await shop.call("PATCH", f"{ROOT}/{contact.id}", {"info": info, "revision": contact.revision})
    consent = {"email": "second@example.com", "subscriptionStatus": "SUBSCRIBED"}
    await shop.post("/email-marketing/v1/email-subscriptions", {"subscription": consent})
    asked = await shop.post(
        "/email-marketing/v1/email-subscriptions/unsubscribe-link", {"emailAddress": email}
    )
    await shop.post("/_sandbox/erase", {"contact_id": contact.id})
    last = shop.events[-1]
    assert last.type == "wix.contacts.v4.contact_deleted"
    assert last.data["triggeredByAnonymizeRequest"] is True
    state = (await shop.client.get("/_sandbox/state")).text
    assert email not in state
    assert "second@example.com" not in state
    assert (await shop.client.post(asked["link"])).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("delete", {}),
        ("update", {"info": {"company": "x"}}),
        ("add-remove-labels", {"labelKeysToAdd": ["vip"]}),
    ],
)
async def test_bulk_jobs_need_a_filter_or_a_search(shop: Shop, path: str, body: dict[str, Any]) -> None:
    root = f"/contacts/v4/bulk/contacts/{path}"
    assert await shop.refused(root, body, status=400) == "NEITHER_FILTER_NOR_SEARCH"
    gone = a_contact(shop, member=False)
    answer = await shop.post(root, {**body, "filter": {"id": gone.id}})
    assert set(answer) == {"jobId"}
    after = shop.sandbox.world.contacts.get(gone.id)
    assert (after is None) is (path == "delete")
    assert after is None or after.revision == gone.revision + 1
