"""A reward or a loyalty coupon that is applied to a checkout, as it is ordered, and what is frozen of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self
from uuid import UUID

from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result

MOST_POINTS = 9_999_999
"""That are spent at a checkout at once (docs/wix-api.md, 2.7)."""


@dataclass(frozen=True, slots=True)
class DiscountPayload(kind.Payload):
    """What is applied: a reward or a loyalty coupon, by its id. The other is None.

    what: its name when it was ordered. points: to be spent; None where the price says how many. cost: what the reward
    cost when it was ordered; None of a coupon, which was paid for.
    """

    checkout_id: str
    reward_id: str | None
    coupon_id: str | None
    what: str
    points: int | None = None
    cost: int | None = None

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(
            frozen["checkout_id"],
            frozen["reward_id"],
            frozen["coupon_id"],
            frozen["what"],
            frozen["points"],
            frozen["cost"],
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """Any discount."""
        return "A discount"

    def subject(self, result: Result) -> str:
        """What, and where."""
        del result
        return f"{self.what} at checkout {self.checkout_id}"

    def assumed_result(self) -> dict[str, Any]:
        """The discount's id is not known."""
        return {
            "discount_id": None,
            "checkout_id": self.checkout_id,
            "points": self.points or self.cost,
            "status": None,
        }

    @property
    def thing(self) -> str:
        """The id of what is applied."""
        return str(self.reward_id or self.coupon_id)


@dataclass(frozen=True, slots=True)
class ApplyDiscount:
    """A request (``domain.order.Request``). Exactly one of ``reward_id`` and ``coupon_id`` is given.

    points: to be spent, where the reward lets choose; None for its price. what, cost: as they are now; they do not make it
    another request.
    """

    kind: ClassVar[str] = "discount"
    needs_account: ClassVar[bool] = False

    checkout_id: str
    what: str
    reward_id: str | None = None
    coupon_id: str | None = None
    points: int | None = None
    cost: int | None = None

    def fault(self) -> str | None:
        """What Wix would refuse."""
        if (self.reward_id is None) == (self.coupon_id is None):
            return "Give either a reward or a loyalty coupon to apply."
        if self.points is not None and self.coupon_id is not None:
            return "A loyalty coupon was paid for when it was redeemed; no points are spent on it."
        if self.points is not None and not 1 <= self.points <= MOST_POINTS:
            return f"At a checkout 1 to {MOST_POINTS:,} points are spent."
        try:
            UUID(self.checkout_id)
        except ValueError:
            return "A checkout is named by its id, such as 0e5b1f0c-5d0a-4d3c-9f0a-2b8f6c1d7e42."
        return None

    def to_json(self) -> dict[str, Any]:
        """What is applied where, and for how many points where that was said."""
        return {
            "checkout_id": self.checkout_id,
            "reward_id": self.reward_id,
            "coupon_id": self.coupon_id,
            "points": self.points,
        }

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """Wix takes no key."""
        del secret, key, account_id
        return DiscountPayload(
            self.checkout_id, self.reward_id, self.coupon_id, self.what, self.points, self.cost
        ).to_json()


KIND = Kind(
    name=ApplyDiscount.kind,
    read=DiscountPayload.from_json,
    done="applied",
    plural="Discounts",
    refuses_repetition=True,
)
