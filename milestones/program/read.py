"""A site's program is read from Wix, and put into the words of the configuration."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from decimal import Decimal
from typing import Any, TypeVar

from milestones.domain.program import TRIGGERS, Content, ThingKind, Value, trigger_name
from milestones.program.live import OTHER, Features, Live, Thing
from milestones.wix import badges, earning_rules, programs, rewards, tiers
from milestones.wix.badges import Badge
from milestones.wix.earning_rules import EarningRule, RuleStatus
from milestones.wix.errors import WixNotFoundError, WixUnreadableError
from milestones.wix.programs import ExpirationStatus, Program, ProgramStatus
from milestones.wix.rewards import CouponConfig, CouponReward, DiscountConfig, Reward, RewardType
from milestones.wix.tiers import Tier, TiersSettings, TiersStatus
from milestones.wix.transport import WixClient

Touched = Collection[tuple[ThingKind, str]]
"""Kinds and ids of things that were made or changed a moment ago: of these the one answer to trust is that by id."""

E = TypeVar("E", Badge, Reward, Tier, EarningRule)

BADGE_FIELDS = {"description": "description", "background": "background_color", "text": "text_color"}
_DIGITS = 15
"""Before and behind the point: what a number of Wix's keeps exactly."""

ICON_KEYS = ("id", "url", "width", "height")


async def read(client: WixClient, touched: Touched = ()) -> Live:
    """The program of a site as it is now. Changes nothing. Raises WixError."""
    program = await programs.get(client)
    features = await programs.premium_features(client)
    listed = await tiers.list_all(client)
    settings = await _settings(client)
    of_site = [
        badge async for page in badges.query_all(client) for badge in _whole(page.items, page.unreadable)
    ]
    rules = await earning_rules.list_all(client)
    offered = await rewards.list_all(client)
    current_tiers = await _current(client, ThingKind.TIER, listed, tiers.get, touched)
    current_badges = await _current(client, ThingKind.BADGE, of_site, badges.get, touched)
    current_rewards = await _current(client, ThingKind.REWARD, offered, rewards.get, touched)
    automated = {rule.id: await _is_automated(client, rule) for rule in rules}
    ours = {(kind, key) for kind, key in touched if not automated.get(key)}
    current_rules = await _current(client, ThingKind.EARN, rules, earning_rules.get, ours)
    return Live(
        **of_program(program),
        settings={} if settings is None else of_all_tiers(settings),
        tiers=tuple(tier_thing(tier) for tier in current_tiers),
        badges=tuple(badge_thing(badge) for badge in current_badges),
        earn=tuple(rule_thing(rule, automated=automated.get(rule.id, False)) for rule in current_rules),
        rewards=tuple(reward_thing(reward) for reward in current_rewards),
        features=Features(features.loyalty_program, features.tiers, features.points_expiration),
        settings_entity=settings,
    )


async def _settings(client: WixClient) -> TiersSettings | None:
    try:
        return await tiers.settings(client)
    except WixNotFoundError:
        # Asking for tiers and settings together would make them, and a plan changes nothing.
        return None


def _whole(items: tuple[Badge, ...], unreadable: Collection[object]) -> tuple[Badge, ...]:
    if unreadable:
        raise WixUnreadableError(
            f"Wix describes {len(unreadable)} badges of this site in a way that cannot be read."
        )
    return items


async def _current(
    client: WixClient,
    kind: ThingKind,
    listed: Iterable[E],
    get: Callable[[WixClient, str], Awaitable[E]],
    touched: Touched,
) -> list[E]:
    """What a list shows, corrected by what is known to be newer."""
    result = {one.id: one for one in listed}
    for of_kind, key in touched:
        if of_kind is not kind:
            continue
        try:
            result[key] = await get(client, key)
        except WixNotFoundError:
            result.pop(key, None)
    return list(result.values())


async def _is_automated(client: WixClient, rule: EarningRule) -> bool:
    """Wix knows by id the rules alone that are not automated (docs/wix-api.md, 2.2)."""
    trigger = TRIGGERS.get(_on(rule))
    if trigger is not None:
        return trigger.automated
    try:
        await earning_rules.get(client, rule.id)
    except WixNotFoundError:
        return True
    return False


# Into the words of the configuration


def of_program(program: Program) -> dict[str, Any]:
    """What of ``Live`` the program says of itself."""
    return {
        "details": _details(program),
        "active": {ProgramStatus.ACTIVE: True, ProgramStatus.PAUSED: False}.get(program.status),
        "expires": program.points_expiration.status is ExpirationStatus.ENABLED,
        "program_entity": program,
    }


def _details(program: Program) -> dict[str, Value]:
    definition, expiry = program.point_definition, program.points_expiration
    icon = definition.icon or {}
    return {
        "name": program.name,
        "points": definition.custom_name,
        "expiry.months": expiry.months_of_inactivity,
        "expiry.percent": expiry.expiring_points_percentage,
        **{f"icon.{key}": icon[key] for key in ICON_KEYS if isinstance(icon.get(key), str | int)},
    }


