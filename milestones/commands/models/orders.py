"""Orders: what a person or a program asks for, for one account."""

from typing import Any, ClassVar

from pydantic import Field, StrictInt

from milestones.commands.models.command import Answer, Command, NoReport
from milestones.domain.order import Create, OrderSource
from milestones.domain.token import Scope

LONGEST_WAIT = 30.0


class OrderedAction(Answer):
    """An action that an order owes, as ``outbox show`` has it. reason: why it stands where it stands."""

    id: int
    kind: str
    state: str
    sentence: str
    reason: str | None
    error: str | None
    result: dict[str, Any] | None


class OrderAnswer(Answer):
    """An order, and what became of it.

    created: whether it was recorded now, and not when it was asked for before with the same key. settled: whether
    nothing more will become of it by itself. works: whether who was asked does it, and not the next daemon.
    """

    order: int
    key: str
    created: bool
    site: str
    account: str
    verdict: str
    settled: bool
    works: bool
    actions: tuple[OrderedAction, ...]

    @property
    def is_done(self) -> bool:
        """Whether all of it took place."""
        return all(action.state == "done" for action in self.actions)


class Keyed(Command[OrderAnswer, NoReport]):
    """An order. key: with the same one again the same order is meant. wait: for so many seconds for what becomes of it.

    source: who asks.
    """

    scopes: ClassVar[frozenset[Scope]] = frozenset({Scope.POINTS})
    told_apart: ClassVar[frozenset[str]] = frozenset({"key", "source"})

    site: str | None = None
    key: str
    source: OrderSource = OrderSource.CLI
    wait: float = Field(default=5.0, ge=0, le=LONGEST_WAIT, allow_inf_nan=False)


class OrderCommand(Keyed):
    """An order for one account, by its id, a contact or member id, an address, a name, or the beginning of an id."""

    account: str


class OrderForAnybody(OrderCommand):
    """An order for one account. create: what may be made of a mail address or a contact id that has none."""

    create: Create = Create.NOTHING


class AdjustAccount(OrderForAnybody):
    """Change the points of an account by an amount, or to a balance: exactly one of ``by`` and ``to``."""

    path: ClassVar[str] = "/accounts/adjust"

    by: StrictInt | None = None
    to: StrictInt | None = None
    reason: str


class EarnForAccount(OrderForAnybody):
    """Have an account earn points, which count for its tier as well."""

    path: ClassVar[str] = "/accounts/earn"

    amount: StrictInt
    description: str


class CreateAccount(Keyed):
    """Open an account for a contact, by its id or its mail address: exactly one of the two. One that is there is found.

    create_contact: make the contact where Wix has none with the address, with these names and this telephone number.
    """

    path: ClassVar[str] = "/accounts/create"

    contact: str = ""
    email: str = ""
    create_contact: bool = False
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
