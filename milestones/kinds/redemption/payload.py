"""A reward that is redeemed for a coupon, as it is ordered, and what is frozen of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result

_SINCE = {"APPLIED": "used by now", "ARCHIVED": "its coupon was deleted since", "FAILED": "failed since"}
"""What is said of a coupon by its status, in Wix's words, where that is not that it may be used."""


@dataclass(frozen=True, slots=True)
class RedemptionPayload(kind.Payload):
    """reward: its name when it was ordered. cost: what it cost then, in points: nobody pays more without being asked."""

    reward_id: str
    reward: str
    cost: int

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(frozen["reward_id"], frozen["reward"], frozen["cost"])

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """For how many points."""
        return f"A redemption of {self.cost:,} points"

    def subject(self, result: Result) -> str:
        """Which reward, and what became of its coupon since."""
        name = str(result.get("reward") or self.reward)
        since = _SINCE.get(str(result.get("status")))
        return name if since is None else f"{name} ({since})"

    def assumed_result(self) -> dict[str, Any]:
        """The coupon and its code are not known."""
        return {
            "coupon_id": None,
            "code": None,
            "reward_id": self.reward_id,
            "reward": self.reward,
            "cost": self.cost,
            "status": None,
            "transaction_id": None,
        }


@dataclass(frozen=True, slots=True)
class RedeemReward:
    """A request (``domain.order.Request``). name, cost: as the reward has them now; they do not make it another request."""

    kind: ClassVar[str] = "redemption"
    needs_account: ClassVar[bool] = True

    reward_id: str
    name: str
    cost: int

    def fault(self) -> str | None:
        """Which rewards there are, Wix tells."""
        return None

    def to_json(self) -> dict[str, Any]:
        """The reward."""
        return {"reward_id": self.reward_id}

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """Wix takes no key."""
        del secret, key, account_id
        return RedemptionPayload(self.reward_id, self.name, self.cost).to_json()


KIND = Kind(
    name=RedeemReward.kind,
    read=RedemptionPayload.from_json,
    done="made",
    plural="Redemptions",
)
