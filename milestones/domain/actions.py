"""What a grant or a reminder owes, and the life of each such action.

An action carries everything it needs, frozen when it was recorded: a new configuration never alters it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from milestones.domain import keys
from milestones.domain.crossing import Crossing
from milestones.domain.milestone import Consent, Giving, Milestone, Repeat, Reward

MAIL = "email"
"""The kind of what a reminder owes."""


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


FAILED = frozenset({State.DISCARDED, State.CANCELLED})

FINAL = FAILED | {State.DONE}


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """An action to be recorded.

    waits_for: positions, among the actions of the same grant, of those whose variables it uses.
    """

    key: str
    position: int
    kind: str
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
    rewards = _last_at_the_end(milestone.rewards)
    planned = []
    for position, reward in enumerate(rewards):
        key = keys.action_key(owner, position)
        payload = reward.freeze(Giving(key, context.secret, available_at, context.timezone, rewards))
        waits_for = tuple(place for place, other in enumerate(rewards) if reward.shows(other))
        planned.append(
            PlannedAction(key, position, reward.kind, {**facts, **payload.to_json()}, available_at, waits_for)
        )
    return tuple(planned)


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
    return (PlannedAction(keys.action_key(owner, 0), 0, MAIL, payload, context.now),)


def _reached(crossing: Crossing) -> int:
    """The threshold that was passed: of a ladder, the rung."""
    if crossing.milestone.repeat is Repeat.LADDER:
        return crossing.occurrence
    return crossing.milestone.threshold


def _last_at_the_end(rewards: Sequence[Reward]) -> list[Reward]:
    return sorted(rewards, key=lambda reward: reward.is_last)


def _announced(milestone: Milestone) -> dict[str, str]:
    """What a reminder may promise, by kind: of each the first that has a name."""
    promises: dict[str, str] = {}
    for reward in milestone.rewards:
        if promise := reward.promise():
            promises.setdefault(reward.kind, promise)
    return promises
