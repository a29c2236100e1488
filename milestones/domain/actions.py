"""What a grant or a reminder owes, and the life of each such action.

An action carries everything it needs, frozen when it was recorded: a new configuration never alters it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from milestones.domain import keys, validity
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import (
    Badge,
    Consent,
    Coupon,
    Discount,
    Email,
    Milestone,
    Points,
    Repeat,
    Reward,
    Webhook,
)


class Kind(StrEnum):
    """One kind of effect; each has a file in ``milestones/actions``."""

    COUPON = "coupon"
    BADGE = "badge"
    POINTS = "points"
    EMAIL = "email"
    WEBHOOK = "webhook"


class State(StrEnum):
    """Where an action stands. The docstring of each member says who moves it onward, crash included."""

    AVAILABLE = "available"
    """May be done at ``available_at``. The next drain of its site claims it."""
    WAITING = "waiting"
    """For another action, for consent, for membership, or after a merge for the account that is left. The settle
    of that action, or the observation or subscription event that brings what is missing, makes it available in its
    own transaction."""
    RUNNING = "running"
    """Claimed by the drain of the generation on the row. That drain settles it. If the process dies, the next
    drain has a higher generation and treats the row as a lost answer: by its key, never blindly."""
    DONE = "done"
    """The effect took place. Nobody moves it on; retention deletes it."""
    DISCARDED = "discarded"
    """A permanent refusal, or out of attempts. A person may retry it."""
    CANCELLED = "cancelled"
    """No longer wanted: a gate said no, or a person did. Nobody moves it on, unless a person retries it."""
    HELD = "held"
    """By a breaker, by a resume after a rewind, by a discarded action it waits for, or by a person. A person
    releases or cancels it; retrying what it waits for lets it go on."""
    UNKNOWN = "unknown"
    """A mail whose fate nobody told, or another effect that was lost and not found until its attempts ran out. A person
    resolves it as done or as to be done again."""


class Need(StrEnum):
    """What an action waits for, other than another action."""

    CONSENT = "consent"
    MEMBER = "member"
    THRESHOLD = "threshold"
    """Of a reward with ``settle_for``: to be reached again."""
    ACCOUNT = "account"
    """After a merge: the account of the contact that is left."""


FINAL = frozenset({State.DONE, State.DISCARDED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action to be recorded.

    waits_for: positions, among the actions of the same grant, of those whose variables it uses.
    """

    key: str
    position: int
    kind: Kind
    payload: Mapping[str, Any]
    available_at: datetime
    waits_for: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What planning needs beside the definition. ``configuration`` is the hash of the one in force, and the days are
    those of the site's ``timezone``.
    """

    site: str
    account_id: str
    secret: bytes = field(repr=False)
    now: datetime = field(kw_only=True)
    timezone: ZoneInfo = field(kw_only=True)
    configuration: str = field(kw_only=True)


def plan_grant(crossing: Crossing, context: Context) -> tuple[PlannedAction, ...]:
    """The actions that a crossing owes. Mails come last, and wait only for what their templates show."""
    milestone = crossing.milestone
    owner = keys.grant_key(context.site, context.account_id, milestone.key, crossing.occurrence)
    available_at = context.now + milestone.settle_for if milestone.settle_for else context.now
    facts = {
        "milestone": {"key": milestone.key, "title": milestone.title, "threshold": _reached(crossing)},
        "points": {"measure": milestone.measure.value, "value": crossing.value},
        "configuration": context.configuration,
    }
    if milestone.settle_for:
        facts["settle"] = {
            "measure": milestone.measure.value,
            "threshold": _reached(crossing),
            "seconds": milestone.settle_for.total_seconds(),
            "repeat": milestone.repeat.value,
        }
    rewards = _mails_last(milestone.rewards)
    return tuple(
        PlannedAction(
            key=keys.action_key(owner, position),
            position=position,
            kind=_kind(reward),
            payload={
                **facts,
                **_payload(reward, keys.action_key(owner, position), context, available_at, rewards),
            },
            available_at=available_at,
            waits_for=_waits_for(reward, rewards),
        )
        for position, reward in enumerate(rewards)
    )


def plan_reminder(
    milestone: Milestone, value: int, approach: int, number: int, context: Context
) -> tuple[PlannedAction, ...]:
    """The one mail that a reminder owes. ``value`` is the measure now, in points."""
    near = milestone.near
    assert near is not None
    owner = keys.reminder_key(context.site, context.account_id, milestone.key, approach, number)
    target = milestone.target(value)
    payload = {
        "milestone": {"key": milestone.key, "title": milestone.title, "threshold": target},
        "points": {"measure": milestone.measure.value, "value": value, "missing": target - value},
        "near": {
            "measure": milestone.measure.value,
            "from": target - near.within,
            "below": target,
            "approach": approach,
        },
        "configuration": context.configuration,
        "template": near.template,
        "consent": Consent.MARKETING.value,
        "reward": _announced(milestone),
    }
    return (PlannedAction(keys.action_key(owner, 0), 0, Kind.EMAIL, payload, context.now),)


def _reached(crossing: Crossing) -> int:
    """The threshold that was passed: of a ladder, the rung."""
    if crossing.milestone.repeat is Repeat.LADDER:
        return crossing.occurrence
    return crossing.milestone.threshold


def _mails_last(rewards: Sequence[Reward]) -> list[Reward]:
    return sorted(rewards, key=lambda reward: isinstance(reward, Email | Webhook))


def _kind(reward: Reward) -> Kind:
    match reward:
        case Coupon():
            return Kind.COUPON
        case Badge():
            return Kind.BADGE
        case Points():
            return Kind.POINTS
        case Email():
            return Kind.EMAIL
        case Webhook():
            return Kind.WEBHOOK


def _announced(milestone: Milestone) -> dict[str, Any]:
    """What a reminder may promise: the name of the coupon and of the badge, never a code."""
    promise: dict[str, Any] = {}
    for reward in milestone.rewards:
        if isinstance(reward, Coupon):
            promise.setdefault("coupon", reward.name)
        elif isinstance(reward, Badge) and reward.title:
            promise.setdefault("badge", reward.title)
    return promise


def _waits_for(reward: Reward, rewards: Sequence[Reward]) -> tuple[int, ...]:
    if not isinstance(reward, Email):
        return ()
    wanted: tuple[type, ...] = ()
    if "coupon" in reward.uses:
        wanted += (Coupon,)
    if "badge" in reward.uses:
        wanted += (Badge,)
    return tuple(position for position, other in enumerate(rewards) if wanted and isinstance(other, wanted))


def _consent_to_tell(rewards: Sequence[Reward]) -> Consent:
    """What it takes to tell a customer of a coupon: a mail that needs no subscription may be among those that do."""
    tell = {reward.consent for reward in rewards if isinstance(reward, Email) and "coupon" in reward.uses}
    return Consent.SERVICE if Consent.SERVICE in tell else Consent.MARKETING


def _payload(
    reward: Reward, key: str, context: Context, start: datetime, rewards: Sequence[Reward]
) -> dict[str, Any]:
    match reward:
        case Coupon():
            return {**_coupon(reward, key, context, start), "consent": _consent_to_tell(rewards).value}
        case Badge():
            return {"title": reward.title, "badge_id": reward.badge_id, "create": reward.create}
        case Points():
            return {
                "amount": reward.amount,
                "description": reward.description,
                "idempotency_key": keys.idempotency_key(context.secret, key),
                "cap": None if reward.cap is None else [reward.cap.times, reward.cap.period.total_seconds()],
            }
        case Email():
            return {"template": reward.template, "consent": reward.consent.value}
        case Webhook():
            return {
                "url": reward.url,
                "secret_name": reward.secret_name,
                "webhook_id": keys.webhook_id(context.secret, key),
            }


def _coupon(coupon: Coupon, key: str, context: Context, start: datetime) -> dict[str, Any]:
    specification: dict[str, Any] = {
        "name": coupon.name,
        "code": keys.coupon_code(context.secret, key, coupon.prefix),
        "startTime": validity.milliseconds(start),
        "usageLimit": 1,
        "active": True,
        coupon.discount.value: True
        if coupon.discount is Discount.FREE_SHIPPING
        else float(coupon.amount or 0),
    }
    validity_of = None
    if coupon.valid_for is not None:
        specification |= validity.specified(start, coupon.valid_for, context.timezone)
        validity_of = {"seconds": coupon.valid_for.total_seconds(), "timezone": context.timezone.key}
    if coupon.limited_to_one_item:
        specification["limitedToOneItem"] = True
    if coupon.minimum_subtotal is not None:
        specification["minimumSubtotal"] = float(coupon.minimum_subtotal)
    if coupon.scope is not None:
        specification["scope"] = _scope(coupon.scope)
    return {
        "specification": specification,
        "validity": validity_of,
        "when_unmailable": coupon.when_unmailable.value,
    }


def _scope(scope: str) -> dict[str, Any]:
    namespace, _, rest = scope.partition("/")
    group, _, entity = rest.partition("/")
    found: dict[str, Any] = {"namespace": namespace}
    if group:
        found["group"] = {"name": group, **({"entityId": entity} if entity else {})}
    return found
