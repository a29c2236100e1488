"""Mails over SMTP: a few connections that are kept, a pace, and for every failure the question whether it was taken.

The commands are sent one by one, since only so it is known at which of them a connection died. Until the final dot of
DATA is written the server has nothing; once it has answered the dot it has the message or has refused it. In between
nobody knows, and the error says so (``lost``).
"""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPConnectResponseError,
    SMTPException,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from milestones.errors import MailError
from milestones.kinds.email.smtp_replies import Stage, refusal
from milestones.kinds.email.transport import Carried

COMMAND_SECONDS = 30.0
ANSWER_SECONDS = 600.0
"""How long the answer to the final dot may take: RFC 5321, section 4.5.3.2.6. Giving up sooner makes lost answers."""
IDLE_SECONDS = 60.0
"""A connection that was not used for so long is replaced; servers hang up at about that time themselves."""

_DOT = re.compile(rb"^\.", re.MULTILINE)


class Tls(StrEnum):
    """How a connection is encrypted."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where the mail server is and how it is spoken to.

    connections: kept at most. per_minute: messages, over all connections. context: whom to trust; the system's
    authorities by default. hello: the name in EHLO; this machine's by default.
    """

    host: str
    port: int
    tls: Tls = Tls.STARTTLS
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    connections: int = 4
    per_minute: int = 600
    context: ssl.SSLContext | None = None
    hello: str | None = None
    command_seconds: float = COMMAND_SECONDS
    answer_seconds: float = ANSWER_SECONDS


