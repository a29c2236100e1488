from tests.wixsandbox.builders import Shop

ROOT = "/loyalty-transactions/v1/loyalty-transactions"


async def test_a_lost_earn_is_found_by_its_idempotency_key(shop: Shop) -> None:
    account = shop.account()
    body = {"amount": 5, "appId": "app", "idempotencyKey": "grant-1", "orderId": "o", "activityType": "like"}
    answer = await shop.post(f"/loyalty-accounts/v1/accounts/{account.id}/earn-points", body)
    query = {"query": {"filter": {"idempotencyKey": "grant-1"}}}
    found = await shop.post(f"{ROOT}/query", query)
    (transaction,) = found["loyaltyTransactions"]
    assert transaction == {
        "id": answer["transactionId"],
        "accountId": account.id,
        "createdDate": "2026-11-20T09:00:00.000Z",
        "amount": 5,
        "transactionType": "EARN",
        "idempotencyKey": "grant-1",
        "earnInfo": {"appId": "app", "activityType": "like", "orderId": "o"},
    }
    assert found["pagingMetadata"] == {"count": 1, "cursors": {}, "hasNext": False}


async def test_the_record_of_a_key_is_shorter_than_the_call_allows(shop: Shop) -> None:
    path = f"/loyalty-accounts/v1/accounts/{shop.account().id}/earn-points"
    await shop.post(path, {"amount": 5, "appId": "app", "idempotencyKey": "k" * 256})
    found = await shop.post(f"{ROOT}/query", {"query": {"filter": {"idempotencyKey": "k" * 128}}})
    assert len(found["loyaltyTransactions"]) == 1


async def test_transactions_are_filtered_and_sorted(shop: Shop) -> None:
    account = shop.account()
    for number in range(4):
        await shop.post("/_sandbox/purchase", {"account_id": account.id, "points": 10 * (number + 1)})
    await shop.post("/_sandbox/expire", {"account_id": account.id, "points": 7})
    filter_ = {"accountId": account.id, "transactionType": "EARN", "amount": {"$gte": 20}}
    query = {"filter": filter_, "sort": [{"fieldName": "amount", "order": "DESC"}]}
    found = (await shop.post(f"{ROOT}/query", {"query": query}))["loyaltyTransactions"]
    assert [one["amount"] for one in found] == [40, 30, 20]
    assert found[0]["earnInfo"]["activityType"] == "stores/OrderPaid"
    query = {"filter": {"transactionType": "EXPIRE"}}
    (expired,) = (await shop.post(f"{ROOT}/query", {"query": query}))["loyaltyTransactions"]
    assert expired["expireInfo"]["amountBefore"] - expired["expireInfo"]["amountAfter"] == 7
    assert await shop.violated(f"{ROOT}/query", {"query": {"filter": {"earnInfo.orderId": "x"}}})
    await shop.get(f"{ROOT}/nobody", status=404)
    assert (await shop.post(f"{ROOT}/query"))["loyaltyTransactions"]


async def test_an_amount_adjustment_may_come_back_under_another_type(shop: Shop) -> None:
    shop.switch(amount_adjustment_type="GIVE")
    path = f"/loyalty-accounts/v1/accounts/{shop.account().id}/adjust-points"
    await shop.post(path, {"amount": 5, "description": "sorry"})
    (one,) = (await shop.post(f"{ROOT}/query"))["loyaltyTransactions"]
    assert (one["transactionType"], one["description"]) == ("GIVE", "sorry")


async def test_orders_earn_by_the_rule_of_the_shop_and_rounding_is_a_switch(shop: Shop) -> None:
    account = shop.account()

    async def earned(money: float) -> int:
        before = shop.sandbox.world.accounts.get(account.id)
        answer = await shop.post("/_sandbox/purchase", {"account_id": account.id, "money": money})
        assert before is not None
        return int(answer["account"]["points"]["balance"]) - before.balance

    assert await earned(4.99) == 49
    shop.switch(conversion_rounding="whole_units")
    assert await earned(4.99) == 40
    (rule,) = shop.sandbox.world.earning_rules
    fixed = {name: value for name, value in rule.items() if name != "conversionRate"}
    shop.sandbox.world.earning_rules.put({**fixed, "fixedAmount": {"configs": [{"points": 3}]}})
    assert await earned(100) == 3
    shop.sandbox.world.earning_rules.put({**rule, "status": "PAUSED"})
    assert await earned(100) == 0


async def test_a_rule_that_gives_points_for_next_to_nothing_breaks_no_order(shop: Shop) -> None:
    (rule,) = shop.sandbox.world.earning_rules
    amount = {"configs": [{"moneyAmount": 5e-324, "points": 2}]}
    body = {"earningRule": {"revision": "1", "conversionRate": amount}}
    await shop.call("PUT", f"/_api/loyalty-earning-rules/v1/earning-rules/{rule['id']}", body)
    account = shop.account()
    for rounding in ("linear", "whole_units"):
        shop.switch(conversion_rounding=rounding)
        answer = await shop.post("/_sandbox/purchase", {"account_id": account.id, "money": 100})
        assert answer["account"]["points"]["earned"] > account.earned


async def test_whether_expired_points_leave_the_balance_is_a_switch(shop: Shop) -> None:
    account = shop.account(lambda one: one.balance > 100)
    answer = await shop.post("/_sandbox/expire", {"account_id": account.id, "points": 10})
    assert answer["account"]["points"]["balance"] == account.balance - 10
    shop.switch(expired_points_in_balance=False)
    answer = await shop.post("/_sandbox/expire", {"account_id": account.id, "points": 10})
    assert answer["account"]["points"]["expired"] == 20
    assert answer["account"]["points"]["balance"] == account.balance
