"""What the routes need, as values and callables that the composition root passes in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from starlette.types import ASGIApp

from milestones.earn.claims import Opened
from milestones.earn.handshake import Answer
from milestones.observability.metrics import Metrics
from milestones.views.page import Happening, Overview, Place, Readiness
from milestones.web.access import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """Everything behind the routes.

    receive: takes a webhook; raises IngestError when it must not be acknowledged (``ingest.door.Door.receive``).
    recognise: whether we made this unsubscribe token. Changes nothing.
    unsubscribe: suppresses the token's address for ever; False for a token that we did not make.
    greet, receive_event: of an outside service, by the address of a rule; they raise IngestError (``earn.door.EarnDoor``).
    look_at_claim, claim: of a claim link (``earn.claims.ClaimDoor``); only the second changes anything.
    hear_program: takes an event of another loyalty program, by its name, with its headers by names in small letters; raises
        IngestError when it must not be acknowledged.
    recent: the newest happenings, at most so many, older than a place if one is given.
    mail: a message as it was sent (RFC 5322), by its name (a Message-ID), or None. It must not trust the name.
    api: answers what comes to ``/api`` (``web.api.app``).
    access: the rule in force on who may look. zone: in which the page shows times. A reload may change both.
    """

    receive: Callable[[bytes], Awaitable[None]]
    recognise: Callable[[str], bool]
    unsubscribe: Callable[[str], Awaitable[bool]]
    greet: Callable[[str, Mapping[str, str]], Answer]
    receive_event: Callable[[str, Sequence[tuple[bytes, bytes]], bytes], Awaitable[Answer]]
    look_at_claim: Callable[[str], Opened]
    claim: Callable[[str], Awaitable[Opened]]
    hear_program: Callable[[str, Mapping[str, str], bytes], Awaitable[None]]
    readiness: Callable[[], Awaitable[Readiness]]
    overview: Callable[[], Awaitable[Overview]]
    recent: Callable[[int, Place | None], Awaitable[Sequence[Happening]]]
    mail: Callable[[str], Awaitable[bytes | None]]
    metrics: Metrics
    access: Callable[[], Access]
    api: ASGIApp
    clock: Callable[[], datetime]
    zone: Callable[[], tzinfo]
