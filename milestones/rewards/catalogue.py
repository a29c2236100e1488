"""What points buy: rewards with their prices, tier by tier, in words (docs/wix-api.md, 2.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from milestones.errors import UsageError
from milestones.wix.rewards import CouponReward, Reward, RewardType

MOST_SHOWN = 5
"""Rewards that are named where one was meant."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a reward costs in a tier (None: the base tier), in points, and what it is worth there."""

    tier_id: str | None
    points: int
    worth: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A reward as it may be bought.

    terms: what it is good for, in words; None where Wix tells of no condition. revision: as Wix takes it at a checkout.
    """

    id: str
    name: str
    active: bool
    type: RewardType
    prices: tuple[Price, ...]
    terms: str | None = None
    revision: int = 0

    def find_price(self, tier_id: str | None) -> Price | None:
        """The price in a tier; that of the base tier where the tier has none of its own."""
        by_tier = {price.tier_id: price for price in self.prices}
        return by_tier.get(tier_id, by_tier.get(None))


@dataclass(frozen=True, slots=True)
class Buyer:
    """An account as far as a price goes. tier_id: None in the base tier."""

    balance: int
    tier_id: str | None


def read_offer(reward: Reward) -> Offer:
    """A reward of Wix's as an offer."""
    prices: tuple[Price, ...] = ()
    terms = None
    if reward.discount_amount is not None:
        prices = tuple(
            Price(one.tier_id or None, one.cost_in_points, f"{_money(one.amount)} off")
            for one in reward.discount_amount.configs_by_tier
        )
    elif reward.coupon_reward is not None:
        prices = tuple(_coupon_prices(reward.coupon_reward))
        terms = _terms(reward.coupon_reward)
    return Offer(reward.id, reward.name, reward.active, reward.type, prices, terms, reward.revision)


def find_offer(offers: Sequence[Offer], named: str) -> Offer:
    """The reward of this id or name, or the one whose id or name begins so. Raises UsageError where it is none or several."""
    wanted = named.strip().casefold()
    same = [one for one in offers if wanted in {one.id.casefold(), one.name.casefold()}]
    found = same or [
        one
        for one in offers
        if wanted and any(text.casefold().startswith(wanted) for text in (one.id, one.name))
    ]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{named!r} may mean several rewards: {_listed(found)}. Give the id of the one you mean."
        )
    known = f"there are {_listed(offers)}" if offers else "the site has none"
    raise UsageError(f"There is no reward {named!r}; {known}.")


def _listed(offers: Sequence[Offer]) -> str:
    more = f" and {len(offers) - MOST_SHOWN} more" if len(offers) > MOST_SHOWN else ""
    return ", ".join(f"{one.name} ({one.id})" for one in offers[:MOST_SHOWN]) + more


def _coupon_prices(reward: CouponReward) -> Iterable[Price]:
    if reward.fixed_amount is not None:
        for one in reward.fixed_amount.configs_by_tier:
            yield Price(one.tier_id or None, one.cost_in_points, f"{_money(one.amount or 0)} off")
    elif reward.percentage is not None:
        for one in reward.percentage.configs_by_tier:
            yield Price(one.tier_id or None, one.cost_in_points, f"{one.percentage or 0:g}% off")
    elif reward.free_shipping is not None:
        for one in reward.free_shipping.configs_by_tier:
            yield Price(one.tier_id or None, one.cost_in_points, "free shipping")


def _terms(reward: CouponReward) -> str | None:
    said = []
    if reward.minimum_subtotal is not None:
        said.append(f"from {_money(reward.minimum_subtotal)}")
    if reward.scope is not None and reward.scope.namespace:
        group = reward.scope.group
        parts = [reward.scope.namespace, *((group.name, group.entity_id) if group is not None else ())]
        said.append(f"for {'/'.join(part for part in parts if part)}")
    if reward.limited_to_one_item:
        said.append("one item")
    return ", ".join(said) or None


def _money(amount: Decimal | float) -> str:
    """Wix tells no currency with a reward."""
    return f"{Decimal(str(amount)):,.2f}"
