"""Mails: who may get one, what it says, and its hand-over.

Asked of the outbox: nearness, quiet hours, pauses and breakers are its own gates, since they need the snapshot.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from milestones.domain import keys
from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError, ConfigurationError
from milestones.failpoints import reach
from milestones.formats.mail_addresses import sendable_address
from milestones.kinds.channel import (
    PROGRAM_PAUSE,
    Fate,
    Found,
    Stop,
    Task,
)
from milestones.kinds.email.claims import SiteClaims
from milestones.kinds.email.consent import Gatekeeper, Reader
from milestones.kinds.email.message import Mailbox, Unsubscribe, build_message
from milestones.kinds.email.names import person
from milestones.kinds.email.payload import EmailPayload
from milestones.kinds.email.refusals import Refusals
from milestones.kinds.email.rendering import Catalogue, RenderedMail
from milestones.kinds.email.site import OwnLinks, WixLinks
from milestones.kinds.email.smtp_replies import RefusalError
from milestones.kinds.email.transport import Carried, Transport
from milestones.kinds.email.variables import Program, Site, variables
from milestones.kinds.services import SiteServices

CONSENT_AGE = timedelta(seconds=60)
"""Consent is at most this old when a mail is handed over."""


class OnLostAnswer(StrEnum):
    """What becomes of a mail that was handed over without an answer."""

    HOLD = "hold"
    RESEND = "resend"


class UnsubscribeLinks(Protocol):
    """Makes the link by which one reader says no: our own page, or Wix's."""

    async def __call__(self, address: str, /) -> Unsubscribe:
        """Raises ChannelError when Wix does not make one."""


@dataclass(frozen=True, slots=True)
class MailSettings:
    """What the mails of a site have in common. secret: of this installation; see ``domain.keys``."""

    sender: Mailbox
    site: Site
    secret: bytes = field(repr=False)
    on_lost_answer: OnLostAnswer = OnLostAnswer.HOLD
    claims: SiteClaims = field(default_factory=SiteClaims)


