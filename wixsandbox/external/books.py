"""What one program holds: members, what moved their points, and how it behaves."""

from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from wixsandbox.errors import RefusedError
from wixsandbox.wire import stamp

KEPT = 10_000
"""Movements that a program remembers."""


class Behaviour(BaseModel):
    """What a test wants to provoke.

    busy: so many of the next writes are answered as busy. throttled: so many of the next calls with 429.
    settle_seconds: how long a program that books later takes. lies: writes are accepted and book nothing.
    html: so many of the next calls are answered with a web page. looping: the list's cursor comes back to where it was.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    busy: int = Field(default=0, ge=0)
    throttled: int = Field(default=0, ge=0)
    settle_seconds: float = Field(default=0.0, ge=0, le=3600)
    lies: bool = False
    html: int = Field(default=0, ge=0)
    looping: bool = False

    def take(self, name: str) -> bool:
        """Whether it happens now; counted down."""
        left: int = getattr(self, name)
        setattr(self, name, max(0, left - 1))
        return left > 0


@dataclass(slots=True)
class Member:
    """One customer of the program. updated: by the program's own clock."""

    id: str
    email: str = ""
    phone: str = ""
    balance: int = 0
    active: bool = True
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """Points that moved. text: what stood beside it."""

    id: int
    member: str
    amount: int
    text: str
    at: str


@dataclass(slots=True)
class Books:
    """One program. later: movements that are accepted and not booked yet. keys: idempotency keys that were used."""

    clock: Callable[[], datetime]
    members: dict[str, Member] = field(default_factory=dict)
    movements: deque[Movement] = field(default_factory=lambda: deque(maxlen=KEPT))
    behaviour: Behaviour = field(default_factory=Behaviour)
    keys: dict[str, int] = field(default_factory=dict)
    later: list[tuple[datetime, str, int, str]] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    events: list[tuple[str, Member]] = field(default_factory=list)
    webhook: tuple[str, str] | None = None

    def add(self, member: Member) -> None:
        """Add a customer, or replace the record of one."""
        known = member.id in self.members
        member.updated = stamp(self.clock())
        self.members[member.id] = member
        self.tell("updated" if known else "created", member)

    def delete(self, member_id: str) -> None:
        """Remove a customer. Raises RefusedError."""
        self.tell("deleted", self.member(member_id))
        del self.members[member_id]

    def member(self, member_id: str) -> Member:
        """Raises RefusedError for one that is not there."""
        if member_id not in self.members:
            raise RefusedError(404, "NOT_FOUND", "There is no such member")
        return self.members[member_id]

    def move(self, member_id: str, amount: int, text: str, *, floor: int | None = None) -> Movement:
        """Book points. Raises RefusedError for an unknown member, and below the floor."""
        member = self.member(member_id)
        if floor is not None and amount < 0 and member.balance + amount < floor:
            raise RefusedError(422, "INSUFFICIENT_POINTS", "The balance would go below 0")
        movement = Movement(len(self.movements) + 1, member_id, amount, text, stamp(self.clock()))
        if not self.behaviour.lies:
            member.balance += amount
            member.updated = movement.at
            self.movements.append(movement)
            self.tell("updated", member)
        return movement

    def move_later(self, member_id: str, amount: int, text: str) -> None:
        """Accept points that are booked once ``settle_seconds`` have gone by."""
        self.member(member_id)
        self.later.append((self.clock(), member_id, amount, text))
        self.advance()

    def advance(self) -> None:
        """Book what was accepted and is due."""
        now, seconds = self.clock(), self.behaviour.settle_seconds
        due = [one for one in self.later if (now - one[0]).total_seconds() >= seconds]
        self.later = [one for one in self.later if one not in due]
        for _, member_id, amount, text in due:
            if member_id in self.members:
                self.move(member_id, amount, text)

    def history(self, member_id: str, limit: int) -> list[Movement]:
        """What moved the points of one member, newest first."""
        of_member = [one for one in reversed(self.movements) if one.member == member_id]
        return of_member[:limit]

    def tell(self, what: str, member: Member) -> None:
        """Send an event, where somebody listens."""
        if self.webhook is not None:
            self.events.append((what, Member(**asdict(member))))

    def state(self) -> dict[str, Any]:
        """Everything, for the control plane."""
        return {
            "members": [asdict(member) for member in self.members.values()],
            "movements": [asdict(movement) for movement in self.movements],
            "pending": len(self.later),
            "calls": dict(self.calls),
        }


def page_of(
    books: Books, limit: int, cursor: str, chosen: list[Member] | None = None
) -> tuple[list[Member], str]:
    """Members from a cursor on, and the cursor of the next page; empty at the end."""
    members = list(books.members.values()) if chosen is None else chosen
    start = int(cursor) if cursor.isdecimal() else 0
    page = members[start : start + limit]
    if books.behaviour.looping:
        return page, "0"
    return page, str(start + limit) if start + limit < len(members) else ""
