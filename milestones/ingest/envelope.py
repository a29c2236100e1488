"""From claims to what was heard: a string in a string in a token (docs/wix-api.md, 4.3)."""

from datetime import datetime

from milestones.domain.event import Heard, Unneeded
from milestones.formats.untrusted import Fields, moment, whole
from milestones.ingest.events import READERS, WITHOUT_DATA, erasure
from milestones.ingest.reading import UnreadableError, fields, maybe_fields, text


def read_event(claims: Fields) -> Heard:
    """The event inside verified claims; ``Unneeded`` when its type is not listened to, whatever it holds.

    Raises UnreadableError, which tells the site, the type and the id as far as they are known.
    """
    envelope = fields(claims.get("data"), "`data` of the token")
    site_id, event_type = text(envelope, "instanceId"), text(envelope, "eventType")
    try:
        return _read_event(envelope, site_id, event_type, claims)
    except UnreadableError as unreadable:
        event_id = text(maybe_fields(envelope.get("data")), "id")
        raise UnreadableError(
            unreadable.reason, site_id=site_id, event_type=event_type, event_id=event_id
        ) from None


def _read_event(envelope: Fields, site_id: str | None, event_type: str | None, claims: Fields) -> Heard:
    if event_type is None:
        raise UnreadableError("The envelope does not tell the type of its event (`eventType`).")
    if site_id is None:
        raise UnreadableError("The envelope does not tell its site (`instanceId`).")
    by_app = _by_app(envelope)
    reader = READERS.get(event_type)
    if reader is None:
        data = maybe_fields(envelope.get("data"))
        event = WITHOUT_DATA.get(event_type) or erasure(event_type, data) or Unneeded()
    else:
        data = fields(envelope.get("data"), "`data` of the envelope")
        event = erasure(event_type, data) or reader(data, _told_at(data, claims))
    return Heard(site_id, event_type, event, text(data, "id"), by_app)


def _told_at(data: Fields, claims: Fields) -> datetime | None:
    """The time for which the event vouches, or else the one at which its token was issued."""
    issued = whole(claims.get("iat"))
    return moment(data.get("eventTime")) or (moment(issued * 1000) if issued is not None else None)


def _by_app(envelope: Fields) -> str | None:
    """The app that caused it. An identity that cannot be read is no reason to lose the event."""
    identity = maybe_fields(envelope.get("identity"))
    return text(identity, "appId") if identity.get("identityType") == "APP" else None
