"""A mail as a reward, and what is frozen of it: which template, and what its reader must have agreed to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from milestones.domain.actions import MAIL
from milestones.domain.milestone import Consent, Giving, Reward
from milestones.kinds import kind
from milestones.kinds.kind import Kind, Result


@dataclass(frozen=True, slots=True)
class EmailPayload(kind.Payload):
    """What is frozen of a mail; a reminder's is planned by ``domain.actions``."""

    template: str
    consent: Consent = Consent.MARKETING

    @classmethod
    def from_json(cls, frozen: Mapping[str, Any]) -> Self:
        """As it was stored."""
        return cls(frozen["template"], Consent(frozen["consent"]))

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return {"template": self.template, "consent": self.consent.value}

    def name(self) -> str:
        """Any mail."""
        return "A mail"

    def subject(self, result: Result) -> str:
        """Its subject, once it was written."""
        return str(result.get("subject") or self.template)

    def assumed_result(self) -> dict[str, Any]:
        """What it said is not known."""
        return {"message_id": None, "template": self.template, "subject": None}


@dataclass(frozen=True, slots=True)
class Email(Reward):
    """A mail by its template. ``uses`` are the template's variable groups (``coupon``, ``badge``, ...)."""

    kind = MAIL
    is_last = True

    template: str
    uses: frozenset[str]
    consent: Consent = Consent.MARKETING

    def freeze(self, giving: Giving) -> EmailPayload:
        """Which template, and for whom."""
        del giving
        return EmailPayload(self.template, self.consent)

    def summarize(self) -> str:
        """Such as "email (milestone-reached)"."""
        return f"{self.kind} ({self.template})"

    def shows(self, other: Reward) -> bool:
        """Whether its template has variables of the other."""
        return other.is_shown and other.kind in self.uses

    def needed_consent(self) -> Consent:
        """That of its reader."""
        return self.consent


def scrub(result: Result) -> dict[str, Any]:
    """Take out its id, by which the folder keeps it, and its subject, which may name the customer."""
    return {"template": result.get("template"), "message_id": None, "subject": None}


def copy(result: Result) -> str | None:
    """The Message-ID of one that was sent."""
    message_id = result.get("message_id")
    return str(message_id) if message_id else None


KIND = Kind(
    name=Email.kind,
    read=EmailPayload.from_json,
    done="sent",
    plural="Mails",
    is_message=True,
    scrub=scrub,
    copy=copy,
)
