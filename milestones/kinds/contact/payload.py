"""The contact that an order is for, and what is frozen of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from milestones.domain.order import Person
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


@dataclass(frozen=True, slots=True)
class ContactPayload(kind.Payload):
    """email: by which it is found; empty once its customer is erased. make: whether one is made where there is none, with
    these names and this telephone number.
    """

    email: str
    make: bool
    first_name: str
    last_name: str
    phone: str

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(
            frozen["email"], frozen["make"], frozen["first_name"], frozen["last_name"], frozen["phone"]
        )

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """What it is."""
        return "A contact"

    def subject(self, result: Result) -> str:
        """Whether it was there."""
        if "created" in result:
            return "made for the order" if result["created"] else "it was there already"
        return "found by its address, or made" if self.make else "found by its address"

    def assumed_result(self) -> dict[str, Any]:
        """It is asked for again rather than assumed: without its id nothing can go on."""
        return {}


@dataclass(frozen=True, slots=True)
class FindContact:
    """The first step (``domain.order.Request``) of an order for somebody of whom only the address is known."""

    kind: ClassVar[str] = "contact"
    needs_account: ClassVar[bool] = False

    person: Person
    make: bool

    def fault(self) -> str | None:
        """What is wrong with the person."""
        return self.person.fault()

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def freeze(self, secret: bytes, key: str, account_id: str) -> dict[str, Any]:
        """It needs no key: Wix has no two contacts with one address."""
        del secret, key, account_id
        told = self.person
        return ContactPayload(told.email, self.make, told.first_name, told.last_name, told.phone).to_json()


def scrub(result: Result) -> dict[str, Any]:
    """Take out who it is."""
    return {**result, "contact_id": None} if result else {}


def forget(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Take out the address, the names and the telephone number."""
    return {**payload, "email": "", "first_name": "", "last_name": "", "phone": ""}


KIND = Kind(
    name=FindContact.kind,
    read=ContactPayload.from_json,
    done="provided",
    plural="Contacts",
    is_repeatable=True,
    tells_whose=True,
    scrub=scrub,
    forget=forget,
)
