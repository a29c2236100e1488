"""Mails over SMTP: a pace, a connection for each mail, and for every failure the question whether it was taken.

What is said over a connection is ``smtp_dialogue``'s.
"""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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

from milestones.errors import FencedError, MailError, StoreError, WithdrawnError
from milestones.kinds.email.hello import machine_name
from milestones.kinds.email.smtp_connections import Connection, Connections
from milestones.kinds.email.smtp_dialogue import greet, log_in, on_the_wire, reset, transact
from milestones.kinds.email.smtp_replies import RefusalError, Stage, refusal
from milestones.kinds.email.transport import Carried

COMMAND_SECONDS = 30.0
ANSWER_SECONDS = 600.0
"""How long the answer to the final dot may take: RFC 5321, section 4.5.3.2.6. Giving up sooner makes lost answers."""

TRIES = 5
"""Connections that are tried for one mail, at once, when a connection and not the mail may be at fault."""

_TOO_MANY = 452


class Tls(StrEnum):
    """How a connection is encrypted."""

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Where the mail server is and how it is spoken to.

    connections: kept at most. per_minute: messages, over all connections. context: whom to trust; the system's
    authorities by default. hello: the name in EHLO; by default this machine's, if it has one that may stand there.
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
        self._connections = Connections(self._connect, settings.connections, clock)
        self._next_turn = clock()

    @property
    def connections(self) -> int:
        """How many messages may be handed over at once: as many as the server allows now."""
        return self._connections.allowed

    async def send(
        self, message: bytes, *, message_id: str, sender: str, recipient: str, within: float | None = None
    ) -> None:
        """Hands the message over. Raises MailError; the address is in none of its sentences."""
        del message_id
        body = on_the_wire(message)
        ends = None if within is None else asyncio.get_running_loop().time() + within
        async with _before_its_time_is_over(ends):
            await self._turn(within)
        fresh = False
        for tries in range(1, TRIES + 1):
            async with _before_its_time_is_over(ends):
                connection = await self._connections.take(fresh=fresh)
            # What one that has carried others says may be of it alone.
            fresh = connection.used > 0
            try:
                await transact(
                    connection.client,
                    body,
                    sender=sender,
                    recipient=recipient,
                    answer_seconds=self._settings.answer_seconds,
                )
            except MailError as error:
                if not await self._release(connection, error):
                    raise
                if tries == TRIES:
                    raise _of_this_mail(error) from error
            except (WithdrawnError, FencedError, StoreError):
                # It begins with RSET when it is taken again.
                self._connections.give_back(connection)
                raise
            except BaseException:
                # Cancelled in the middle: what the server would answer next belongs to nobody.
                self._connections.drop(connection)
                raise
            else:
                connection.used += 1
                self._connections.give_back(connection)
                return

    async def _release(self, connection: Connection, error: MailError) -> bool:
        """What becomes of a connection over which a mail was not taken. True if another may take it, at once."""
        used, client = connection.used, connection.client
        connection.used += 1
        over = not client.is_connected or (isinstance(error, RefusalError) and _over(error))
        if not over and not error.connection_wide and await reset(client):
            self._connections.give_back(connection)
            return False
        self._connections.drop(connection)
        if error.lost or not over:
            return False
        if used == 0 and self._connections.working > 0 and _says_nothing_of_the_mail(error):
            # One more than the server serves.
            self._connections.lower()
            return True
        return used > 0

    async def _turn(self, within: float | None) -> None:
        """Waits until the pace allows one more message. Turns are spread evenly, so a batch makes no burst.

        Who would wait for too long takes no turn from others.
        """
        now = self._clock()
        mine = max(now, self._next_turn)
        if within is not None and mine - now > within:
            raise _no_connection_in_time()
        self._next_turn = mine + 60 / self._settings.per_minute
        if mine > now:
            await self._sleep(mine - now)

    async def was_carried(self, message_id: str) -> Carried:
        """SMTP has no way to ask."""
        del message_id
        return Carried.UNTOLD

    async def check(self) -> None:
        """Connects and logs in, and sends nothing. Raises MailError."""
        self._connections.give_back(await self._connections.take())

    async def aclose(self) -> None:
        """Says QUIT on every idle connection."""
        await self._connections.aclose()

    async def _connect(self) -> SMTP:
        settings = self._settings
        client = SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls is Tls.IMPLICIT,
            start_tls=settings.tls is Tls.STARTTLS,
            tls_context=settings.context,
            local_hostname=settings.hello or await machine_name(),
            timeout=settings.command_seconds,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await greet(client)
            if settings.username is not None:
                await log_in(
                    client, settings.username, settings.password or "", encrypted=settings.tls is not Tls.NONE
                )
        except SMTPAuthenticationError as error:
            client.close()
            raise refusal(error.code, error.message, Stage.LOGIN) from error
        except (SMTPConnectResponseError, SMTPResponseException) as error:
            client.close()
            raise refusal(error.code, error.message, Stage.CONNECT) from error
        except asyncio.CancelledError:
            client.close()
            raise
        except (SMTPException, OSError, UnicodeError) as error:
            client.close()
            raise MailError(
                f"No connection to the mail server {settings.host}:{settings.port} ({_reason(error)}). "
                "Check mail.host, mail.port and mail.tls.",
                permanent=_is_for_good(error),
                connection_wide=True,
            ) from error
        return client


def _over(error: RefusalError) -> bool:
    """Whether a refusal may only mean that this connection has had enough."""
    if error.code in {421, _TOO_MANY}:
        return not error.of_mailbox
    return error.stage is Stage.SENDER or error.of_session


def _says_nothing_of_the_mail(error: MailError) -> bool:
    """Whether a first mail over a connection was turned away before anything of it but its sender was heard, or in words
    that are of the connection.
    """
    if isinstance(error, RefusalError) and error.of_session:
        return True
    return error.connection_wide and not error.permanent


def _of_this_mail(error: MailError) -> MailError:
    """A server that turns one mail away over every connection must not have it hold up all the others for ever, so
    from the recipient on it counts as an attempt of the mail.
    """
    if isinstance(error, RefusalError) and error.stage not in {Stage.RECIPIENT, Stage.DATA}:
        return error
    return MailError(str(error)) if not error.permanent else error


@asynccontextmanager
async def _before_its_time_is_over(ends: float | None) -> AsyncIterator[None]:
    """What a mail waits for before anything of it is sent. Raises MailError when that takes too long."""
    try:
        async with asyncio.timeout_at(ends):
            yield
    except TimeoutError:
        raise _no_connection_in_time() from None


def _no_connection_in_time() -> MailError:
    return MailError(
        "Neither a turn nor a connection came in time (mail.per_minute, mail.connections, or a slow mail server); "
        "the mail is tried again.",
        connection_wide=True,
        untried=True,
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


def _is_for_good(error: Exception) -> bool:
    """Whether a person must mend what keeps a connection from being made."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, ssl.SSLCertVerificationError | UnicodeError):
        return True
    # What is left says that the server lacks something, such as STARTTLS or a way to log in.
    return isinstance(cause, SMTPException) and not isinstance(cause, OSError)
