"""Presets of ``[[earn]]``: what a service is known to do, as a shop would write it. Every key can be overridden.

Each says where its facts are from, and what of it nobody has verified; that is left to the shop to write.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WHO = ("email", "contact_id", "account_id", "external_id")
"""Of these a rule has one: what a shop writes takes the place of a preset's."""

_TABLES = ("signature", "handshake")


@dataclass(frozen=True, slots=True)
class Preset:
    """keys: as they would stand in the rule. source: of the facts. unverified: sentences; empty where all is known."""

    keys: Mapping[str, Any]
    source: str
    unverified: tuple[str, ...] = ()


def _body_hmac(header: str, encoding: str, prefix: str = "") -> dict[str, Any]:
    return {"type": "hmac", "header": header, "prefix": prefix, "encoding": encoding, "signed": "{body}"}


_META_PERSON = "value.from.id || value.sender_id || value.user_id"
_TYPEFORM_EMAIL = "(form_response.answers[?type=='email'].email | [0]) || form_response.hidden.email"

PRESETS: Mapping[str, Preset] = {
    "standard-webhooks": Preset(
        {
            "signature": {
                "type": "hmac",
                "header": "webhook-signature",
                "prefix": "v1,",
                "separator": " ",
                "encoding": "base64",
                "signed": "{id}.{timestamp}.{body}",
                "id_header": "webhook-id",
                "timestamp_header": "webhook-timestamp",
                "tolerance": "5m",
                "key": "base64",
            },
            "id": [{"header": "webhook-id"}],
        },
        "the specification of Standard Webhooks, which Svix and Resend follow",
        ("What the events hold is each sender's own: write when, email and the like.",),
    ),
    "github": Preset(
        {"signature": _body_hmac("x-hub-signature-256", "hex", "sha256=")},
        "the same signature as Meta's",
        (
            "No event is known to carry a mail address: name the customer by external_id, such as sender.login.",
            "The number of a delivery stands in a header that is not signed, so all of the event is its id.",
        ),
    ),
    "meta": Preset(
        {
            "signature": _body_hmac("x-hub-signature-256", "hex", "sha256="),
            "handshake": {"type": "echo_get", "token": "hub.verify_token", "challenge": "hub.challenge"},
            "events": "entry[].changes[]",
            "when": "field == 'feed' && value.verb == 'add' && (value.item == 'like' || value.item == 'reaction')",
            "id": [
                "value.item",
                "value.post_id || value.parent_id || 'page'",
                _META_PERSON,
            ],
            "external_id": _META_PERSON,
        },
        "Meta's pages on webhooks for Pages, and public samples",
        (
            "No like carries a mail address; only a shop that knows whose id it is can use it (people).",
            "Events of a follower do not exist; a claim link serves for them.",
        ),
    ),
    "zoom": Preset(
        {
            "signature": {
                "type": "hmac",
                "header": "x-zm-signature",
                "prefix": "v0=",
                "encoding": "hex",
                "signed": "v0:{timestamp}:{body}",
                "timestamp_header": "x-zm-request-timestamp",
                "tolerance": "5m",
            },
            "handshake": {
                "type": "hmac_post",
                "when": "event == 'endpoint.url_validation'",
                "token": "payload.plainToken",
                "key": "plainToken",
                "answer": "encryptedToken",
                "encoding": "hex",
            },
            "when": "event == 'webinar.registration_created'",
            "id": [
                "event",
                "payload.object.uuid || payload.object.id",
                "payload.object.registrant.id || payload.object.registrant.email",
            ],
            "email": "payload.object.registrant.email",
            "first_name": "payload.object.registrant.first_name",
            "last_name": "payload.object.registrant.last_name",
        },
        "Zoom's own sample on GitHub, its changelog, and two public type definitions of a registrant",
        ("That an approval by hand is an event of its own is known, its name is not.",),
    ),
    "typeform": Preset(
        {
            "signature": _body_hmac("typeform-signature", "base64", "sha256="),
            "when": "event_type == 'form_response'",
            "id": ["event_id"],
            "email": _TYPEFORM_EMAIL,
        },
        "Typeform's documentation as public receivers follow it",
    ),
    "judgeme": Preset(
        {
            "signature": _body_hmac("judgeme-hmac-sha256", "hex"),
            "id": ["review.id"],
            "email": "review.reviewer.email",
        },
        "Judge.me's help (8299679), two public plugins and a public connector",
        ("The key is the private API token, or the OAuth app's secret if an app made the webhook.",),
    ),
    "shopify": Preset(
        {"signature": _body_hmac("x-shopify-hmac-sha256", "base64"), "id": ["id"]},
        "the signature; topics and bodies were not seen",
        ("Where an event holds the address, and which topic it is: write email, when or headers.",),
    ),
    "x": Preset(
        {
            "signature": _body_hmac("x-twitter-webhooks-signature", "base64", "sha256="),
            "handshake": {
                "type": "hmac_get",
                "token": "crc_token",
                "answer": "response_token",
                "prefix": "sha256=",
                "encoding": "base64",
            },
        },
        "public code that implements it",
        (
            "The vendor's page was not seen; newer apps are said to sign in X-Twitter-Webhooks-Signature-OAuth2.",
            "What the events hold: write events, when, id and external_id.",
        ),
    ),
    "bearer": Preset(
        {"signature": {"type": "header", "header": "authorization", "prefix": "Bearer "}},
        "RFC 6750",
        ("It signs nothing: whoever knows the token may send anything.",),
    ),
    "basic": Preset(
        {"signature": {"type": "basic"}},
        "RFC 7617",
        ("It signs nothing: whoever knows the password may send anything.",),
    ),
}


def fill(written: Mapping[str, Any]) -> dict[str, Any]:
    """A rule with what its preset says, where the rule itself says nothing. An unknown preset adds nothing."""
    preset = written.get("preset")
    if not isinstance(preset, str) or preset not in PRESETS:
        return dict(written)
    keys = PRESETS[preset].keys
    named = any(key in written for key in WHO)
    result = {key: value for key, value in keys.items() if not (named and key in WHO)} | dict(written)
    for table in _TABLES:
        if isinstance(written.get(table), Mapping) and table in keys:
            result[table] = {**keys[table], **written[table]}
    return result
