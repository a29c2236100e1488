"""What a shop has written of the outside events that earn points: its rules (``[[earn]]``), as ``milestones.earn``
works by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

from milestones.domain.order import Create

MOST_POINTS = 9_999_999
"""That one event earns, as Wix takes them at a time (docs/wix-api.md, 6)."""

Encoding = Literal["hex", "base64"]


class Expression(Protocol):
    """A question to a document of JSON. text: as the shop has written it."""

    @property
    def text(self) -> str: ...

    def find(self, document: Any) -> Any:
        """What it finds, None for nothing. Raises ValueError with a predicate where it cannot be evaluated."""


class Part(StrEnum):
    """Of what a value is a part."""

    EVENT = "event"
    BODY = "body"
    """The whole body, of which an event may be a part."""
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands. name: of the header in small letters, or the text of the expression."""

    part: Part
    name: str
    expression: Expression | None = None

    def __str__(self) -> str:
        return self.name if self.part is Part.EVENT else f"{self.part} {self.name}"


class Handshake(StrEnum):
    """How a service asks, before it sends events, whether they are wanted here."""

    ECHO_GET = "echo_get"
    """By GET, with a word that both know; what it challenges with is its answer."""
    HMAC_GET = "hmac_get"
    """By GET, with a token; the answer shows that the secret is known."""
    HMAC_POST = "hmac_post"
    """The same by POST, as an event that is signed like any other."""


@dataclass(frozen=True, slots=True)
class HandshakeRule:
    """token: the parameter of the query, or the expression, that holds what is to be answered with; of ``ECHO_GET``, the
    word that both know. challenge: the parameter that is answered. when: which event is a handshake.
    key: under which the token is given back. answer: under which the answer is.
    """

    type: Handshake
    token: str
    find_token: Expression | None = None
    challenge: str = ""
    when: Expression | None = None
    key: str = ""
    answer: str = ""
    prefix: str = ""
    encoding: Encoding = "hex"
    secrets: tuple[bytes, ...] = field(default=(), repr=False)


class Scheme(StrEnum):
    """How a body is known to be genuine."""

    HMAC = "hmac"
    HEADER = "header"
    """A secret in a header: whoever knows it may send anything."""
    BASIC = "basic"
    """The same as a password (RFC 7617)."""


@dataclass(frozen=True, slots=True)
class SignatureRule:
    """How the sender of a body is known. Names of headers are in small letters.

    secrets: any of them will do, as while one is replaced by another.
    algorithm, prefix, encoding: of the signature in the header. separator: between several in one header.
    signed: what is signed, with ``{body}``, ``{timestamp}``, ``{id}`` and ``{url}`` in it.
    tolerance: how far the time in timestamp_header may lie from now. username: of BASIC.
    """

    type: Scheme
    secrets: tuple[bytes, ...] = field(repr=False)
    header: str = ""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    prefix: str = ""
    encoding: Encoding = "hex"
    separator: str = ""
    signed: str = "{body}"
    timestamp_header: str = ""
    id_header: str = ""
    tolerance: timedelta = timedelta(minutes=5)
    username: str = ""


class Who(StrEnum):
    """By what an event names its customer."""

    EMAIL = "email"
    CONTACT = "contact_id"
    ACCOUNT = "account_id"
    EXTERNAL = "external_id"
    """The service's own id, which a file of the shop knows."""


class Once(StrEnum):
    """For what a rule gives its points once."""

    EVENT = "event"
    CUSTOMER = "customer"
    CUSTOMER_AND_VALUE = "customer_and_value"
    """For each customer and thing, such as a webinar."""


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many points for one customer within any stretch of ``period``."""

    points: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class Limits:
    """How often and how much a rule gives to one customer. value: of ``CUSTOMER_AND_VALUE``."""

    once: Once = Once.EVENT
    value: Expression | None = None
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True, slots=True)
class EventRule:
    """What of the events that come is worth points.

    headers: what must stand in headers for it, by name: any of the values. events: where the events are in the body.
    when: which of them; None for all. id: what makes one event the same as another; without any, all of it does.
    who, person: by what the customer is known, and where that stands. people: the file that knows external ids.
    names: where first_name, last_name and phone of a contact that is made stand. points: how many, if not a number.
    """

    signature: SignatureRule
    handshake: HandshakeRule | None
    events: Expression
    who: Who
    person: Place
    headers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    when: Expression | None = None
    id: tuple[Place, ...] = ()
    people: str = ""
    create: Create = Create.ACCOUNT
    names: Mapping[str, Place] = field(default_factory=dict)
    points: Expression | None = None


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """A link for each customer; who clicks it earns, and goes on to ``url``. title: what the page asks to do.

    valid_for: how long a link works, from the mail on.
    """

    url: str
    title: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True)
class EarnRule:
    """One entry of ``[[earn]]``. site: the name of the site whose points it gives. path: the end of its address.

    points: how many each time; of an event, where it does not say so itself. description: what the customer reads of
    them in Wix. Exactly one of event and claim is given.
    """

    name: str
    path: str
    site: str
    points: int
    description: str
    limits: Limits = Limits()
    event: EventRule | None = None
    claim: ClaimRule | None = None
