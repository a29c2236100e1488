"""``signature`` and ``handshake`` of ``[[earn]]``: how a service shows that it is who it says."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from milestones.config.earn_values import Expression, HeaderName, Secrets
from milestones.config.faults import Fault, nearest
from milestones.config.references import Secret
from milestones.config.sections import Table
from milestones.config.values import Duration, duration
from milestones.domain import earn
from milestones.domain.earn import Encoding, HandshakeRule, Scheme, SignatureRule
from milestones.formats.expressions import JmesPath

_SLOT = re.compile(r"\{([^{}]*)\}")
_SLOTS = ("body", "timestamp", "id", "url")
_STANDARD_PREFIX = "whsec_"

Text = Annotated[str, Field(max_length=200)]


class SignatureTable(Table):
    """``signature``: how a body is known to be genuine. See ``domain.earn.SignatureRule``.

    secret: one, or a list while one replaces another. key: ``base64`` where the secret is to be decoded first.
    """

    type: Literal["hmac", "header", "basic"] = "hmac"
    secret: Secrets = ()
    header: HeaderName | None = None
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    prefix: Text = ""
    encoding: Encoding = "hex"
    separator: Text = ""
    signed: Text = "{body}"
    timestamp_header: HeaderName | None = None
    id_header: HeaderName | None = None
    tolerance: Duration = duration("5m")
    key: Literal["text", "base64"] = "text"
    username: Text = ""

    def find_faults(self) -> Iterator[Fault]:
        """What does not go together, with its place below the table."""
        yield from _signature_faults(self)

    def definition(self) -> SignatureRule:
        """As events are verified by it. Raises UsageError where a secret is not there."""
        return SignatureRule(
            type=Scheme(self.type),
            secrets=tuple(_key(secret, self.key) for secret in self.secret),
            header=self.header or "",
            algorithm=self.algorithm,
            prefix=self.prefix,
            encoding=self.encoding,
            separator=self.separator,
            signed=self.signed,
            timestamp_header=self.timestamp_header or "",
            id_header=self.id_header or "",
            tolerance=self.tolerance,
            username=self.username,
        )

    @property
    def covers(self) -> frozenset[str]:
        """The headers whose values are signed; of what signs nothing, there are none to be told apart."""
        named = {"timestamp": self.timestamp_header, "id": self.id_header}
        return frozenset(
            header for slot, header in named.items() if header is not None and f"{{{slot}}}" in self.signed
        )


def _key(secret: SecretStr, kind: str) -> bytes:
    text = secret.get_secret_value()
    return _decode(text) if kind == "base64" else text.encode()


def _decode(text: str) -> bytes:
    """Raises ValueError with a predicate."""
    encoded = text.removeprefix(_STANDARD_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ValueError("is no base64, which the secret of this signature is in")
    return key


def _signature_faults(table: SignatureTable) -> Iterator[Fault]:
    if not table.secret:
        yield Fault(("secret",), 'is missing; write { env = "NAME" } or { file = "path" }')
    if table.type == "basic":
        if not table.username:
            yield Fault(("username",), "is missing")
        return
    if table.header is None:
        yield Fault(("header",), "is missing; in which header does it stand?")
    if table.type == "hmac":
        yield from _signed_faults(table)
    if table.key == "base64":
        yield from _key_faults(table.secret)


def _signed_faults(table: SignatureTable) -> Iterator[Fault]:
    slots = _SLOT.findall(table.signed)
    for slot in slots:
        if slot not in _SLOTS:
            yield Fault(("signed",), f"knows {', '.join(_SLOTS)}, and not '{slot}'{nearest(slot, _SLOTS)}")
    if "body" not in slots:
        yield Fault(("signed",), "must have {body} in it, or the body might be anybody's")
    for slot, key in (("timestamp", "timestamp_header"), ("id", "id_header")):
        named = getattr(table, key) is not None
        if slot in slots and not named:
            yield Fault((key,), f"is missing; {{{slot}}} is signed")
        if named and slot not in slots:
            yield Fault(("signed",), f"has no {{{slot}}} in it, so what {key} says could be anybody's")


def _key_faults(secrets: tuple[SecretStr, ...]) -> Iterator[Fault]:
    for secret in secrets:
        if isinstance(secret, Secret) and secret.missing is not None:
            continue
        try:
            _decode(secret.get_secret_value())
        except ValueError as error:
            yield Fault(("secret",), str(error))


class HandshakeTable(Table):
    """``handshake``: what is answered to a service that asks whether its events are wanted. See
    ``domain.earn.HandshakeRule``.
    """

    type: Literal["echo_get", "hmac_get", "hmac_post"] | None = None
    token: str = Field(default="", max_length=500)
    challenge: Text = ""
    when: Expression | None = None
    key: Text = ""
    answer: Text = ""
    prefix: Text = ""
    encoding: Encoding = "hex"
    secret: Secrets = ()

    def find_faults(self) -> Iterator[Fault]:
        """What does not go together, with its place below the table."""
        yield from _handshake_faults(self)

    def definition(self) -> HandshakeRule:
        """As a service is answered by it. Raises UsageError where a secret is not there."""
        assert self.type is not None, "as it was checked"
        by_post = self.type == "hmac_post"
        return HandshakeRule(
            type=earn.Handshake(self.type),
            token=self.token,
            find_token=JmesPath.parse(self.token) if by_post else None,
            challenge=self.challenge,
            when=self.when,
            key=self.key,
            answer=self.answer,
            prefix=self.prefix,
            encoding=self.encoding,
            secrets=tuple(secret.get_secret_value().encode() for secret in self.secret),
        )


_NEEDED = {
    "echo_get": ("challenge", "secret"),
    "hmac_get": ("answer",),
    "hmac_post": ("when", "key", "answer"),
}


def _handshake_faults(table: HandshakeTable) -> Iterator[Fault]:
    if table.type is None:
        yield Fault(("type",), "is missing; it is one of echo_get, hmac_get and hmac_post")
        return
    for key in ("token", *_NEEDED[table.type]):
        if not getattr(table, key):
            what = "; the word that you wrote there too" if key == "secret" else ""
            yield Fault((key,), f"is missing{what}")
    if table.type != "echo_get" and table.secret:
        yield Fault(("secret",), "is that of the signature, and is not written here")
    if table.type == "hmac_post" and table.token:
        try:
            JmesPath.parse(table.token)
        except ValueError as error:
            yield Fault(("token",), str(error))
