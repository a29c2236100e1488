"""What is wrong with an event becomes a sentence, never another kind of exception (``untrusted`` reads its values).

Sentences name fields and never show their values, which may be personal data.
"""

from typing import Any

import structlog

from milestones.errors import MilestonesError, blame
from milestones.formats import untrusted
from milestones.formats.untrusted import Fields

_log = structlog.get_logger(__name__)


class UnreadableError(MilestonesError):
    """A genuine event that cannot be understood, or not be recorded: it is kept, with ``reason``, for a person.

    site_id, event_type, event_id: as far as they could be read.
    """

    def __init__(
        self,
        reason: str,
        *,
        site_id: str | None = None,
        event_type: str | None = None,
        event_id: str | None = None,
    ) -> None:
        self.reason = reason
        self.site_id = site_id
        self.event_type = event_type
        self.event_id = event_id
        super().__init__(reason)


def blame_event(
    error: Exception, site_id: str | None, event_type: str | None, event_id: str | None
) -> UnreadableError:
    """What to keep of an exception that nobody foresaw. Its message may quote the event, and so a person: the log
    gets its kind and place instead.
    """
    _log.error(
        "event_not_recordable", site=site_id, event_id=event_id, event_type=event_type, error=blame(error)
    )
    return UnreadableError(
        f"Recording the event failed with {type(error).__name__}.",
        site_id=site_id,
        event_type=event_type,
        event_id=event_id,
    )


def parse(document: str | bytes, what: str) -> Any:
    """The JSON in ``document``."""
    try:
        return untrusted.parse(document)
    except ValueError as error:
        raise UnreadableError(f"{what} {error}.") from None


def fields(value: Any, what: str) -> Fields:
    """An object, or a string that holds one."""
    if isinstance(value, str):
        value = parse(value, what)
    if not isinstance(value, dict):
        raise UnreadableError(f"{what} is not an object.")
    return value


def maybe_fields(value: Any) -> Fields:
    """An object or a string that holds one, or nothing where it is neither: for what can be done without."""
    return untrusted.fields(value) or {}


def text(where: Fields, name: str) -> str | None:
    """The text of this name, if there is one that any database can keep."""
    return untrusted.text(where.get(name))
