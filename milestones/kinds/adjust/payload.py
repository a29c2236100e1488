"""Points changed by an amount or to a balance, as they are ordered, and what is frozen of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from milestones.domain import keys
from milestones.domain.order import find_text_fault
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result

MOST_AMOUNT = 9_999_999
MOST_BALANCE = 999_999_999
"""The most points that one adjustment moves, and the highest balance that it sets (docs/wix-api.md, 6)."""

LONGEST_REASON = 100 - keys.CODE_SYMBOLS - len(" ()")
"""Characters: Wix's description has 100, and our mark stands in it."""


@dataclass(frozen=True, slots=True)
class AdjustPayload(kind.Payload):
    """amount: to be added, negative to take; or balance: to be set. One of them is None.

    account_id: for which it was ordered; empty where that is the result of the action that it waits for. reason: in the
    words of who ordered it; empty once its customer is erased. mark: by which its transaction is known. mutes: whether
    what it changes reaches no milestone (``domain.mute``).
    """

    account_id: str
    amount: int | None
    balance: int | None
    reason: str
    mark: str
    mutes: bool = False

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        told = {name: frozen[name] for name in ("account_id", "amount", "balance", "reason", "mark")}
        return cls(**told, mutes=frozen.get("mutes", False))

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @property
    def description(self) -> str:
        """What Wix keeps with the transaction."""
        return f"{self.reason} ({self.mark})"

    def name(self) -> str:
        """By how much, or to what."""
        if self.balance is not None:
            return f"An adjustment to {self.balance:,} points"
        return f"An adjustment by {self.amount:+,} points"

    def subject(self, result: Result) -> str:
        """Why."""
        del result
        return self.reason or "its reason was erased"

    def assumed_result(self) -> dict[str, Any]:
        """The transaction and the balances are not known."""
        return {"before": None, "after": self.balance, "transaction_id": None}


@dataclass(frozen=True, slots=True)
class AdjustPoints:
    """A request (``domain.order.Request``). Exactly one of ``by`` and ``to`` is given, in points.

    mutes: as in ``AdjustPayload``.
    """

    kind: ClassVar[str] = "adjust"
    needs_account: ClassVar[bool] = True

    by: int | None
    to: int | None
    reason: str
    mutes: bool = False

    def fault(self) -> str | None:
        """What Wix would refuse, and what nobody can mean."""
        if (self.by is None) == (self.to is None):
            return "Give either an amount to adjust by or a balance to adjust to."
        if self.by is not None and not 1 <= abs(self.by) <= MOST_AMOUNT:
            return f"Points are adjusted by -{MOST_AMOUNT:,} to {MOST_AMOUNT:,}, and not by 0."
        if self.to is not None and not 0 <= self.to <= MOST_BALANCE:
            return f"A balance is 0 to {MOST_BALANCE:,} points."
        return find_text_fault("The reason", self.reason, LONGEST_REASON)

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """With a mark that is the same at every attempt."""
        mark = keys.adjustment_mark(secret, key)
        return AdjustPayload(account_id, self.by, self.to, self.reason, mark, self.mutes).to_json()


def forget(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take out the reason, which may name the customer."""
    return {**payload, "reason": ""}


KIND = Kind(
    name=AdjustPoints.kind,
    read=AdjustPayload.from_json,
    done="booked",
    plural="Adjustments",
    forget=forget,
)
