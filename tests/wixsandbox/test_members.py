import pytest

from tests.wixsandbox.builders import Shop

ROOT = "/members/v1/members"


async def test_the_default_fieldset_hides_address_and_status(shop: Shop) -> None:
    member = next(iter(shop.sandbox.world.members))
    shown = (await shop.get(f"{ROOT}/{member.id}"))["member"]
    assert "loginEmail" not in shown
    assert shown["status"] == "UNKNOWN"
    full = (await shop.get(f"{ROOT}/{member.id}", fieldsets=["PUBLIC", "FULL"]))["member"]
    assert full["loginEmail"] == member.login_email
    assert full["contactId"] == member.contact_id != member.id
    assert full["contact"] == {**member.contact, "phones": [], "emails": [], "addresses": []}
    await shop.get(f"{ROOT}/{member.id}", status=400, fieldsets="EVERYTHING")
    await shop.get(f"{ROOT}/nobody", status=404)


async def test_members_are_found_by_address_and_sorted_by_sorting(shop: Shop) -> None:
    member = next(iter(shop.sandbox.world.members))
    body = {"query": {"filter": {"loginEmail": member.login_email}}, "fieldsets": ["FULL"]}
    answer = await shop.post(f"{ROOT}/query", body)
    assert [one["id"] for one in answer["members"]] == [member.id]
    assert answer["metadata"] == {"count": 1, "offset": 0, "total": 1, "tooManyToCount": False}
    query = {"sorting": [{"fieldName": "contact.firstName"}], "paging": {"limit": 5, "offset": 2}}
    page = (await shop.post(f"{ROOT}/query", {"query": query, "fieldsets": ["FULL"]}))["members"]
    names = [one["contact"]["firstName"] for one in page]
    assert names == sorted(names)
    assert await shop.violated(f"{ROOT}/query", {"query": {"filter": {"createdDate": "x"}}})
    assert await shop.violated(f"{ROOT}/query", {"query": {"sorting": [{"fieldName": "id"}]}})
    assert await shop.violated(f"{ROOT}/query", {"query": {"paging": {"limit": 101}}})
    listed = await shop.get(ROOT, {"paging.limit": 2, "fieldsets": "FULL"})
    assert len(listed["members"]) == 2
    search = {"search": {"expression": member.login_email.upper()}}
    assert len((await shop.post(f"{ROOT}/query", search))["members"]) == 1


async def test_a_new_member_takes_over_the_contact_of_the_address_and_shows_on_the_account(
    shop: Shop,
) -> None:
    world = shop.sandbox.world
    account = shop.account(lambda one: one.member_id is None)
    contact = world.contacts.get(account.contact_id)
    assert contact is not None
    email = contact.info["emails"]["items"][0]["email"]
    member = (await shop.post(ROOT, {"member": {"loginEmail": email.upper()}}))["member"]
    assert member["contactId"] == contact.id
    assert shop.told() == ["wix.members.v1.member_created", "wix.loyalty.v1.account_updated"]
    shown = (await shop.get(f"/loyalty-accounts/v1/accounts/{account.id}"))["account"]
    assert shown["memberId"] == member["id"]
    assert await shop.refused(ROOT, {"member": {"loginEmail": email}}, status=409) == "ALREADY_EXISTS"
    assert await shop.violated(ROOT, {"member": {}}) == ["member.loginEmail"]


async def test_a_new_member_with_a_new_address_gets_a_contact(shop: Shop) -> None:
    member = {"loginEmail": "new@example.com", "contact": {"firstName": "Ada"}}
    created = (await shop.post(ROOT, {"member": member}))["member"]
    found = await shop.get(f"/contacts/v4/contacts/{created['contactId']}")
    assert found["contact"]["info"]["name"]["first"] == "Ada"
    assert found["contact"]["primaryInfo"]["email"] == "new@example.com"


async def test_a_deleted_member_leaves_contact_and_account(shop: Shop) -> None:
    account = shop.member_account()
    assert await shop.call("DELETE", f"{ROOT}/{account.member_id}") == {}
    assert shop.told() == ["wix.members.v1.member_deleted", "wix.loyalty.v1.account_updated"]
    after = (await shop.get(f"/loyalty-accounts/v1/accounts/{account.id}"))["account"]
    assert "memberId" not in after
    await shop.get(f"/contacts/v4/contacts/{account.contact_id}")


@pytest.mark.parametrize(
    ("verb", "field", "value"),
    [
        ("approve", "status", "APPROVED"),
        ("block", "status", "BLOCKED"),
        ("disconnect", "status", "OFFLINE"),
        ("mute", "activity", "MUTED"),
        ("unmute", "activity", "ACTIVE"),
    ],
)
async def test_a_member_changes_its_standing(shop: Shop, verb: str, field: str, value: str) -> None:
    member = next(iter(shop.sandbox.world.members))
    await shop.post(f"{ROOT}/{member.id}/{verb}")
    assert getattr(shop.sandbox.world.members.get(member.id), field) == value
    assert shop.told() == ["wix.members.v1.member_updated"]


async def test_updates_and_removals_of_details(shop: Shop) -> None:
    member = next(iter(shop.sandbox.world.members))
    body = {
        "member": {
            "contact": {"phones": ["1"], "emails": ["x"], "addresses": ["y"]},
            "privacyStatus": "PUBLIC",
        }
    }
    assert (await shop.call("PATCH", f"{ROOT}/{member.id}", body))["member"]["contact"]["phones"] == ["1"]
    for part in ("addresses", "emails", "phones"):
        shown = (await shop.call("DELETE", f"{ROOT}/{member.id}/{part}"))["member"]
        assert shown["contact"][part] == []
    _, other, *_ = shop.sandbox.world.members
    taken = {"member": {"loginEmail": other.login_email.upper()}}
    assert await shop.refused(f"{ROOT}/{member.id}", taken, status=409, method="PATCH") == "ALREADY_EXISTS"
    shown = (await shop.post(f"{ROOT}/{member.id}/slug", {"slug": "ada"}))["member"]
    assert shown["profile"]["slug"] == "ada"


async def test_bulk_operations_on_members(shop: Shop) -> None:
    first, second, *_ = shop.sandbox.world.members
    for verb in ("block", "approve"):
        answer = await shop.post(f"{ROOT}/bulk/{verb}-by-filter", {"filter": {"id": first.id}})
        assert set(answer) == {"jobId"}
    answer = await shop.post(f"{ROOT}/bulk/delete", {"memberIds": [first.id, "nobody"]})
    assert [one["itemMetadata"]["success"] for one in answer["results"]] == [True, False]
    await shop.post(f"{ROOT}/bulk/delete-by-filter", {"filter": {"id": second.id}})
    assert second.id not in shop.sandbox.world.members