class EmailChannel:
    """The mails of one site.

    program: the loyalty program as Wix had it at most five minutes ago; raises ChannelError.
    clock: the time now, UTC.
    """

    def __init__(
        self,
        settings: MailSettings,
        *,
        catalogue: Catalogue,
        transport: Transport,
        gatekeeper: Gatekeeper,
        links: UnsubscribeLinks,
        program: Callable[[], Awaitable[Program]],
        clock: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._catalogue = catalogue
        self._transport = transport
        self._gatekeeper = gatekeeper
        self._links = links
        self._program = program
        self._clock = clock
        self._cleared: dict[int, datetime] = {}
        self._refusals = Refusals()

    @property
    def concurrency(self) -> int:
        """As many as the transport has connections."""
        return self._transport.connections

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Who must not be mailed now: without address, suppressed, not subscribed, undeliverable, not listed.

        Raises ChannelError when consent or the program's status cannot be learned: doubt is no consent.
        """
        now = self._clock()
        self._cleared = {task: at for task, at in self._cleared.items() if now - at <= CONSENT_AGE}
        readers = {
            task.id: Reader(task.customer.email, EmailPayload.from_json(task.payload).consent)
            for task in tasks
        }
        refused = await self._gatekeeper.refusals(readers)
        stops = {task_id: Stop(State.CANCELLED, verdict) for task_id, verdict in refused.items()}
        if len(stops) < len(readers) and not (await self._program()).active:
            for task_id in readers.keys() - stops.keys():
                stops[task_id] = Stop(State.AVAILABLE, Verdict.PROGRAM_NOT_ACTIVE, until=now + PROGRAM_PAUSE)
        # The age counts from before the question: an answer may be as old as that.
        self._cleared.update(dict.fromkeys(readers.keys() - stops.keys(), now))
        return stops

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Renders and hands over. The result names the message and never the address."""
        address = sendable_address(task.customer.email or "")
        assert address is not None, "the gate stops those without an address"
        message_id = self._message_id(task)
        program, unsubscribe, mail = await self._prepare(task)
        if not program.active:
            # It was when the gate asked, and that grew old since.
            raise ChannelError("The loyalty program is not active any more.", untried=True)
        now = self._clock()
        message = build_message(
            mail,
            sender=self._settings.sender,
            recipient=Mailbox(address, person(task.customer.name)),
            message_id=message_id,
            unsubscribe=unsubscribe,
            now=now,
            language=self._settings.site.language,
        )
        left = self._consent_left(task)
        reach("mail.before_hand_over")
        try:
            await self._transport.send(
                message,
                message_id=message_id,
                sender=self._settings.sender.address,
                recipient=address,
                within=left.total_seconds(),
            )
        except RefusalError as refused:
            if not refused.of_one_mail:
                raise
            raise self._refusals.judge(refused, address, now) from refused
        self._refusals.success()
        reach("mail.handed_over")
        return {
            "message_id": message_id,
            "template": EmailPayload.from_json(task.payload).template,
            "subject": mail.subject,
            "rendered_at": now.isoformat(),
        }

    async def recover(self, task: Task) -> Found:
        """What the transport knows; where it knows nothing, ``mail.on_lost_answer`` decides."""
        message_id = self._message_id(task)
        match await self._transport.was_carried(message_id):
            case Carried.YES:
                return Found(
                    Fate.HAPPENED,
                    {"message_id": message_id, "template": EmailPayload.from_json(task.payload).template},
                )
            case Carried.NO:
                return Found(Fate.REPEAT)
            case Carried.UNTOLD if self._settings.on_lost_answer is OnLostAnswer.RESEND:
                return Found(Fate.REPEAT)
            case Carried.UNTOLD:
                return Found(Fate.UNTOLD)

    async def render(self, task: Task) -> RenderedMail:
        """The mail as the customer would see it now; hands nothing over. Raises ChannelError."""
        _, _, mail = await self._prepare(task)
        return mail

    async def _prepare(self, task: Task) -> tuple[Program, Unsubscribe, RenderedMail]:
        try:
            program = await self._program()
            unsubscribe = await self._links(task.customer.email or "")
        except ChannelError as error:
            # Whatever became of that call, no mail has left: it must not pass for a lost answer of this one.
            raise ChannelError(
                f"The mail could not be prepared: {error}",
                permanent=error.permanent,
                retry_at=error.retry_at,
                connection_wide=error.connection_wide,
            ) from error
        shown = variables(
            task,
            site=self._settings.site,
            program=program,
            unsubscribe_url=unsubscribe.url,
            claim_urls=self._settings.claims.of(task.account_id, self._clock()),
        )
        try:
            return (
                program,
                unsubscribe,
                self._catalogue.render(EmailPayload.from_json(task.payload).template, shown),
            )
        except ConfigurationError as error:
            raise ChannelError(f"{error} Mend the template and run `milestones check`.") from error

    def _consent_left(self, task: Task) -> timedelta:
        """For how long the hand-over may still begin."""
        cleared_at = self._cleared.pop(task.id, None)
        now = self._clock()
        # A clock that was set back tells no age.
        if cleared_at is None or not timedelta(0) <= now - cleared_at <= CONSENT_AGE:
            raise ChannelError(
                f"The customer's consent was asked more than {CONSENT_AGE.seconds} s ago; it is asked again.",
                untried=True,
                retry_at=now,
            )
        return cleared_at + CONSENT_AGE - now

    def _message_id(self, task: Task) -> str:
        return keys.message_id(self._settings.secret, task.key, self._settings.sender.domain)


def build(services: SiteServices) -> EmailChannel:
    """The channel of a site."""
    site, mail = services.site, services.site.mail
    sender = Mailbox.parse(mail.sender)
    return EmailChannel(
        MailSettings(
            sender=sender,
            site=Site(
                site.name or sender.name,
                language=mail.language,
                zone=site.timezone,
                currency=mail.currency,
                brand=site.brand,
            ),
            secret=services.secret,
            on_lost_answer=OnLostAnswer(mail.on_lost_answer),
            claims=SiteClaims(services.settings.daemon.public_url, services.secret, site.claims),
        ),
        catalogue=services.catalogue,
        transport=services.transport,
        gatekeeper=services.gatekeeper,
        links=_links(services),
        program=services.program,
        clock=services.clock,
    )


def _links(services: SiteServices) -> UnsubscribeLinks:
    if services.site.mail.unsubscribe == "wix":
        return WixLinks(services.client)
    return OwnLinks(services.settings.daemon.public_url, services.site_id, services.secret)