def of_all_tiers(settings: TiersSettings) -> dict[str, Value]:
    """The settings of all tiers."""
    base = settings.base_tier_definition
    return {
        "status": None if settings.status is TiersStatus.UNKNOWN else settings.status.value.lower(),
        "window": settings.rolling_window.duration_in_months,
        "base.title": base.name,
        "base.description": base.description,
    }


def tier_thing(tier: Tier) -> Thing:
    """A tier."""
    title = tier.tier_definition.name or ""
    fields: dict[str, Value] = {
        "title": title,
        "points": tier.required_points,
        "description": tier.tier_definition.description,
    }
    return Thing(ThingKind.TIER, tier.id, title, Content(fields), entity=tier)


def badge_thing(badge: Badge) -> Thing:
    """A badge."""
    fields: dict[str, Value] = {"title": badge.title, "description": badge.description}
    # Colours are the same in capitals.
    fields |= {
        key: (getattr(badge, BADGE_FIELDS[key]) or "").upper() or None for key in ("background", "text")
    }
    return Thing(ThingKind.BADGE, badge.id, badge.title, Content(fields), entity=badge)


def _on(rule: EarningRule) -> str:
    return trigger_name(rule.trigger_app_id or "", rule.trigger_activity_type or "")


def rule_thing(rule: EarningRule, *, automated: bool = False) -> Thing:
    """An earning rule."""
    fields: dict[str, Value] = {
        "title": rule.title,
        "on": _on(rule),
        "active": rule.status is RuleStatus.ACTIVE,
        "field": None if rule.conversion_rate is None else rule.conversion_rate.field,
        "points": None,
        "per_money": None,
    }
    at: dict[str, dict[str, Value]] = {}
    if rule.conversion_rate is not None:
        for rate in rule.conversion_rate.configs:
            prices: dict[str, Value] = {"points": rate.points, "per_money": decimal(rate.money_amount)}
            _add(fields, at, rate.tier_id, prices)
    elif rule.fixed_amount is not None:
        for fixed in rule.fixed_amount.configs:
            _add(fields, at, fixed.tier_id, {"points": fixed.points, "per_money": None})
    deletable = rule.metadata.can_be_deleted is not False
    return Thing(ThingKind.EARN, rule.id, rule.title, Content(fields, at), automated, deletable, rule)


def reward_thing(reward: Reward) -> Thing:
    """A reward; of one that the configuration has no words for, its type is ``OTHER``."""
    fields: dict[str, Value] = {"title": reward.name, "active": reward.active, "type": OTHER}
    at: dict[str, dict[str, Value]] = {}
    if reward.type is RewardType.DISCOUNT_AMOUNT and reward.discount_amount is not None:
        fields |= {"type": "discount", "gives": "money_off"}
        for config in reward.discount_amount.configs_by_tier:
            _add(fields, at, config.tier_id, _price(config, config.amount))
    elif reward.type is RewardType.COUPON_REWARD and reward.coupon_reward is not None:
        coupon = reward.coupon_reward
        fields |= {
            "type": "coupon",
            "scope": scope_text(coupon),
            "minimum_subtotal": None if coupon.minimum_subtotal is None else decimal(coupon.minimum_subtotal),
            "limited_to_one_item": bool(coupon.limited_to_one_item),
            "applies_to_subscriptions": bool(coupon.applies_to_subscriptions),
        }
        for gives, kind, amount in (
            ("money_off", coupon.fixed_amount, "amount"),
            ("percent_off", coupon.percentage, "percentage"),
            ("free_shipping", coupon.free_shipping, None),
        ):
            if kind is None:
                continue
            fields["gives"] = gives
            for each in kind.configs_by_tier:
                value = None if amount is None else getattr(each, amount)
                _add(fields, at, each.tier_id, _price(each, value))
    return Thing(ThingKind.REWARD, reward.id, reward.name, Content(fields, at), entity=reward)


def _price(config: CouponConfig | DiscountConfig, value: float | Decimal | None) -> dict[str, Value]:
    return {"cost": config.cost_in_points, "value": None if value is None else decimal(value)}


def _add(
    fields: dict[str, Value], at: dict[str, dict[str, Value]], tier_id: str | None, prices: dict[str, Value]
) -> None:
    if tier_id:
        at[tier_id] = prices
    else:
        fields |= prices


def scope_text(coupon: CouponReward) -> str | None:
    """``stores``, ``stores/product`` or ``stores/product/ID``."""
    scope = coupon.scope
    if scope is None or not scope.namespace:
        return None
    group = scope.group
    parts = [scope.namespace, *((group.name, group.entity_id) if group is not None else ())]
    return "/".join(part for part in parts if part)


def decimal(value: float | Decimal) -> Decimal:
    """The number that was written, not the nearest binary one. Raises WixError for one that no shop has."""
    number = Decimal(str(value))
    if not number.is_finite() or (number and not -_DIGITS < number.adjusted() < _DIGITS):
        raise WixUnreadableError(
            "Wix describes an amount of this site's program in a way that cannot be read."
        )
    return number
