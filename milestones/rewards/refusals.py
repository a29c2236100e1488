"""Why a reward cannot be bought, or a loyalty coupon not be spent: what Wix would refuse, as sentences before it is asked."""

from datetime import datetime

from milestones.rewards.catalogue import Buyer, Offer
from milestones.wix.coupons import Coupon
from milestones.wix.loyalty_coupons import LoyaltyCouponStatus
from milestones.wix.rewards import RewardType


def find_redemption_fault(offer: Offer, buyer: Buyer, agreed: int | None = None) -> str | None:
    """Why this buyer cannot redeem points for a coupon; None where nothing speaks against it.

    agreed: what it cost when it was ordered, in points.
    """
    if offer.type is RewardType.DISCOUNT_AMOUNT:
        return (
            f"{offer.name} is a discount at the checkout and no coupon: "
            f"`milestones rewards apply CHECKOUT --reward {offer.id} --account ACCOUNT` spends it there."
        )
    return _find_fault(offer) or _find_price_fault(offer, buyer, agreed)


def find_discount_fault(
    offer: Offer, buyer: Buyer, points: int | None = None, agreed: int | None = None
) -> str | None:
    """Why this buyer cannot spend a reward at a checkout; None where nothing speaks against it.

    points: to be spent; None for what the reward costs. agreed: as in ``find_redemption_fault``.
    """
    if points is not None and offer.type is RewardType.COUPON_REWARD:
        return f"{offer.name} has a fixed price, so how many points to spend cannot be chosen."
    return _find_fault(offer) or _find_price_fault(offer, buyer, agreed, points)


def find_coupon_fault(status: LoyaltyCouponStatus) -> str | None:
    """Why a loyalty coupon of this status cannot be spent; None where it can."""
    match status:
        case LoyaltyCouponStatus.ACTIVE:
            return None
        case LoyaltyCouponStatus.APPLIED:
            return "The loyalty coupon was used already."
        case LoyaltyCouponStatus.PENDING:
            return "Wix has not taken the points for the loyalty coupon yet; try again in a moment."
        case LoyaltyCouponStatus.FAILED:
            return "Wix could not take the points for the loyalty coupon, so it is of no use."
        case LoyaltyCouponStatus.ARCHIVED:
            return "The Wix coupon under the loyalty coupon was deleted, so it is of no use."
        case LoyaltyCouponStatus.UNKNOWN:
            return "Wix tells a status of the loyalty coupon that this version does not know, so it is not spent."


def find_code_fault(coupon: Coupon | None, now: datetime) -> str | None:
    """Why the Wix coupon under a loyalty coupon (None: there is none any more) cannot be used; None where it can."""
    if coupon is None:
        return "The Wix coupon under the loyalty coupon was deleted, so it is of no use."
    said = coupon.specification
    if coupon.expired or (said.expiration_time is not None and said.expiration_time <= now):
        return "The loyalty coupon has expired."
    if not said.active:
        return "The Wix coupon under the loyalty coupon is switched off."
    if said.usage_limit is not None and coupon.number_of_usages >= said.usage_limit:
        return "The loyalty coupon was used already."
    if said.start_time is not None and said.start_time > now:
        return f"The loyalty coupon cannot be used before {said.start_time:%Y-%m-%d %H:%M} UTC."
    return None


def _find_fault(offer: Offer) -> str | None:
    if offer.type is RewardType.UNKNOWN:
        return f"{offer.name} is a reward of a type that this version does not know."
    if not offer.active:
        return (
            f"The reward {offer.name} is not active; activate it in Wix, or with `active = true` in its "
            "[[program.rewards]] and `milestones program apply`."
        )
    return None


def _find_price_fault(
    offer: Offer, buyer: Buyer, agreed: int | None, points: int | None = None
) -> str | None:
    price = offer.find_price(buyer.tier_id)
    if price is None:
        return f"The reward {offer.name} is not offered in the tier of this account."
    if agreed is not None and price.points > agreed:
        return (
            f"{offer.name} costs {price.points:,} points by now, and cost {agreed:,} when it was ordered; "
            "order it again if that is meant."
        )
    cost = price.points if points is None else points
    if buyer.balance >= cost:
        return None
    what = f"{offer.name} costs {cost:,} points" if points is None else f"{cost:,} points were to be spent"
    return f"{what} and the account has {buyer.balance:,}, so {cost - buyer.balance:,} are missing."
