"""What a service is answered that asks, before it sends events, whether they are wanted here."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from milestones.domain.earn import EventRule, Handshake, HandshakeRule
from milestones.earn.signature import encode
from milestones.errors import IngestError
from milestones.formats import untrusted

_OF_EVENTS = frozenset('{}[]"')
"""Of these, every body has some that holds an event."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To a request. kind: the media type of the text."""

    text: str = ""
    kind: str = "text/plain"


def answer_query(rule: EventRule, query: Mapping[str, str]) -> Answer:
    """What a GET is answered. Raises IngestError (405, 400, 403) where it is no handshake of this rule."""
    handshake = rule.handshake
    if handshake is None or handshake.type is Handshake.HMAC_POST:
        raise IngestError(405, "Events are sent here with POST.")
    token = query.get(handshake.token, "")
    if not token:
        raise IngestError(
            400, f"This address takes events by POST; the parameter {handshake.token} is missing."
        )
    if handshake.type is Handshake.HMAC_GET:
        _require_token(handshake, token)
        proof = handshake.prefix + _proof(handshake, rule.signature.secrets[0], token)
        return Answer(json.dumps({handshake.answer: proof}), "application/json")
    known = [
        hmac.compare_digest(token.encode("utf-8", "surrogatepass"), secret) for secret in handshake.secrets
    ]
    challenge = query.get(handshake.challenge, "")
    if not any(known):
        raise IngestError(403, f"The word in {handshake.token} is not the one that is configured here.")
    if not challenge or len(challenge) > untrusted.LONGEST_TEXT:
        raise IngestError(400, f"The parameter {handshake.challenge} is missing, or too long.")
    return Answer(challenge)


def _require_token(handshake: HandshakeRule, token: str) -> None:
    """Raise IngestError for what might be an event: whoever asks is answered with its HMAC, which is the signature that an
    event needs, so a stranger would have one signed here.
    """
    if len(token) > untrusted.LONGEST_TEXT or any(
        character in _OF_EVENTS or not " " <= character <= "~" for character in token
    ):
        raise IngestError(
            400, f"The parameter {handshake.token} is no token: it has letters, digits and few signs."
        )


def answer_event(rule: EventRule, document: Any) -> Answer | None:
    """What a genuine POST is answered that is a handshake; None for any other. Raises ValueError with a predicate."""
    handshake = rule.handshake
    if handshake is None or handshake.type is not Handshake.HMAC_POST:
        return None
    assert handshake.when is not None, "as it was checked"
    assert handshake.find_token is not None, "as it was checked"
    if not handshake.when.find(document):
        return None
    token = untrusted.text(handshake.find_token.find(document))
    if token is None:
        raise ValueError(f"has no text in {handshake.token}")
    proof = handshake.prefix + _proof(handshake, rule.signature.secrets[0], token)
    return Answer(json.dumps({handshake.key: token, handshake.answer: proof}), "application/json")


def _proof(handshake: HandshakeRule, secret: bytes, token: str) -> str:
    digest = hmac.new(secret, token.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return encode(digest, handshake.encoding)
