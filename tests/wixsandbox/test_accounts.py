from tests.wixsandbox.builders import Shop
from wixsandbox.records import Account

ROOT = "/loyalty-accounts/v1/accounts"


async def test_an_account_has_the_fields_of_the_fact_sheet(shop: Shop) -> None:
    account = shop.member_account()
    answer = (await shop.get(f"{ROOT}/{account.id}"))["account"]
    assert set(answer) == {
        "id", "contactId", "memberId", "points", "rewardAvailable", "createdDate", "updatedDate",
        "lastActivityDate", "revision", "tier", "contact",
    }  # fmt: skip
    assert set(answer["points"]) == {"balance", "earned", "adjusted", "redeemed", "expired"}
    assert answer["revision"] == str(account.revision)
    assert set(answer["contact"]) == {"id", "name", "email", "displayName"}
    assert answer["contact"]["displayName"] != answer["contact"]["name"], "else nobody sees which one is read"
    assert answer["updatedDate"].endswith("Z")


async def test_an_account_without_a_member_leaves_the_field_out(shop: Shop) -> None:
    account = shop.account(lambda one: one.member_id is None)
    assert "memberId" not in (await shop.get(f"{ROOT}/{account.id}"))["account"]


async def test_an_account_that_is_not_there_answers_404(shop: Shop) -> None:
    body = await shop.get(f"{ROOT}/nobody", status=404)
    assert body["details"]["applicationError"]["code"] == "NOT_FOUND"


async def test_balance_is_earned_plus_adjusted_minus_redeemed(shop: Shop) -> None:
    for account in shop.sandbox.world.accounts:
        assert account.balance == account.earned + account.adjusted - account.redeemed >= 0


async def test_fetch_by_takes_exactly_one_of_contact_and_member(shop: Shop) -> None:
    account = shop.member_account()
    for given in ({"contactId": account.contact_id}, {"memberId": str(account.member_id)}):
        assert (await shop.get(f"{ROOT}/fetch-by", given))["account"]["id"] == account.id
    await shop.get(f"{ROOT}/fetch-by", status=400)
    await shop.get(f"{ROOT}/fetch-by", status=400, contactId=account.contact_id, memberId="x")
    await shop.get(f"{ROOT}/fetch-by", status=400, contactId="x" * 51)
    await shop.get(f"{ROOT}/fetch-by", status=404, contactId="")


async def test_an_absent_account_answers_404_or_nothing_by_switch(shop: Shop) -> None:
    await shop.get(f"{ROOT}/fetch-by", status=404, contactId="nobody")
    shop.switch(missing_account="empty")
    assert await shop.get(f"{ROOT}/fetch-by", contactId="nobody") == {}


async def test_an_account_is_opened_once_for_a_contact_with_balance_0(shop: Shop) -> None:
    world = shop.sandbox.world
    contact = next(one for one in world.contacts if world.accounts.find("contactId", one.id) is None)
    account = (await shop.post(ROOT, {"contactId": contact.id}))["account"]
    assert account["points"]["balance"] == 0
    assert shop.told() == ["wix.loyalty.v1.account_created"]
    assert await shop.refused(ROOT, {"contactId": contact.id}, status=409) == "ALREADY_EXISTS"
    shop.switch(existing_account="return")
    assert (await shop.post(ROOT, {"contactId": contact.id}))["account"]["id"] == account["id"]
    assert await shop.violated(ROOT, {"contactId": "x"}) == ["contactId"]
    assert await shop.violated(ROOT, {}) == ["contactId"]
    assert await shop.refused(ROOT, {"contactId": account["id"]}, status=404) == "NOT_FOUND"


async def test_list_takes_contacts_and_pages(shop: Shop) -> None:
    contacts = [one.contact_id for one, _ in zip(shop.sandbox.world.accounts, range(3), strict=False)]
    answer = await shop.get(ROOT, contactIds=contacts)
    assert {one["contactId"] for one in answer["accounts"]} == set(contacts)
    answer = await shop.get(ROOT, contactIds=contacts[0])
    assert len(answer["accounts"]) == 1
    first = await shop.get(ROOT, {"contactIds": contacts, "cursorPaging.limit": 2})
    cursor = first["pagingMetadata"]["cursors"]["next"]
    rest = await shop.get(ROOT, {"cursorPaging.limit": 7, "cursorPaging.cursor": cursor})
    assert {one["contactId"] for one in first["accounts"] + rest["accounts"]} == set(contacts)
    page = await shop.get(ROOT, {"cursorPaging.limit": 7})
    assert len(page["accounts"]) == 7
    cursor = page["pagingMetadata"]["cursors"]["next"]
    assert (await shop.get(ROOT, {"cursorPaging.limit": 7, "cursorPaging.cursor": cursor}))["accounts"]


async def test_totals_are_sums_over_all_accounts(shop: Shop) -> None:
    answer = await shop.get(f"{ROOT}/program-totals")
    accounts: list[Account] = list(shop.sandbox.world.accounts)
    assert answer["points"]["balance"] == sum(one.balance for one in accounts)
    assert sum(one["numberOfAccounts"] for one in answer["tierTotals"]) == len(accounts)
