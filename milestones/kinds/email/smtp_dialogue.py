"""One conversation with a mail server, command by command: only so it is known at which of them a connection died.

Until the final dot of DATA is written the server has nothing; once it has answered the dot it has the message or has
refused it. In between nobody knows, and the error says so (``lost``).
"""

import asyncio
import re

from aiosmtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)

from milestones import effects
from milestones.errors import MailError
from milestones.kinds.email.smtp_replies import Stage, refusal

_REFUSED_LOGINS = frozenset({534, 535})
"""Other codes are of the way to log in (RFC 4954, section 6)."""
_LINE_END = re.compile(rb"\r\n?|\n")
_DOT = re.compile(rb"^\.", re.MULTILINE)


async def transact(client: SMTP, body: bytes, *, sender: str, recipient: str, answer_seconds: float) -> None:
    """Hands one message over: MAIL, RCPT, DATA. body: as ``on_the_wire`` writes it.

    answer_seconds: how long the answer to the final dot may take. Raises MailError, lost once the dot was written.
    """
    stage = Stage.SENDER
    try:
        await _name(client, sender=sender)
        stage = Stage.RECIPIENT
        await _name(client, recipient=recipient)
        stage = Stage.DATA
        # Whatever goes wrong before this has lost nothing, were it this process that ends.
        await effects.begin()
        go_ahead = await client.execute_command(b"DATA")
        if go_ahead.code != 354:
            raise refusal(go_ahead.code, go_ahead.message, stage)
        _heed_cancellation()
        protocol = client.protocol
        if protocol is None or not client.is_connected:
            raise _connection_lost(stage)
        protocol.write(body)
        stage = Stage.ANSWER
        answer = await protocol.read_response(timeout=answer_seconds)
    except SMTPResponseException as error:
        if stage is Stage.ANSWER or error.code < 0:
            # Not the reply to a command but one that makes no sense.
            client.close()
            raise _connection_lost(stage) from error
        raise refusal(error.code, error.message, stage) from error
    except (SMTPException, OSError) as error:
        client.close()
        raise _connection_lost(stage) from error
    if 400 <= answer.code < 600:
        raise refusal(answer.code, answer.message, Stage.DATA)
    if not 200 <= answer.code < 300:
        client.close()
        raise _connection_lost(stage)


def on_the_wire(message: bytes) -> bytes:
    """The message as DATA takes it, up to and with the final dot: lines end with CRLF, and in no other place is either
    of the two (RFC 5321, sections 2.3.8 and 4.5.2).
    """
    lines = _LINE_END.sub(b"\r\n", message)
    if not lines.endswith(b"\r\n"):
        lines += b"\r\n"
    return _DOT.sub(b"..", lines) + b".\r\n"


async def _name(client: SMTP, *, sender: str | None = None, recipient: str | None = None) -> None:
    """MAIL or RCPT. Every 2xx is a yes: 252 says that the server takes the mail without knowing the mailbox."""
    try:
        if sender is not None:
            await client.mail(sender)
        elif recipient is not None:
            await client.rcpt(recipient)
    except (SMTPSenderRefused, SMTPRecipientRefused) as answer:
        if not 200 <= answer.code < 300:
            raise


async def greet(client: SMTP) -> None:
    """EHLO, and for a server that does not know it HELO. Raises SMTPException with the last refusal."""
    try:
        await client.ehlo()
    except SMTPResponseException as error:
        if not client.is_connected or error.code not in {500, 502}:
            raise
        await client.helo()


async def log_in(client: SMTP, username: str, password: str, *, encrypted: bool) -> None:
    """Log in. A password that is refused is sent once: each way in which it is sent counts where accounts are locked. Raises SMTPException.

    CRAM-MD5 is offered by servers that cannot do it, so its refusal says nothing; it comes first where others would listen.
    """
    ways = [("plain", client.auth_plain), ("login", client.auth_login)]
    ways.insert(len(ways) if encrypted else 0, ("cram-md5", client.auth_crammd5))
    offered = [(name, way) for name, way in ways if name in client.supported_auth_methods]
    if not offered:
        raise SMTPException("it offers no way to log in that is known here; some do so only over TLS")
    for place, (name, way) in enumerate(offered, 1):
        try:
            await way(username, password)
        except SMTPAuthenticationError as error:
            if place == len(offered) or (name != "cram-md5" and error.code in _REFUSED_LOGINS):
                raise
        else:
            return


async def reset(client: SMTP) -> bool:
    """Begins anew after a refusal. False where the connection takes no more."""
    try:
        return (await client.execute_command(b"RSET")).code == 250
    except (SMTPException, OSError):
        return False


def _heed_cancellation() -> None:
    """Raises CancelledError if this task was told to stop and did not notice.

    ``wait_for`` of Python 3.11 swallows a cancellation that meets its answer, and the next step cannot be undone.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _connection_lost(stage: Stage) -> MailError:
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
