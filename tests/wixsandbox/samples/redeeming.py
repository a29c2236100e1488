"""Loyalty coupons, the checkout, imports, and what only members may call."""

from tests.wixsandbox.builders import LOYALTY_APP, Shop
from tests.wixsandbox.samples.sample import FORBIDDEN, Sample, cursor_query
from wixsandbox import redemption


def samples(shop: Shop) -> dict[str, Sample]:
    world = shop.sandbox.world
    account = shop.account(lambda one: one.balance >= 1500)
    reward = next(one for one in world.rewards if one["type"] == "COUPON_REWARD")
    flexible = next(one for one in world.rewards if one["type"] == "DISCOUNT_AMOUNT")
    coupon = redemption.redeem(world, account, reward["id"], world.owner)["id"]
    shop.clock.pass_(3)
    shop.sandbox.advance()
    checkout = next(iter(world.checkouts))["id"]
    mappings = [{"columnName": "EMAIL", "columnIndex": 0}, {"columnName": "POINTS", "columnIndex": 1}]
    world.uploads["points"] = "mail,points\n"
    world.imports.put(
        {
            "id": LOYALTY_APP, "revision": "1", "fileMetadata": {}, "status": "PARSED", "upload": "points",
            "createdDate": world.stamp, "updatedDate": world.stamp,
        }
    )  # fmt: skip
    world.uploads[f"{LOYALTY_APP}-errors"] = "x"
    return {
        "redeemPointsForCoupon": Sample(body={"rewardId": reward["id"], "loyaltyAccountId": account.id}),
        "redeemCurrentMemberPointsForCoupon": FORBIDDEN,
        "getCurrentMemberCoupons": FORBIDDEN,
        "queryLoyaltyCoupons": Sample(
            body={
                "query": {
                    "filter": {"accountId": account.id, "couponReference.code": {"$ne": "x"}},
                    "sort": [{"fieldName": "createdDate"}],
                    "paging": {"limit": 5, "offset": 0},
                }
            }
        ),
        "getLoyaltyCoupon": Sample(path={"loyaltyCouponId": coupon}),
        "deleteLoyaltyCoupon": Sample(path={"id": coupon}, query={"revision": "2"}),
        "bulkGetLoyaltyCoupon": FORBIDDEN,
        "applyDiscountToCheckout": Sample(
            body={
                "checkoutId": checkout,
                "reward": {"id": flexible["id"], "pointsToSpend": 1, "revision": "1"},
                "loyaltyCoupon": None,
            }
        ),
        "queryLoyaltyCheckoutDiscounts": Sample(
            body={"query": cursor_query({"checkoutId": checkout, "status": {"$in": ["APPLIED"]}}, "status")}
        ),
        "createLoyaltyImportFileUrl": Sample(body={}),
        "createLoyaltyImport": Sample(
            body={"fileUrl": "/imports/points.csv", "fileName": "x", "fileSize": 1}
        ),
        "executeLoyaltyImport": Sample(
            body={"loyaltyImportId": LOYALTY_APP, "headerMappingInfo": {"headerMappings": mappings}}
        ),
        "getLoyaltyImport": Sample(query={"loyaltyImportId": LOYALTY_APP}),
        "getErrorFileDownloadUrl": Sample(query={"loyaltyImportId": LOYALTY_APP}),
        "queryLoyaltyImports": Sample(body={"query": cursor_query({"status": "PARSED"}, "updatedDate")}),
        "createFollowedChannel": FORBIDDEN,
        "listFollowedChannels": FORBIDDEN,
    }
