"""Points moved at another loyalty program, as a sync orders them, and what is frozen of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from milestones.domain import keys
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result

MOST_AMOUNT = 9_999_999
"""The most points of one adjustment, on either side."""


@dataclass(frozen=True, slots=True)
class ExternalPayload(kind.Payload):
    """external: the program's name in the configuration. member, email, phone: who it is there; the latter two are empty
    once the customer is erased. amount: negative to take. mark: by which the adjustment is known among theirs.
    idempotency: the key, for a program that takes one.
    """

    external: str
    member: str
    email: str
    phone: str
    amount: int
    mark: str
    idempotency: str

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(**{name: frozen[name] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """By how much, and where."""
        return f"An adjustment by {self.amount:+,} points at {self.external}"

    def subject(self, result: Result) -> str:
        """Of which member."""
        del result
        return f"member {self.member}"

    def assumed_result(self) -> dict[str, Any]:
        """The balance is not known."""
        return {"before": None}


@dataclass(frozen=True, slots=True)
class AdjustExternal:
    """A request (``domain.order.Request``). by: points, negative to take."""

    kind: ClassVar[str] = "external"
    needs_account: ClassVar[bool] = True

    external: str
    member: str
    email: str
    phone: str
    by: int

    def fault(self) -> str | None:
        """What no program takes."""
        if not 1 <= abs(self.by) <= MOST_AMOUNT:
            return f"Points are adjusted by -{MOST_AMOUNT:,} to {MOST_AMOUNT:,}, and not by 0."
        return None if self.external and self.member else "Name a program and a member of it."

    def to_json(self) -> dict[str, Any]:
        """What makes it another request; an address may change meanwhile."""
        return {"external": self.external, "member": self.member, "by": self.by}

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """With a mark and a key that are the same at every attempt."""
        del account_id
        return ExternalPayload(
            self.external,
            self.member,
            self.email,
            self.phone,
            self.by,
            keys.adjustment_mark(secret, key),
            keys.idempotency_key(secret, key),
        ).to_json()


def forget(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take out what names the customer."""
    return {**payload, "email": "", "phone": ""}


KIND = Kind(
    name=AdjustExternal.kind,
    read=ExternalPayload.from_json,
    done="booked",
    plural="Adjustments at other programs",
    forget=forget,
)
