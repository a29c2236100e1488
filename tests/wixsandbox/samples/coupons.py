"""Wix coupons and email subscriptions."""

from tests.wixsandbox.builders import Shop
from tests.wixsandbox.samples.sample import Sample

SPECIFICATION = {
    "name": "10% off",
    "code": "STARS10",
    "startTime": 1_795_166_130_000,
    "expirationTime": 1_995_166_130_000,
    "percentOffRate": 10,
    "scope": {"namespace": "stores", "group": {"name": "product", "entityId": "shoe"}},
    "usageLimit": 1,
    "limitPerCustomer": 1,
    "limitedToOneItem": True,
    "appliesToSubscriptions": False,
    "active": True,
}


def samples(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    coupon = next(iter(world.coupons))["id"]
    subscription = next(iter(world.subscriptions))
    wanted = {"email": "a@example.com", "subscriptionStatus": "SUBSCRIBED", "deliverabilityStatus": "VALID"}
    return {
        "createCoupon": Sample(body={"specification": SPECIFICATION}),
        "queryCoupons": Sample(
            body={
                "query": {
                    "paging": {"limit": 5, "offset": 0},
                    "filter": '{"specification.code": {"$eq": "X"}}',
                    "sort": '{"dateCreated": "asc"}',
                }
            }
        ),
        "getCoupon": Sample(path={"id": coupon}),
        "updateCoupon": Sample(
            path={"id": coupon}, body={"specification": {"name": "x", "active": False, "usageLimit": 3}}
        ),
        "deleteCoupon": Sample(path={"id": coupon}),
        "bulkCreateCoupons": Sample(body={"specifications": [SPECIFICATION], "returnFullEntity": True}),
        "bulkDeleteCoupons": Sample(body={"ids": [coupon]}),
        "queryEmailSubscriptions": Sample(
            body={"filter": {"email": {"$in": [subscription.email]}}, "paging": {"limit": 5, "offset": 0}}
        ),
        "upsertEmailSubscription": Sample(body={"subscription": wanted}),
        "bulkUpsertEmailSubscription": Sample(body={"subscriptions": [wanted]}),
        "generateUnsubscribeLink": Sample(
            body={"emailAddress": "a@example.com", "metadata": {"x": "y"}, "language": "EN"}
        ),
        "getEmailSubscription": Sample(path={"id": subscription.id}),
    }
