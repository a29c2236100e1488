"""Points as a reward, and what is frozen of them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self

from milestones.domain import keys
from milestones.domain.milestone import Giving, Reward
from milestones.domain.order import find_text_fault
from milestones.domain.policy import Rate
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result

MOST_EARNED = 9_999_999
LONGEST_DESCRIPTION = 100
"""Of one call, and its characters (docs/wix-api.md, 6)."""


@dataclass(frozen=True, slots=True)
class PointsPayload(kind.Payload):
    """amount: 1 or more. idempotency_key: under which Wix books them once."""

    amount: int
    description: str
    idempotency_key: str
    cap: Rate | None = None

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        cap = frozen.get("cap")
        return cls(
            frozen["amount"],
            frozen["description"],
            frozen["idempotency_key"],
            Rate(cap[0], timedelta(seconds=cap[1])) if cap is not None else None,
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored; the period in seconds."""
        return {
            "amount": self.amount,
            "description": self.description,
            "idempotency_key": self.idempotency_key,
            "cap": None if self.cap is None else [self.cap.times, self.cap.period.total_seconds()],
        }

    def name(self) -> str:
        """How many."""
        return f"{self.amount:,} points"

    def subject(self, result: Result) -> str:
        """What the customer reads of them in Wix."""
        del result
        return self.description or "its description was erased"

    def assumed_result(self) -> dict[str, Any]:
        """The transaction is not known."""
        return {"amount": self.amount, "transaction_id": None}


@dataclass(frozen=True, slots=True)
class Points(Reward):
    """Points as a reward. ``cap`` bounds how often one account may get them."""

    kind = "points"

    amount: int
    description: str
    cap: Rate | None = None

    def freeze(self, giving: Giving) -> PointsPayload:
        """With a key that is the same at every attempt."""
        return PointsPayload(
            self.amount, self.description, keys.idempotency_key(giving.secret, giving.key), self.cap
        )

    def summarize(self) -> str:
        """Such as "50 points"."""
        return f"{self.amount:,} points"


@dataclass(frozen=True, slots=True)
class EarnPoints:
    """A request (``domain.order.Request``): points to be earned, with what the customer reads of them in Wix."""

    kind: ClassVar[str] = "points"
    needs_account: ClassVar[bool] = True

    amount: int
    description: str

    def fault(self) -> str | None:
        """What Wix would refuse."""
        if not 1 <= self.amount <= MOST_EARNED:
            return f"Points are earned by 1 to {MOST_EARNED:,} at a time."
        return find_text_fault("The description", self.description, LONGEST_DESCRIPTION)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """With a key that is the same at every attempt."""
        del account_id
        return PointsPayload(self.amount, self.description, keys.idempotency_key(secret, key)).to_json()


def forget(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take out the words of who ordered them, which may name the customer. A milestone's are the shop's own."""
    return {**payload, "description": ""} if "order" in payload else dict(payload)


KIND = Kind(
    name=Points.kind,
    read=PointsPayload.from_json,
    done="given",
    plural="Points",
    is_many=True,
    refuses_repetition=True,
    forget=forget,
)
