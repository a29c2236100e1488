"""Points into coupons: the redemption that is PENDING first and ACTIVE or FAILED later (docs/wix-api.md, 2.6)."""

import random

from wixsandbox import ledger
from wixsandbox.errors import RefusedError, not_found
from wixsandbox.events import COUPON, LOYALTY_COUPON, Caller
from wixsandbox.records import Account, present
from wixsandbox.wire import Document, milliseconds
from wixsandbox.world import Appointment, World

SETTLE = "settle-redemption"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def redeem(world: World, account: Account, reward_id: str, caller: Caller | None) -> Document:
    """A loyalty coupon for points: PENDING now, settled later. Neither key nor revision guards it."""
    ledger.require_active(world)
    reward = world.rewards.get(reward_id)
    if reward is None:
        raise not_found("Reward", reward_id)
    cost = _price(world, account, reward)
    coupon = _loyalty_coupon(world, account, reward, caller, refundable=False)
    told = None if caller is None else {"kind": caller.kind, "id": caller.id}
    seconds = world.switches.redeem_seconds
    world.later(seconds, SETTLE, coupon=coupon["id"], cost=cost, reward=reward_id, caller=told)
    return coupon


def redeem_at_checkout(world: World, account: Account, reward: Document, caller: Caller | None) -> None:
    """Take the points of a coupon reward on a checkout at once; its loyalty coupon is refundable and may vanish."""
    cost = _price(world, account, reward)
    coupon = _loyalty_coupon(world, account, reward, caller, refundable=True)
    transaction = ledger.spend(world, account, cost, caller, _spent_for(reward["id"], coupon["id"]))[1]
    world.loyalty_coupons.put(
        {**coupon, "status": "APPLIED", "revision": "2", "transactionId": transaction.id}
    )


def _price(world: World, account: Account, reward: Document) -> int:
    cost = ledger.reward_cost(world, reward, account.tier_id)
    if reward["type"] != "COUPON_REWARD" or not reward["active"] or cost is None:
        raise RefusedError(428, "FAILED_PRECONDITION", "This reward cannot be redeemed for a coupon")
    if account.balance < cost:
        raise ledger.too_few_points(world, "The customer does not have enough points")
    return cost


def _spent_for(reward_id: str, coupon_id: str) -> Document:
    return {"rewardId": reward_id, "rewardType": "COUPON_REWARD", "referenceEntityId": coupon_id}


def _loyalty_coupon(
    world: World, account: Account, reward: Document, caller: Caller | None, *, refundable: bool
) -> Document:
    coupon = _wix_coupon(world, reward, account, caller)
    now = world.stamp
    loyalty_coupon = present(
        id=world.new_id("loyalty-coupon"),
        accountId=account.id,
        memberId=account.member_id,
        couponReference={
            "couponId": coupon["id"],
            "code": coupon["specification"]["code"],
            "name": reward["name"],
            "specification": _reference(coupon["specification"]),
            "deleted": False,
        },
        status="PENDING",
        rewardName=reward["name"],
        revision="1",
        createdDate=now,
        updatedDate=now,
        refundable=refundable,
    )
    world.loyalty_coupons.put(loyalty_coupon, world.write_visible)
    world.emit_created(LOYALTY_COUPON, loyalty_coupon, caller)
    return loyalty_coupon


def settle(world: World, appointment: Appointment) -> None:
    """Take the points, or fail. No event tells of the new status."""
    details = appointment.details
    coupon = world.loyalty_coupons.get(details["coupon"])
    if coupon is None or coupon["status"] != "PENDING":
        return
    caller = details["caller"] and Caller(**details["caller"])
    failing = world.switches.redeem_outcome == "FAILED"
    account = world.accounts.get(coupon["accountId"])
    transaction_id = None
    if account is not None and not (failing and not world.switches.failed_redemption_takes_points):
        info = {
            "rewardId": details["reward"],
            "rewardType": "COUPON_REWARD",
            "referenceEntityId": coupon["id"],
        }
        try:
            transaction_id = ledger.spend(world, account, details["cost"], caller, info)[1].id
        except RefusedError:
            failing = True
    status = "FAILED" if failing or account is None else "ACTIVE"
    changed = {
        **coupon,
        "status": status,
        "revision": str(int(coupon["revision"]) + 1),
        "updatedDate": world.stamp,
    }
    if transaction_id is not None:
        changed["transactionId"] = transaction_id
    world.loyalty_coupons.put(changed, world.write_visible)


def _wix_coupon(world: World, reward: Document, account: Account, caller: Caller | None) -> Document:
    rng = random.Random(world.new_id("code"))  # noqa: S311 - a simulated coupon buys nothing
    code = "".join(rng.choice(_LETTERS) for _ in range(12))
    specification: Document = {
        "name": reward["name"],
        "code": code,
        "startTime": milliseconds(world.now),
        "usageLimit": 1,
        "active": True,
        **_discount(reward["couponReward"], account.tier_id),
    }
    for name in ("scope", "limitedToOneItem", "appliesToSubscriptions", "discountedCycleCount"):
        if name in reward["couponReward"]:
            specification[name] = reward["couponReward"][name]
    if "minimumSubtotal" in reward["couponReward"]:
        specification["minimumSubtotal"] = reward["couponReward"]["minimumSubtotal"]
    coupon = {
        "id": world.new_id("coupon"),
        "specification": specification,
        "dateCreated": milliseconds(world.now),
        "expired": False,
        "numberOfUsages": 0,
    }
    world.coupons.put(coupon, world.write_visible)
    world.emit_created(COUPON, coupon, caller)
    return coupon


def _discount(reward: Document, tier_id: str | None) -> Document:
    def config(kind: str) -> Document:
        configs: list[Document] = reward[kind]["configsByTier"]
        own = [one for one in configs if (one.get("tierId") or None) == tier_id]
        base = [one for one in configs if not one.get("tierId")]
        chosen: Document = (own or base or configs)[0]
        return chosen

    if "fixedAmount" in reward:
        return {"moneyOffAmount": config("fixedAmount")["amount"], "type": "MONEY_OFF_AMOUNT"}
    if "percentage" in reward:
        return {"percentOffRate": float(config("percentage")["percentage"]), "type": "PERCENT_OFF_RATE"}
    return {"freeShipping": True, "type": "FREE_SHIPPING"}


def _reference(specification: Document) -> Document:
    """The specification as a loyalty coupon shows it: its scope is flat (docs/wix-api.md, 2.6)."""
    kept = ("moneyOffAmount", "percentOffRate", "freeShipping", "type", "minimumSubtotal", "limitedToOneItem")
    shown = {name: specification[name] for name in kept if name in specification}
    scope = specification.get("scope")
    if scope is not None:
        group = scope.get("group", {})
        shown["scope"] = present(
            namespace=scope["namespace"], name=group.get("name"), entityId=group.get("entityId")
        )
    return shown
