"""A thing of the file becomes what Wix is sent: new, or laid over what the site has, so that what the file does not name
survives.

Prices are written for each tier of the site, also where they only repeat those of the base tier: whether Wix gives a
tier that is not named the price of the base tier is not documented.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from milestones.domain.program import LOYALTY_APP, TRIGGERS, Content, Fields, Value, Wanted
from milestones.program.read import ICON_KEYS, scope_text
from milestones.wix.earning_rules import (
    ConversionRate,
    EarningRule,
    FixedAmount,
    FixedConfig,
    RateConfig,
    RuleStatus,
)
from milestones.wix.programs import Program
from milestones.wix.rewards import (
    CouponConfig,
    CouponKind,
    CouponReward,
    DiscountAmount,
    DiscountConfig,
    Reward,
    RewardGroup,
    RewardScope,
    RewardType,
)
from milestones.wix.tiers import RollingWindow, Tier, TierDefinition, TiersSettings, TiersStatus

TierIds = Mapping[str, str]
"""Of the site's tiers, by title."""

DEFAULT_WINDOW = 12
"""Months, for settings that are made without a word about them."""

Config = TypeVar("Config", FixedConfig, RateConfig, DiscountConfig, CouponConfig)


def rule_of(wanted: Wanted, tier_ids: TierIds, existing: EarningRule | None) -> EarningRule:
    """An earning rule."""
    fields, rule = wanted.content.fields, existing or EarningRule()
    by_money = fields.get("per_money") is not None or any(
        prices.get("per_money") is not None for prices in wanted.content.at.values()
    )
    fixed, rate = None, None
    if by_money:
        former = rule.conversion_rate or ConversionRate()
        configs = _configs(wanted.content, tier_ids, former.configs, RateConfig(), "points", _rate)
        rate = former.model_copy(update={"configs": configs, "field": fields.get("field", former.field)})
    else:
        before = rule.fixed_amount or FixedAmount()
        fixed = before.model_copy(
            update={
                "configs": _configs(
                    wanted.content, tier_ids, before.configs, FixedConfig(), "points", _fixed_price
                )
            }
        )
    changes: dict[str, Any] = {
        "title": wanted.title,
        "status": RuleStatus.ACTIVE if fields.get("active") else RuleStatus.PAUSED,
        "fixed_amount": fixed,
        "conversion_rate": rate,
    }
    if existing is None:
        changes["trigger_app_id"], changes["trigger_activity_type"] = _trigger(str(fields["on"]))
    return rule.model_copy(update=changes)


def _trigger(name: str) -> tuple[str, str]:
    known = TRIGGERS.get(name)
    if known is not None:
        return (*known.apps, LOYALTY_APP)[0], known.activity
    app, _, activity = name.partition(" ")
    return app, activity


def reward_of(wanted: Wanted, tier_ids: TierIds, existing: Reward | None) -> Reward:
    """A reward."""
    fields, reward = wanted.content.fields, existing or Reward()
    changes: dict[str, Any] = {"name": wanted.title, "active": bool(fields.get("active"))}
    if fields.get("type") == "discount":
        former = reward.discount_amount or DiscountAmount()
        configs = _configs(
            wanted.content, tier_ids, former.configs_by_tier, DiscountConfig(), "cost", _discount
        )
        discount = former.model_copy(update={"configs_by_tier": configs})
        changes |= {"type": RewardType.DISCOUNT_AMOUNT, "discount_amount": discount}
    else:
        coupon = _coupon(wanted, tier_ids, reward.coupon_reward or CouponReward())
        changes |= {"type": RewardType.COUPON_REWARD, "coupon_reward": coupon}
    return reward.model_copy(update=changes)


def _coupon(wanted: Wanted, tier_ids: TierIds, existing: CouponReward) -> CouponReward:
    fields = wanted.content.fields
    names = {
        "money_off": ("fixed_amount", "amount"),
        "percent_off": ("percentage", "percentage"),
        "free_shipping": ("free_shipping", None),
    }
    name, amount = names[str(fields["gives"])]

    def config(prices: Fields) -> dict[str, Any]:
        value = {} if amount is None else {amount: _number(prices.get("value"))}
        return {"cost_in_points": prices.get("cost"), **value}

    former = getattr(existing, name) or CouponKind()
    configs = _configs(wanted.content, tier_ids, former.configs_by_tier, CouponConfig(), "cost", config)
    kinds: dict[str, Any] = dict.fromkeys(("fixed_amount", "percentage", "free_shipping"))
    scope = fields.get("scope")
    return existing.model_copy(
        update={
            **kinds,
            name: former.model_copy(update={"configs_by_tier": configs}),
            "scope": existing.scope if scope == scope_text(existing) else _scope(scope),
            "minimum_subtotal": _number(fields.get("minimum_subtotal")),
            "limited_to_one_item": bool(fields.get("limited_to_one_item")),
            "applies_to_subscriptions": bool(fields.get("applies_to_subscriptions")),
        }
    )


