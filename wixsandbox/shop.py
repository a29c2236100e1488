"""What happens in the shop itself: orders that earn points by the earning rule, points that expire."""

import math

from wixsandbox import ledger
from wixsandbox.records import Account
from wixsandbox.seeding import STORES_APP_ID
from wixsandbox.wire import Document
from wixsandbox.world import World

ORDER_PAID = "stores/OrderPaid"
MOST = 9_999_999  # units of money in one order, as points in one call


def purchase(world: World, account: Account, money: float) -> Account:
    """A paid order; earns what the active rule for orders gives, which may be nothing."""
    ledger.require_active(world)
    points = points_for(world, account, money)
    if points == 0:
        return account
    order = world.new_id("order")
    info = {"appId": STORES_APP_ID, "activityType": ORDER_PAID, "orderId": order}
    return ledger.earn(world, account, points, world.owner, description="Order paid", info=info)[0]


def points_for(world: World, account: Account, money: float) -> int:
    """What an order of this much earns. Sources disagree on rounding: a switch."""
    config = _config(world, account)
    if config is None:
        return 0
    points = int(config["points"])
    if "moneyAmount" not in config:
        return points
    units = min(money / float(config["moneyAmount"]), MOST)
    if world.switches.conversion_rounding == "whole_units":
        return math.floor(units) * points
    return math.floor(round(units * points, 6))


def money_for(world: World, account: Account, points: int) -> float:
    """The price of an order that earns at least so many points, in whole cents."""
    config = _config(world, account)
    if config is None or "moneyAmount" not in config or not config["points"]:
        return 10.0
    price = points * float(config["moneyAmount"]) / int(config["points"])
    return math.ceil(round(price * 100, 6)) / 100


def expire(world: World, account: Account, points: int) -> Account:
    """Points that were not used in time are gone; there cannot be more of them than the customer has."""
    if points > account.balance:
        raise ledger.too_few_points(world, "The customer does not have so many points")
    before = account.balance
    changed = ledger.change(world, account, None, expired=account.expired + points)
    info = {"expireInfo": {"amountBefore": before, "amountAfter": changed.balance}}
    ledger.book(world, changed, "EXPIRE", points, info)
    return changed


def _config(world: World, account: Account) -> Document | None:
    for rule in world.earning_rules:
        if rule["triggerActivityType"] == ORDER_PAID and rule["status"] == "ACTIVE":
            amount: Document = rule.get("conversionRate") or rule["fixedAmount"]
            by_tier: dict[str | None, Document] = {
                one.get("tierId") or None: one for one in amount["configs"]
            }
            return by_tier.get(account.tier_id, by_tier.get(None))
    return None
