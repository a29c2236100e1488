"""Services in memory, with everything that the routes may be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp

from milestones.earn.claims import Opened, Standing
from milestones.earn.handshake import Answer
from milestones.errors import IngestError
from milestones.observability.metrics import Metrics
from milestones.views.page import Check, Figure, Happening, Overview, Place, Readiness
from milestones.web.access import Access
from milestones.web.services import WebServices

NOW = datetime(2026, 11, 20, 9, 15, 30, tzinfo=UTC)
CLAIM = "follow-us.gAAAAAAAAAAAAAAAAAAAAAA.20000.0123456789abcdefABCDEF"
TOKEN = "3q2-7wAAAAAAAAAAAAAAAA.0123456789abcdefABCDEF"
PASSWORD = "correct horse"


def a_happening(number: int = 1, **changes: object) -> Happening:
    """One line; higher numbers are older."""
    plain = Happening(
        key=f"k{1000 - number}",
        at=NOW - timedelta(minutes=number),
        kind="grant",
        title=f"Customer {number} reached 1,000 stars",
        site="main",
        account="a1a1a1a1-0000-4000-8000-000000000001",
        milestone="1,000 stars",
        verdict="Went from below to at or above the threshold.",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_mail(html: str | None = "<p>Hello Anna</p>", text: str = "Hello Anna") -> bytes:
    message = EmailMessage()
    message["Subject"] = "1,000 stars"
    message["From"] = "The Corner Shop <hello@example.com>"
    message["To"] = "Anna <anna@example.net>"
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


@dataclass
class House:
    """Set a field, and the routes see it."""

    happenings: list[Happening] = field(default_factory=list)
    overview: Overview = field(default_factory=lambda: Overview(figures=(Figure(12, "grants today"),)))
    readiness: Readiness = field(
        default_factory=lambda: Readiness((Check("database", True, "answers"),), "c0ffee")
    )
    mails: dict[str, bytes] = field(default_factory=dict)
    access: Access = field(default_factory=lambda: Access("127.0.0.1", "http://127.0.0.1:8080"))
    unsubscribed: list[str] = field(default_factory=list)
    network: str = "https://network.example/us"
    claimed: list[str] = field(default_factory=list)
    events: list[tuple[dict[bytes, bytes], bytes]] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    metrics: Metrics = field(default_factory=lambda: Metrics(CollectorRegistry()))
    failure: Exception | None = None
    api: ASGIApp = field(default_factory=lambda: PlainTextResponse("no API in this house\n", 404))

    def services(self) -> WebServices:
        return WebServices(
            receive=self._receive,
            recognise=lambda token: token == TOKEN,
            unsubscribe=self._unsubscribe,
            greet=self._greet,
            receive_event=self._receive_event,
            look_at_claim=self._look_at_claim,
            claim=self._claim,
            hear_program=self._hear_program,
            readiness=self._readiness,
            overview=self._overview,
            recent=self._recent,
            mail=self._mail,
            metrics=self.metrics,
            access=lambda: self.access,
            api=self.api,
            clock=lambda: NOW,
            zone=lambda: ZoneInfo("Europe/Berlin"),
        )

    def _fail(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def _receive(self, body: bytes) -> None:
        self._fail()
        self.received.append(body)

    async def _hear_program(self, program: str, headers: Mapping[str, str], body: bytes) -> None:
        del headers
        self._fail()
        if program != "smile":
            raise IngestError(404, "No program of this name is kept in step with.")
        self.received.append(body)

    async def _unsubscribe(self, token: str) -> bool:
        self._fail()
        self.unsubscribed.append(token)
        return token == TOKEN

    async def _readiness(self) -> Readiness:
        self._fail()
        return self.readiness

    def _greet(self, rule: str, query: Mapping[str, str]) -> Answer:
        self._require_rule(rule)
        return Answer(query.get("hub.challenge", ""))

    async def _receive_event(self, rule: str, headers: Sequence[tuple[bytes, bytes]], body: bytes) -> Answer:
        self._require_rule(rule)
        if self.failure is not None:
            raise self.failure
        self.events.append((dict(headers), body))
        return Answer()

    def _require_rule(self, rule: str) -> None:
        if rule != "rule":
            raise IngestError(404, "There is no rule with this address.")

    def _look_at_claim(self, token: str) -> Opened:
        if token == CLAIM:
            return Opened(Standing.OPEN, self.network, "Follow <us>", 1500)
        return Opened(Standing.OVER if token == "over" else Standing.UNKNOWN)

    async def _claim(self, token: str) -> Opened:
        self._fail()
        opened = self._look_at_claim(token)
        if opened.standing is Standing.OPEN:
            self.claimed.append(token)
        return opened

    async def _overview(self) -> Overview:
        return self.overview

    async def _recent(self, limit: int, before: Place | None) -> Sequence[Happening]:
        self._fail()
        older = [one for one in self.happenings if before is None or one.place < before]
        return sorted(older, key=lambda one: one.place, reverse=True)[:limit]

    async def _mail(self, name: str) -> bytes | None:
        return self.mails.get(name)
