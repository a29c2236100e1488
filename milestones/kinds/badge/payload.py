"""A badge as a reward, and what is frozen of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from milestones.domain.milestone import Giving, Reward
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


@dataclass(frozen=True, slots=True)
class BadgePayload(kind.Payload):
    """The badge by its title or its id. ``create`` makes a missing one."""

    title: str | None
    badge_id: str | None
    create: bool = False

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(frozen.get("title"), frozen.get("badge_id"), bool(frozen.get("create")))

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    def name(self) -> str:
        """Any badge."""
        return "A badge"

    def subject(self, result: Result) -> str:
        """Its title, where that is known."""
        return str(result.get("title") or self.title or self.badge_id)

    def assumed_result(self) -> dict[str, Any]:
        """To whom it was given is not known."""
        return {"badge_id": self.badge_id, "title": self.title or ""}

    @property
    def named(self) -> str:
        """The badge as the configuration names it: by its id or its title."""
        return str(self.badge_id or self.title)


@dataclass(frozen=True, slots=True)
class Badge(Reward):
    """A badge by its id or title. ``create`` makes a missing one."""

    kind = "badge"
    is_shown = True

    title: str | None
    badge_id: str | None
    create: bool = False

    def freeze(self, giving: Giving) -> BadgePayload:
        """Which badge it is."""
        del giving
        return BadgePayload(self.title, self.badge_id, self.create)

    def summarize(self) -> str:
        """Such as "badge (Star customer)"."""
        return f"badge ({self.title or self.badge_id})"

    def promise(self) -> str | None:
        """Its title, if the configuration knows it."""
        return self.title


def scrub(result: Result) -> dict[str, Any]:
    """Take out who has it."""
    return {**result, "member_id": None}


KIND = Kind(
    name=Badge.kind,
    read=BadgePayload.from_json,
    done="given",
    plural="Badges",
    refuses_repetition=True,
    scrub=scrub,
)
