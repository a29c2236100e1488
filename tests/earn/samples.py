"""Rules as a shop writes them, and what each service would send: bodies, and headers signed here with the standard library
alone, by the words of each service's documentation.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from milestones.config import parse
from milestones.domain.earn import EarnRule
from milestones.earn.received import Received
from tests.builders import NOW

SECRET = "s3cret"
STANDARD = "whsec_" + base64.b64encode(b"s3cret").decode()
URL = "https://m.example.com/webhooks/in/rule"
TOP = '[wix]\nsandbox = true\n[mail]\nsender = "a@example.com"\n[[sites]]\nname = "main"\n'


def rules(text: str, folder: Path = Path("/nowhere")) -> tuple[EarnRule, ...]:
    """The rules of a configuration with one site."""
    environ = {"S": SECRET, "STANDARD": STANDARD, "WORD": "our word"}
    return parse(TOP + text, folder / "config.toml", environ).list_earn_rules()


def a_rule(lines: str = "", *, preset: str = "bearer", name: str = "rule", points: object = 20) -> EarnRule:
    """One rule; with a preset that signs nothing it needs no more than ``email`` beside."""
    secret = "STANDARD" if preset == "standard-webhooks" else "S"
    head = f'[[earn]]\nname = "{name}"\npoints = {json.dumps(points)}\n'
    (rule,) = rules(f'{head}preset = "{preset}"\nsignature.secret = {{ env = "{secret}" }}\n{lines}')
    return rule


def _hex(text: bytes) -> str:
    return hmac.new(b"s3cret", text, hashlib.sha256).hexdigest()


def _base64(text: bytes) -> str:
    return base64.b64encode(hmac.new(b"s3cret", text, hashlib.sha256).digest()).decode()


def _stamp(at: datetime) -> str:
    return str(int(at.timestamp()))


Sign = Callable[[bytes, datetime], Mapping[str, str]]


@dataclass(frozen=True)
class Sample:
    """What a service sends. id, email: what its rule finds in it. lines: what the preset leaves to the shop."""

    body: Any
    sign: Sign = field(repr=False)
    id: tuple[str, ...]
    email: str = "ada@example.com"
    lines: str = ""
    signed: bool = True

    @property
    def raw(self) -> bytes:
        return json.dumps(self.body, indent=1).encode()

    def received(self, at: datetime = NOW, body: bytes | None = None, **headers: str) -> Received:
        """As it comes; ``headers`` and ``body`` in place of its own."""
        given = {
            **self.sign(self.raw, at),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return received(self.raw if body is None else body, given)


def received(body: bytes, headers: Mapping[str, str], at: datetime = NOW) -> Received:
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    return Received.of(body, pairs, URL, at)


SAMPLES: dict[str, Sample] = {
    "standard-webhooks": Sample(
        {"type": "course.finished", "data": {"mail": "ada@example.com"}},
        lambda body, at: {
            "webhook-id": "msg_1",
            "webhook-timestamp": _stamp(at),
            "webhook-signature": f"v1,AAAA v1,{_base64(b'msg_1.' + _stamp(at).encode() + b'.' + body)}",
        },
        ("msg_1",),
        lines='email = "data.mail"\nwhen = "type == \'course.finished\'"',
    ),
    "github": Sample(
        {
            "action": "created",
            "starred_at": "2026-11-20T09:00:00Z",
            "sender": {"login": "ada", "mail": "ada@example.com"},
        },
        lambda body, _at: {"X-Hub-Signature-256": f"sha256={_hex(body)}", "X-GitHub-Event": "star"},
        ("created", "ada"),
        lines='email = "sender.mail"\nheaders = { X-GitHub-Event = "star" }\nid = ["action", "sender.login"]',
    ),
    "meta": Sample(
        {
            "object": "page",
            "entry": [
                {
                    "id": "page-1",
                    "time": 1790000000,
                    "changes": [
                        {
                            "field": "feed",
                            "value": {
                                "item": "reaction",
                                "verb": "add",
                                "reaction_type": "like",
                                "post_id": "page-1_7",
                                "from": {"id": "901", "name": "Ada"},
                                "mail": "ada@example.com",
                            },
                        },
                        {
                            "field": "feed",
                            "value": {"item": "reaction", "verb": "remove", "post_id": "page-1_7"},
                        },
                    ],
                }
            ],
        },
        lambda body, _at: {"X-Hub-Signature-256": f"sha256={_hex(body)}"},
        ("reaction", "page-1_7", "901"),
        # No like carries an address; it does here, so that all samples end alike.
        lines='email = "value.mail"\nhandshake.secret = { env = "WORD" }',
    ),
    "zoom": Sample(
        {
            "event": "webinar.registration_created",
            "event_ts": 1795166130000,
            "payload": {
                "account_id": "acc",
                "object": {
                    "uuid": "uuid==",
                    "id": "812",
                    "registrant": {
                        "id": "reg-1",
                        "first_name": "Ada",
                        "last_name": "Lovelace",
                        "email": "ada@example.com",
                    },
                },
            },
        },
        lambda body, at: {
            "x-zm-request-timestamp": _stamp(at),
            "x-zm-signature": f"v0={_hex(b'v0:' + _stamp(at).encode() + b':' + body)}",
        },
        ("webinar.registration_created", "uuid==", "reg-1"),
    ),
    "typeform": Sample(
        {
            "event_id": "01ABC",
            "event_type": "form_response",
            "form_response": {
                "form_id": "f",
                "token": "tok",
                "answers": [
                    {"type": "text", "text": "Ada"},
                    {"type": "email", "email": "ada@example.com", "field": {"type": "email"}},
                ],
            },
        },
        lambda body, _at: {"Typeform-Signature": f"sha256={_base64(body)}"},
        ("01ABC",),
    ),
    "judgeme": Sample(
        {
            "review": {
                "id": 77,
                "rating": 3,
                "reviewer": {"email": "ada@example.com", "name": "Ada"},
                "product_external_id": 5,
            }
        },
        lambda body, _at: {"JUDGEME-HMAC-SHA256": _hex(body), "x-judgeme-shop-domain": "shop.example.com"},
        ("77",),
    ),
    "shopify": Sample(
        {"id": 820982911946154508, "email": "ada@example.com", "total_price": "403.00"},
        lambda body, _at: {"X-Shopify-Hmac-SHA256": _base64(body), "X-Shopify-Topic": "orders/paid"},
        ("820982911946154508",),
        lines='email = "email"\nheaders = { X-Shopify-Topic = ["orders/paid"] }',
    ),
    "x": Sample(
        {
            "for_user_id": "2",
            "follow_events": [{"type": "follow", "source": {"id": "9", "mail": "ada@example.com"}}],
        },
        lambda body, _at: {"x-twitter-webhooks-signature": f"sha256={_base64(body)}"},
        ("follow", "9"),
        lines='events = "follow_events[]"\nwhen = "type == \'follow\'"\nid = ["type", "source.id"]\nemail = "source.mail"',
    ),
    "bearer": Sample(
        {"order": 5, "mail": "ada@example.com"},
        lambda _body, _at: {"Authorization": "Bearer s3cret"},
        ("5",),
        lines='email = "mail"\nid = "order"',
        signed=False,
    ),
    "basic": Sample(
        {"RecordType": "Open", "Recipient": "ada@example.com", "MessageID": "m"},
        lambda _body, _at: {"Authorization": "Basic " + base64.b64encode(b"shop:s3cret").decode()},
        ("m",),
        lines='email = "Recipient"\nid = "MessageID"\nsignature.username = "shop"',
        signed=False,
    ),
}
"""One of each preset."""


def rule_of(preset: str) -> EarnRule:
    """The rule for the sample of a preset."""
    return a_rule(SAMPLES[preset].lines, preset=preset)