def _scope(text: Value) -> RewardScope | None:
    if not isinstance(text, str):
        return None
    namespace, group, entity = [*text.split("/", 2), "", ""][:3]
    return RewardScope(
        namespace=namespace,
        group=RewardGroup(name=group, entity_id=entity or None) if group else None,
    )


def _configs(
    content: Content,
    tier_ids: TierIds,
    existing: tuple[Config, ...],
    new: Config,
    price: str,
    config: Callable[[Fields], dict[str, Any]],
) -> tuple[Config, ...]:
    """For the base tier, if it has a price, and for each tier. What Wix said beside of a tier stays with it."""
    former = {one.tier_id or None: one for one in existing}
    prices: dict[str | None, Fields] = {}
    if content.fields.get(price) is not None:
        prices[None] = content.fields
    for title, tier_id in tier_ids.items():
        own = content.at.get(title)
        if own is not None or None in prices:
            prices[tier_id] = own if own is not None else content.fields
    return tuple(
        former.get(tier_id, new).model_copy(update={"tier_id": tier_id, **config(said)})
        for tier_id, said in prices.items()
    )


def _fixed_price(prices: Fields) -> dict[str, Any]:
    return {"points": prices.get("points")}


def _rate(prices: Fields) -> dict[str, Any]:
    return {"points": prices.get("points"), "money_amount": _number(prices.get("per_money"))}


def _discount(prices: Fields) -> dict[str, Any]:
    return {"cost_in_points": prices.get("cost"), "amount": prices.get("value")}


def _number(value: Value) -> float | None:
    return float(value) if isinstance(value, Decimal | int) else None


def tier_of(wanted: Wanted, existing: Tier | None) -> Tier:
    """A tier."""
    fields, tier = wanted.content.fields, existing or Tier()
    definition = tier.tier_definition.model_copy(
        update={"name": wanted.title, **_description(fields, "description")}
    )
    return tier.model_copy(update={"tier_definition": definition, "required_points": fields.get("points")})


def settings_of(said: Fields, existing: TiersSettings | None) -> TiersSettings:
    """The settings of all tiers, whole: Wix empties what is left out of the base tier."""
    settings = existing or TiersSettings(status=TiersStatus.DISABLED)
    base: TierDefinition = settings.base_tier_definition
    changes: dict[str, Any] = _description(said, "base.description")
    if "base.title" in said:
        changes["name"] = said["base.title"]
    window: RollingWindow = settings.rolling_window
    months = said.get("window", window.duration_in_months) or DEFAULT_WINDOW
    status = str(said["status"]).upper() if "status" in said else settings.status
    return settings.model_copy(
        update={
            "status": TiersStatus(status),
            "rolling_window": window.model_copy(update={"duration_in_months": months}),
            "base_tier_definition": base.model_copy(update=changes),
        }
    )


def _description(fields: Fields, key: str) -> dict[str, Any]:
    # Empty, and not missing: what is left out of a change stays as it was.
    return {"description": fields[key] or ""} if key in fields else {}


def program_changes(said: Fields, changed: frozenset[str], program: Program) -> dict[str, Any]:
    """The arguments of ``wix.programs.update`` for what changed; of a part that changes, all that is known."""
    changes: dict[str, Any] = {"name": said["name"]} if "name" in changed else {}
    if any(field == "points" or field.startswith("icon.") for field in changed):
        icon = {key: said[f"icon.{key}"] for key in ICON_KEYS if f"icon.{key}" in said}
        changes["points_name"] = said.get("points", program.point_definition.custom_name)
        changes["icon"] = icon or program.point_definition.icon
    if any(field.startswith("expiry.") for field in changed):
        expiry = program.points_expiration
        changes["months_of_inactivity"] = said.get("expiry.months", expiry.months_of_inactivity)
        changes["expiring_points_percentage"] = said.get("expiry.percent", expiry.expiring_points_percentage)
    return changes
