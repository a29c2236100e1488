"""A loyalty account that is opened, and what is frozen of that."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


@dataclass(frozen=True, slots=True)
class AccountPayload(kind.Payload):
    """contact_id: whose it is to be; empty where the contact is found first. account_id: that which is known already."""

    contact_id: str
    account_id: str

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(frozen["contact_id"], frozen["account_id"])

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """What it is."""
        return "A loyalty account"

    def subject(self, result: Result) -> str:
        """Whether it was there."""
        if "created" in result:
            return "opened for the order" if result["created"] else "it was there already"
        return "found by its contact, or opened"

    def assumed_result(self) -> dict[str, Any]:
        """It is asked for again rather than assumed: without its id nothing can go on."""
        return {}


@dataclass(frozen=True, slots=True)
class OpenAccount:
    """A request (``domain.order.Request``): an account for who is asked for, made where there is none.

    contact_id: where it is known, and not the result of the step before.
    """

    kind: ClassVar[str] = "account"
    needs_account: ClassVar[bool] = True

    contact_id: str = ""

    def fault(self) -> str | None:
        """Nothing can be."""
        return None

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """It needs no key: a contact has one account."""
        del secret, key
        return AccountPayload(self.contact_id, account_id).to_json()


def scrub(result: Result) -> dict[str, Any]:
    """Take out whose it is."""
    return {**result, "contact_id": None} if result else {}


def forget(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take out whose it is."""
    return {**payload, "contact_id": ""}


KIND = Kind(
    name=OpenAccount.kind,
    read=AccountPayload.from_json,
    done="provided",
    plural="Accounts",
    is_repeatable=True,
    tells_whose=True,
    scrub=scrub,
    forget=forget,
)
