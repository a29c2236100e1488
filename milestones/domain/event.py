"""What Wix can tell, after signature and envelope are gone. One kind each; nothing here knows of HTTP or JSON."""

from dataclasses import dataclass
from datetime import datetime

from milestones.domain.observation import Observation


@dataclass(frozen=True, slots=True)
class AccountSeen:
    """A loyalty account was created, updated, or its points moved: its state, as it was then."""

    observation: Observation


@dataclass(frozen=True, slots=True)
class SubscriptionChanged:
    """A mail subscription as it is now. Such events have no id and no sequence (docs/wix-api.md, 4.5)."""

    email: str
    status: str
    deliverability: str | None
    changed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ContactDeleted:
    """A contact is gone. merged: a merge caused it, and its own event tells into which contact."""

    contact_id: str
    anonymized: bool = False
    merged: bool = False


@dataclass(frozen=True, slots=True)
class ContactMerged:
    """Some contacts became one."""

    target_id: str
    source_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Anonymized:
    """Any event that a privacy request caused, about whomever it names."""

    contact_id: str | None = None
    member_id: str | None = None
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class AccountGone:
    """A read found that an account is no more, while its contact lives on. No event tells that."""

    account_id: str


@dataclass(frozen=True, slots=True)
class AppInstalled:
    """The app was installed on the site."""


@dataclass(frozen=True, slots=True)
class AppRemoved:
    """The app was removed from the site."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """A valid event of a type that nothing here listens to: acknowledged and counted."""


Gone = ContactDeleted | ContactMerged | Anonymized | AccountGone
"""Tells that somebody is no longer who they were."""

Event = AccountSeen | SubscriptionChanged | Gone | AppInstalled | AppRemoved | Unneeded


@dataclass(frozen=True, slots=True)
class Heard:
    """One event of one site.

    event_id: unique per event where Wix gives one; for logs and the trace, not for deduplication, which
        rests on what the event says.
    by_app: our app's id caused it (identity type APP), so it may be an echo.
    """

    site_id: str
    event_type: str
    event: Event
    event_id: str | None = None
    by_app: str | None = None
