"""What the shop promises: a measure, a threshold, a window in which it is near, and what is given."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from milestones.domain.observation import Measure
from milestones.domain.policy import Rate

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


class WhenUnmailable(StrEnum):
    """What becomes of a coupon for a customer who may not be mailed: made all the same, or once they opt in."""

    CREATE = "create"
    WAIT = "wait"


class Discount(StrEnum):
    """The kinds of coupon; the name is that of the field in Wix's specification (docs/wix-api.md, 2.11)."""

    PERCENT_OFF = "percentOffRate"
    MONEY_OFF = "moneyOffAmount"
    FIXED_PRICE = "fixedPriceAmount"
    FREE_SHIPPING = "freeShipping"


@dataclass(frozen=True, slots=True)
class Coupon:
    """A personal coupon: one code, used once.

    amount: percent for PERCENT_OFF, money of the site's currency for MONEY_OFF and FIXED_PRICE, as decimal
        text; None for FREE_SHIPPING.
    scope: namespace, group and entity, as ``stores``, ``stores/product`` or ``stores/product/ID``; or
    minimum_subtotal: money as decimal text. Exactly one of the two, except that free shipping takes no scope.
    """

    name: str
    discount: Discount
    amount: str | None
    scope: str | None
    minimum_subtotal: str | None
    valid_for: timedelta | None
    prefix: str = ""
    limited_to_one_item: bool = False
    when_unmailable: WhenUnmailable = WhenUnmailable.CREATE


@dataclass(frozen=True, slots=True)
class Badge:
    """A badge by its id or title. ``create`` makes a missing one."""

    title: str | None
    badge_id: str | None
    create: bool = False


@dataclass(frozen=True, slots=True)
class Points:
    """Points as a reward. ``cap`` bounds how often one account may get them."""

    amount: int
    description: str
    cap: Rate | None = None


@dataclass(frozen=True, slots=True)
class Email:
    """A mail by its template. ``uses`` are the template's variable groups (``coupon``, ``badge``, ...)."""

    template: str
    uses: frozenset[str]
    consent: Consent = Consent.MARKETING


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST to the operator's own service. ``secret_name`` names the setting, never its value."""

    url: str
    secret_name: str


Reward = Coupon | Badge | Points | Email | Webhook


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
