"""The connections to one mail server that are kept, and how many the server allows.

Servers limit how many connections one client may have and how many mails each of them takes, and say so in no agreed
way: with 421 at the greeting or later, with another refusal, or by hanging up. So what counts is what works. A connection
that cannot be had while others serve means that these are as many as the server allows now. One more is tried from
time to time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiosmtplib import SMTP, SMTPException

from milestones.errors import MailError
from milestones.kinds.email.smtp_replies import RefusalError, Stage

IDLE_SECONDS = 60.0
"""A connection that was not used for so long is replaced; servers hang up at about that time themselves."""

_OK = 250

FAILED_SECONDS = 1.0
"""For so long the refusal of a login holds for whoever comes next: mails come one by one, at a pace."""

FIRST_PATIENCE = 60.0
LONGEST_PATIENCE = 3600.0
"""Seconds until one more connection is tried than the server allowed. Doubled each time it is refused."""


@dataclass(slots=True)
class Connection:
    """A connection that is logged in. used: mails that were tried over it. used_at: monotonic seconds."""

    client: SMTP
    used_at: float
    used: int = 0


class Connections:
    """At most ``most`` connections, opened when they are needed. open_one: connects and logs in, or raises MailError."""

    def __init__(
        self, open_one: Callable[[], Awaitable[SMTP]], most: int, clock: Callable[[], float]
    ) -> None:
        self._open_one = open_one
        self._most = most
        self._clock = clock
        self._allowed = most
        self._patience = FIRST_PATIENCE
        self._raise_at = 0.0
        self._idle: list[Connection] = []
        self._in_use = 0
        self._opening = 0
        self._failures = 0
        self._failure: MailError | None = None
        self._failed_at = clock()
        self._changed = asyncio.Event()

    @property
    def allowed(self) -> int:
        """Connections that may be open at once."""
        return self._allowed

    @property
    def working(self) -> int:
        """Connections that are logged in."""
        return self._in_use + len(self._idle)

    async def take(self, *, fresh: bool = False) -> Connection:
        """A connection for one mail, as soon as there is one. Raises MailError when none can be had.

        fresh: one that has carried nothing yet, if the server allows.

        Until one works, only one is tried at a time, and whoever waits for it fails with it: a wrong password is sent
        once, and not once for each mail.
        """
        seen = self._failures
        if self._refused_just_now():
            raise self._failure_error()
        while True:
            while not (self._idle or self._may_open() or self._failed_since(seen)):
                await self._changed.wait()
            if self._idle:
                connection = self._idle.pop()
                self._in_use += 1
                if fresh:
                    self.drop(connection)
                elif await self._is_alive(connection):
                    return connection
            elif self._failed_since(seen):
                raise self._failure_error()
            else:
                opened = await self._open()
                if opened is not None:
                    return opened
                fresh = False
            seen = self._failures

    def give_back(self, connection: Connection) -> None:
        """Give back a connection that may be used again."""
        self._in_use -= 1
        if connection.client.is_connected:
            connection.used_at = self._clock()
            self._idle.append(connection)
        if self._allowed < self._most and self._clock() >= self._raise_at:
            self._allowed += 1
            self._raise_at = self._clock() + self._patience
        self._tell()

    def drop(self, connection: Connection) -> None:
        """Give back a connection that is not to be used again."""
        connection.client.close()
        self._in_use -= 1
        self._tell()

    def lower(self) -> None:
        """No more connections than work now are allowed."""
        fewer = max(1, self.working)
        if fewer < self._allowed:
            self._allowed = fewer
            self._raise_at = self._clock() + self._patience
            self._patience = min(2 * self._patience, LONGEST_PATIENCE)

    async def aclose(self) -> None:
        """Says QUIT on every idle connection."""
        while self._idle:
            client = self._idle.pop().client
            try:
                await client.quit(timeout=1)
            except (SMTPException, OSError):
                client.close()

    def _may_open(self) -> bool:
        return self.working + self._opening < self._allowed and (self.working > 0 or self._opening == 0)

    def _failed_since(self, seen: int) -> bool:
        return self._failures != seen and self.working == 0

    def _refused_just_now(self) -> bool:
        """Whether the login was, by a server that counts how often it hears a wrong password."""
        return (
            isinstance(self._failure, RefusalError)
            and self._failure.stage is Stage.LOGIN
            and self._failure.permanent
            and self.working == 0
            and self._clock() - self._failed_at < FAILED_SECONDS
        )

    def _failure_error(self) -> MailError:
        error = self._failure
        assert error is not None, "it was counted"
        return MailError(
            str(error),
            permanent=error.permanent,
            connection_wide=error.connection_wide,
            retry_at=error.retry_at,
        )

    async def _open(self) -> Connection | None:
        """A new connection; None if others must do."""
        self._opening += 1
        try:
            client = await self._open_one()
        except MailError as error:
            if self.working == 0:
                self._failures, self._failure = self._failures + 1, error
                self._failed_at = self._clock()
                raise
            self.lower()
            return None
        finally:
            self._opening -= 1
            self._tell()
        self._failure = None
        self._in_use += 1
        self._allowed = max(self._allowed, self.working)
        if self._allowed == self._most:
            self._patience = FIRST_PATIENCE
        return Connection(client, self._clock())

    async def _is_alive(self, connection: Connection) -> bool:
        """Whether a kept connection still serves: a server may hang up, or count its mails, without a word."""
        serves = False
        try:
            if connection.client.is_connected and self._clock() - connection.used_at < IDLE_SECONDS:
                serves = (await connection.client.execute_command(b"RSET")).code == _OK
        except (SMTPException, OSError):
            pass
        finally:
            if not serves:
                self.drop(connection)
        return serves

    def _tell(self) -> None:
        """Whoever waits looks again."""
        event, self._changed = self._changed, asyncio.Event()
        event.set()
