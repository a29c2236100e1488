"""A site's program as it is, in the words of the configuration, so that the two can be compared. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from milestones.domain.program import Content, Fields, ThingKind

OTHER = "other"
"""The type of a reward that the configuration has no words for."""


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing of the site. In its content, ``at`` goes by the ids of tiers.

    automated: a rule that Wix's API cannot change. deletable: whether it can be removed at all.
    entity: as Wix described it, for writing it back.
    """

    kind: ThingKind
    id: str
    title: str
    content: Content
    automated: bool = False
    deletable: bool = True
    entity: Any = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Features:
    """What the site's plan at Wix allows."""

    program: bool = True
    tiers: bool = True
    expiration: bool = True


@dataclass(frozen=True, slots=True)
class Live:
    """The whole of it.

    active: None while it is a draft. settings: of the tiers; empty where none were made.
    doubtful: by kind and title, what was asked for a moment ago and does not show: it may be there.
    """

    details: Fields = field(default_factory=dict)
    active: bool | None = None
    expires: bool = False
    settings: Fields = field(default_factory=dict)
    tiers: tuple[Thing, ...] = ()
    badges: tuple[Thing, ...] = ()
    earn: tuple[Thing, ...] = ()
    rewards: tuple[Thing, ...] = ()
    features: Features = Features()
    doubtful: frozenset[tuple[str, str]] = frozenset()
    program_entity: Any = field(default=None, compare=False, repr=False)
    settings_entity: Any = field(default=None, compare=False, repr=False)

    def things(self, kind: ThingKind) -> tuple[Thing, ...]:
        """Those of a kind of which there may be several."""
        return self.lists[kind]

    @property
    def lists(self) -> Mapping[ThingKind, tuple[Thing, ...]]:
        """All things of which there may be several."""
        return {
            ThingKind.TIER: self.tiers,
            ThingKind.BADGE: self.badges,
            ThingKind.EARN: self.earn,
            ThingKind.REWARD: self.rewards,
        }
