"""What is read out of a webhook, for tests that look at nothing else."""

from typing import Any

from milestones.domain.event import AccountSeen, Event
from milestones.domain.observation import Observation
from milestones.ingest.envelope import read_event
from tests.ingest.tokens import POINTS_UPDATED, claims, points_updated


def event(event_type: str, data: Any, /, **changes: Any) -> Event:
    """The event inside claims around this data; the keywords replace fields of the envelope."""
    return read_event(claims(event_type, data, **changes)).event


def observed(**changes: Any) -> Observation:
    """The observation in an ``account_points_updated`` with a changed account."""
    seen = event(POINTS_UPDATED, points_updated(**changes))
    assert isinstance(seen, AccountSeen)
    return seen.observation
