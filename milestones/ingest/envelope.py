"""From claims to what was heard: a string in a string in a token (fact sheet, section 4.3)."""

from milestones.domain.event import Heard, Unneeded
from milestones.ingest.events import READERS, WITHOUT_DATA
from milestones.ingest.reading import Fields, UnreadableError, fields, maybe_fields, moment, text, whole


def heard(claims: Fields) -> Heard:
    """The event inside verified claims; ``Unneeded`` when its type is not listened to, whatever it holds.

    Raises UnreadableError, which tells the site and the type as far as they are known.
    """
    envelope = fields(claims.get("data"), "`data` of the token")
    site_id, event_type = text(envelope, "instanceId"), text(envelope, "eventType")
    try:
        return _heard(envelope, site_id, event_type, claims)
    except UnreadableError as unreadable:
        raise UnreadableError(unreadable.reason, site_id=site_id, event_type=event_type) from None


def _heard(envelope: Fields, site_id: str | None, event_type: str | None, claims: Fields) -> Heard:
    if event_type is None:
        raise UnreadableError("The envelope does not tell the type of its event (`eventType`).")
    if site_id is None:
        raise UnreadableError("The envelope does not tell its site (`instanceId`).")
    by_app = _by_app(envelope)
    reader = READERS.get(event_type)
    if reader is None:
        return Heard(site_id, event_type, WITHOUT_DATA.get(event_type, Unneeded()), by_app=by_app)
    data = fields(envelope.get("data"), "`data` of the envelope")
    issued = whole(claims.get("iat"))
    told_at = moment(data.get("eventTime")) or (moment(issued * 1000) if issued is not None else None)
    return Heard(site_id, event_type, reader(data, told_at), text(data, "id"), by_app)


def _by_app(envelope: Fields) -> str | None:
    """The app that caused it. An identity that cannot be read is no reason to lose the event."""
    identity = maybe_fields(envelope.get("identity"))
    return text(identity, "appId") if identity.get("identityType") == "APP" else None