class SmtpTransport:
    """The connections to one mail server. Nothing connects before the first message."""

    def __init__(
        self,
        settings: SmtpSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._free = asyncio.Semaphore(settings.connections)
        self._idle: list[tuple[SMTP, float]] = []
        self._next_turn = clock()

    @property
    def connections(self) -> int:
        """How many messages may be handed over at once."""
        return self._settings.connections

    async def send(
        self, message: bytes, *, message_id: str, sender: str, recipient: str, within: float | None = None
    ) -> None:
        """Hands the message over. Raises MailError; the address is in none of its sentences."""
        del message_id
        async with self._begun(within) as client:
            try:
                await self._transact(client, message, sender, recipient)
            except MailError as error:
                if error.connection_wide or not client.is_connected:
                    client.close()
                else:
                    await self._keep_after_refusal(client)
                raise
            except BaseException:
                # Cancelled in the middle: what the server would answer next belongs to nobody.
                client.close()
                raise
            self._keep(client)

    @asynccontextmanager
    async def _begun(self, within: float | None) -> AsyncIterator[SMTP]:
        """A connection for one message at its turn."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(within):
                    await self._turn(within)
                    await stack.enter_async_context(self._free)
                    client = await self._connection()
            except TimeoutError:
                raise _crowded() from None
            except asyncio.CancelledError as stopped:
                # Told, since what is cut short in silence passes for a mail of which nobody knows whether it left.
                raise MailError("The program ended before the mail's turn came.", untried=True) from stopped
            yield client

    async def _turn(self, within: float | None) -> None:
        """Waits until the pace allows one more message. Turns are spread evenly, so a batch makes no burst.

        Who would wait for too long takes no turn from others.
        """
        now = self._clock()
        mine = max(now, self._next_turn)
        if within is not None and mine - now > within:
            raise _crowded()
        self._next_turn = mine + 60 / self._settings.per_minute
        if mine > now:
            await self._sleep(mine - now)

    async def carried(self, message_id: str) -> Carried:
        """SMTP has no way to ask."""
        del message_id
        return Carried.UNTOLD

    async def check(self) -> None:
        """Connects and logs in, and sends nothing. Raises MailError."""
        async with self._free:
            self._keep(await self._connect())

    async def aclose(self) -> None:
        """Says QUIT on every idle connection."""
        while self._idle:
            client, _ = self._idle.pop()
            try:
                await client.quit(timeout=1)
            except (SMTPException, OSError):
                client.close()

    async def _connection(self) -> SMTP:
        while self._idle:
            client, since = self._idle.pop()
            try:
                if client.is_connected and self._clock() - since < IDLE_SECONDS and await _is_alive(client):
                    return client
            except BaseException:
                client.close()
                raise
            client.close()
        return await self._connect()

    async def _connect(self) -> SMTP:
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls is Tls.IMPLICIT,
            start_tls=settings.tls is Tls.STARTTLS,
            username=settings.username,
            password=settings.password,
            tls_context=settings.context,
            local_hostname=settings.hello,
            timeout=settings.command_seconds,
        )
        try:
            await client.connect()
        except SMTPAuthenticationError as error:
            raise refusal(error.code, error.message, Stage.LOGIN) from error
        except (SMTPConnectResponseError, SMTPResponseException) as error:
            raise refusal(error.code, error.message, Stage.CONNECT) from error
        except asyncio.CancelledError:
            client.close()
            raise
        except (SMTPException, OSError, UnicodeError) as error:
            raise MailError(
                f"No connection to the mail server {settings.host}:{settings.port} ({_reason(error)}). "
                "Check mail.host, mail.port and mail.tls.",
                connection_wide=True,
            ) from error
        return client

    async def _transact(self, client: SMTP, message: bytes, sender: str, recipient: str) -> None:
        stage = Stage.SENDER
        try:
            await client.mail(sender)
            stage = Stage.RECIPIENT
            await client.rcpt(recipient)
            stage = Stage.DATA
            go_ahead = await client.execute_command(b"DATA")
            if go_ahead.code != 354:
                raise refusal(go_ahead.code, go_ahead.message, stage)
            _heed_cancellation()
            protocol = client.protocol
            if protocol is None or not client.is_connected:
                raise _died(stage)
            protocol.write(_DOT.sub(b"..", message) + b".\r\n")
            stage = Stage.ANSWER
            answer = await protocol.read_response(timeout=self._settings.answer_seconds)
        except SMTPResponseException as error:
            if stage is Stage.ANSWER or error.code < 0:
                # Not the reply to a command but one that makes no sense.
                client.close()
                raise _died(stage) from error
            raise refusal(error.code, error.message, stage) from error
        except (SMTPException, OSError) as error:
            client.close()
            raise _died(stage) from error
        if 400 <= answer.code < 600:
            raise refusal(answer.code, answer.message, Stage.DATA)
        if not 200 <= answer.code < 300:
            client.close()
            raise _died(stage)

    def _keep(self, client: SMTP) -> None:
        if client.is_connected:
            self._idle.append((client, self._clock()))

    async def _keep_after_refusal(self, client: SMTP) -> None:
        try:
            reset = await client.execute_command(b"RSET")
        except (SMTPException, OSError):
            return
        if reset.code == 250:
            self._keep(client)
        else:
            client.close()


async def _is_alive(client: SMTP) -> bool:
    """Whether a kept connection still serves: a server may hang up, or count its messages, without a word."""
    try:
        answer = await client.execute_command(b"RSET")
    except (SMTPException, OSError):
        return False
    return answer.code == 250


def _heed_cancellation() -> None:
    """Raises CancelledError if this task was told to stop and did not notice.

    ``wait_for`` of Python 3.11 swallows a cancellation that meets its answer, and the next step cannot be undone.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _crowded() -> MailError:
    return MailError(
        "Neither a turn nor a connection came in time (mail.per_minute, mail.connections, or a slow mail server); "
        "the mail is tried again.",
        connection_wide=True,
    )


def _died(stage: Stage) -> MailError:
    if stage is Stage.ANSWER:
        return MailError(
            "The mail server took the message and then gave no answer: nobody knows whether it will be delivered.",
            lost=True,
        )
    # A server that hangs up on one recipient or message must not make this one hold up all the others for ever,
    # so from the recipient on it counts as an attempt of the message.
    return MailError(
        f"The connection to the mail server died at {stage.value}; nothing was sent.",
        connection_wide=stage is Stage.SENDER,
    )


def _reason(error: Exception) -> str:
    """Why a connection failed, without the addresses and names that a system's error may hold."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, UnicodeError):
        return "that is no name of a host"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, TimeoutError):
        return "no answer in time"
    if isinstance(cause, SMTPServerDisconnected):
        return "it hung up"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return str(error)
