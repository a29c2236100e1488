"""What is inside a kept webhook."""

import jwt

from milestones.domain.event import Heard
from milestones.ingest.envelope import heard
from milestones.ingest.reading import Fields, UnreadableError


def claims_of(body: bytes) -> Fields:
    """The claims of a kept token. Its signature was verified when it came, and keys change. Raises UnreadableError."""
    try:
        claims: Fields = jwt.decode(body.strip(), options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise UnreadableError("The token's payload is not valid JSON, or no object.") from None
    return claims


def understood(body: bytes) -> Heard:
    """The event in a kept body. Raises UnreadableError where it still makes no sense."""
    return heard(claims_of(body))
