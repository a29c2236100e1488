"""What could not be understood, as a line of a list, and whole as it came."""

from dataclasses import dataclass
from datetime import datetime

from milestones.formats.untrusted import Fields
from milestones.ingest.reading import UnreadableError
from milestones.store.tables import Rejected
from milestones.views.bodies import parse_rejected


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A webhook, or an account that a scan read. bytes: how long it is."""

    id: int
    site_id: str | None
    event_type: str | None
    account_id: str | None
    reason: str
    received_at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class RejectedBody(RejectedLine):
    """The same with what it tells; it may hold personal data. claims: None where it makes no sense at all."""

    claims: Fields | None
    body: str


def describe_rejected(row: Rejected) -> RejectedLine:
    """One line of the list."""
    return RejectedLine(
        row.id or 0,
        row.site_id,
        row.event_type,
        row.account_id,
        row.reason,
        row.received_at,
        len(row.body),
    )


def describe_body(row: Rejected) -> RejectedBody:
    """One of them whole."""
    try:
        claims: Fields | None = parse_rejected(row)
    except UnreadableError:
        claims = None
    return RejectedBody(
        row.id or 0,
        row.site_id,
        row.event_type,
        row.account_id,
        row.reason,
        row.received_at,
        len(row.body),
        claims,
        row.body.decode("utf-8", "replace"),
    )
