"""What the shop promises: a measure, a threshold, a window in which it is near, and what is given."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar, Protocol
from zoneinfo import ZoneInfo

from milestones.domain.observation import Measure

MOST_RUNGS = 10_000
"""A ladder ends with this rung. Where it ends is a property of the definition and not of a jump, so that the
order of events cannot change what is given; and one jump, up to Wix's 999,999,999 points, stays small."""


class Repeat(StrEnum):
    """How often one account can reach a milestone."""

    ONCE = "once"
    EVERY = "every"
    LADDER = "ladder"


class Consent(StrEnum):
    """What a mail needs of its reader: a marketing mail needs a subscription, a service mail does not.
    Both obey suppression and a bounced address.
    """

    MARKETING = "marketing"
    SERVICE = "service"


class Payload(Protocol):
    """Everything that doing an action needs, frozen when it was recorded."""

    def to_json(self) -> dict[str, Any]:
        """As it is stored with the action."""


@dataclass(frozen=True, slots=True)
class Giving:
    """What a reward is frozen with.

    key: of its action. secret: of this installation. start: when it is due, UTC. timezone: of the site's days.
    beside: all the rewards of the grant.
    """

    key: str
    secret: bytes = field(repr=False)
    start: datetime
    timezone: ZoneInfo
    beside: "Sequence[Reward]"


class Reward(Protocol):
    """What a milestone gives: one action of its kind. Each kind that may be given has its own (``milestones/kinds``).

    kind: as it is stored. is_shown: whether a mail may show what was given, in the group of variables that is named
    after the kind. is_last: whether it comes after all that it may tell of.
    """

    kind: ClassVar[str]
    is_shown: ClassVar[bool] = False
    is_last: ClassVar[bool] = False

    def freeze(self, giving: Giving) -> Payload:
        """Everything that giving it will need: a later configuration never alters it."""

    def summarize(self) -> str:
        """In the fewest words, for `milestones check`."""

    def shows(self, other: "Reward") -> bool:
        """Whether it shows what another gave, and so waits for it."""
        del other
        return False

    def needed_consent(self) -> "Consent | None":
        """What it takes to tell a customer by it; None where it tells nobody anything."""
        return None

    def promise(self) -> str | None:
        """What a reminder may say of it: a name, never a code."""
        return None


@dataclass(frozen=True, slots=True)
class Near:
    """The window below a threshold in which a customer is reminded.

    within: points; the window is [threshold - within, threshold - 1].
    """

    within: int
    template: str
    uses: frozenset[str]
    remind_every: timedelta
    max_reminders: int


@dataclass(frozen=True, slots=True)
class Milestone:
    """A definition.

    threshold: points; for a LADDER the distance between two rungs (``every_points``).
    rearm_below: for EVERY, the measure must fall below this before it can be reached anew.
    settle_for: the reward is given only if the threshold is still reached after this time. An EVERY that is reached anew
        within it gives one reward, that of the newest cycle.
    """

    key: str
    title: str
    measure: Measure
    threshold: int
    repeat: Repeat
    rewards: tuple[Reward, ...]
    near: Near | None = None
    rearm_below: int | None = None
    settle_for: timedelta | None = None

    @property
    def rule(self) -> tuple[Measure, int, Repeat, int | None]:
        """What decides a crossing. Only a change of it makes a new version; a new title or reward does not."""
        return self.measure, self.threshold, self.repeat, self.rearm_below

    def is_given(self, occurrence: int, granted: Collection[int]) -> bool:
        """Whether it counts as given to an account with these grants of its key, by occurrence. ONCE means the key:
        what a ladder or an EVERY of the same key gave before counts as well.
        """
        return bool(granted) if self.repeat is Repeat.ONCE else occurrence in granted

    def rungs(self, low: int, high: int) -> range:
        """Of a LADDER: the rungs above ``low`` and at or below ``high``, in points."""
        step = self.threshold
        return range((max(low, 0) // step + 1) * step, min(high, MOST_RUNGS * step) + 1, step)

    def target(self, value: int) -> int:
        """The threshold that an account with this value has before it, in points. Past the end of a ladder
        there is none: it answers with a rung that ``ends_before`` refuses.
        """
        if self.repeat is Repeat.LADDER:
            # A balance may be negative; the first rung is still the first.
            return (max(value, 0) // self.threshold + 1) * self.threshold
        return self.threshold

    def ends_before(self, target: int) -> bool:
        """Whether a LADDER has no such rung any more."""
        return self.repeat is Repeat.LADDER and target > MOST_RUNGS * self.threshold

    def missing(self, value: int) -> int | None:
        """Points missing when the value is inside the near window, else None."""
        target = self.target(value)
        missing = target - value
        if self.near is None or self.ends_before(target) or not 0 < missing <= self.near.within:
            return None
        return missing
