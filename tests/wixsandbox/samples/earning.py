"""The program, its earning rules, accounts and transactions."""

from tests.wixsandbox.builders import LOYALTY_APP, Shop
from tests.wixsandbox.samples.sample import FORBIDDEN, Sample, cursor_query

RULE = {
    "sourceAppId": LOYALTY_APP,
    "triggerAppId": "reviews",
    "triggerActivityType": "reviews/Created",
    "title": "Write a review",
    "status": "ACTIVE",
    "fixedAmount": {"configs": [{"points": 50, "tierId": ""}]},
}


def samples(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    account = shop.account(lambda one: one.balance >= 500)
    stranger = next(one for one in world.contacts if world.accounts.find("contactId", one.id) is None)
    rule = {"id": next(iter(world.earning_rules))["id"]}
    automated = {**RULE, "id": LOYALTY_APP, "triggerAppId": "birthdays", "revision": "1", "automated": True}
    world.earning_rules.put(automated)
    text = {"mode": "AND", "expression": "a", "fields": ["contact.email"], "fuzzy": True}
    search = {
        **cursor_query({"points.balance": {"$gte": 1}}, "updatedDate"),
        "search": text,
        "timeZone": "UTC",
    }
    booked = next(iter(world.transactions)).id
    icon = {"customName": "Stars", "icon": {"id": "i"}}
    expiry = {"monthsOfInactivity": 4, "expiringPointsPercentage": 50}
    return {
        "getLoyaltyProgram": Sample(),
        "updateLoyaltyProgram": Sample(
            body={"loyaltyProgram": {"name": "Club", "pointDefinition": icon, "pointsExpiration": expiry}}
        ),
        "activateLoyaltyProgram": Sample(body={}),
        "pauseLoyaltyProgram": Sample(body={}),
        "getLoyaltyProgramPremiumFeatures": Sample(),
        "enablePointsExpiration": Sample(body={}),
        "disablePointsExpiration": Sample(body={}),
        "bulkGetLoyaltyProgram": FORBIDDEN,
        "createLoyaltyEarningRule": Sample(body={"earningRule": RULE}),
        "createCustomLoyaltyEarningRule": Sample(
            body={
                "type": "BIRTHDAY",
                "earningRule": {"title": "Birthday", "fixedAmount": RULE["fixedAmount"]},
            }
        ),
        "listEarningRules": Sample(query={"triggerAppId": "reviews", "triggerActivityType": "x"}),
        "getLoyaltyEarningRule": Sample(path=rule),
        "updateLoyaltyEarningRule": Sample(
            path={"earningRuleId": rule["id"]},
            body={
                "earningRule": {
                    "title": "Order",
                    "status": "PAUSED",
                    "revision": "1",
                    "conversionRate": {
                        "configs": [{"moneyAmount": 2.5, "points": 3, "tierId": ""}],
                        "field": "total",
                    },
                }
            },
        ),
        "deleteLoyaltyEarningRule": Sample(path=rule, query={"revision": "1"}),
        "bulkCreateLoyaltyEarningRules": Sample(body={"earningRules": [RULE]}),
        "deleteAutomationEarningRule": Sample(path={"id": LOYALTY_APP}),
        "createAccount": Sample(body={"contactId": stranger.id}),
        "listAccounts": Sample(query={"contactIds": [account.contact_id], "cursorPaging.limit": "5"}),
        "getAccountBySecondaryId": Sample(query={"contactId": account.contact_id}),
        "getCurrentMemberAccount": FORBIDDEN,
        "getProgramTotals": Sample(),
        "queryLoyaltyAccounts": Sample(
            body={
                "query": cursor_query(
                    {
                        "points.balance": {"$gte": 1, "$in": [1, 2], "$nin": [3], "$lt": 9},
                        "createdDate": {"$lte": "2026-01-01T00:00:00Z"},
                        "memberId": {"$exists": True, "$startsWith": "a", "$ne": "b", "$hasSome": ["c"]},
                    },
                    "points.balance",
                    "createdDate",
                    "memberId",
                )
            }
        ),
        "searchAccounts": Sample(body={"search": search}),
        "countAccounts": Sample(body={"filter": {"contact.email": {"$startsWith": "a"}}, "search": text}),
        "bulkAdjustPoints": Sample(body={"search": search, "amount": 1, "balance": 3}),
        "getAccount": Sample(path={"id": account.id}),
        "earnPoints": Sample(
            path={"accountId": account.id},
            body={
                "amount": 10,
                "description": "A gift",
                "appId": LOYALTY_APP,
                "idempotencyKey": "k-1",
                "activityType": "x",
                "orderId": "y",
                "followedSocialMedia": {"channel": "X"},
            },
        ),
        "adjustPoints": Sample(
            path={"accountId": account.id},
            body={"balance": 5, "amount": 1, "description": "x", "revision": str(account.revision)},
        ),
        "getLoyaltyTransaction": Sample(path={"loyaltyTransactionId": booked}),
        "queryLoyaltyTransactions": Sample(
            body={"query": cursor_query({"idempotencyKey": "k", "description": {"$exists": False}}, "amount")}
        ),
    }
