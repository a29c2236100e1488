"""A real SMTP server (aiosmtpd) in the test's own loop, told at which verb it refuses, hangs up or falls silent."""

import asyncio
import ssl
import warnings
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.kinds.builders import NOW

HANG_UP = "hang up"
SILENCE = "silence"


@dataclass
class Mailserver:
    """What happens at a verb, and what was taken.

    at: by ``CONNECT``, ``EHLO``, ``STARTTLS``, ``AUTH``, ``MAIL``, ``RCPT``, ``DATA``, ``DOT``, ``RSET``, ``QUIT`` or a
    recipient's address: a reply to give, HANG_UP or SILENCE.
    at_once: connections that are served; any other hears ``crowded`` at ``crowded_at``. per_connection: mails that one connection may
    bring; the next hears ``enough`` at ``enough_at``.
    """

    port: int = 0
    at: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    connections: int = 0
    logins: int = 0
    encrypted: bool = False
    accepts: str = "250 OK"
    greeted_as: str | None = None
    at_once: int | None = None
    crowded: str = "421 4.7.0 too many connections"
    crowded_at: str = "CONNECT"
    per_connection: int | None = None
    enough: str = "421 4.7.0 too many messages on this connection"
    enough_at: str = "MAIL"
    serving: set[object] = field(default_factory=set)
    turned_away: int = 0
    verbs: Counter[str] = field(default_factory=Counter)
    reached: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def recipients(self) -> list[str]:
        return [str(address) for envelope in self.taken for address in envelope.rcpt_tos]

    # aiosmtpd looks these up by name.
    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        self.greeted_as = session.host_name
        return self.accepts

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        action = self.at.get("DOT", "250 2.0.0 taken")
        if action == HANG_UP:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        elif action == SILENCE:
            await asyncio.Event().wait()
        elif action.startswith("2"):
            self.taken.append(envelope)
            self.encrypted = session.ssl is not None
        return action

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        self.logins += 1
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"shop", b"secret")
        return AuthResult(success=right, handled=False)


class _Server(SMTP):
    """aiosmtpd's server with the behaviours of a ``Mailserver`` before its own."""

    mailserver: Mailserver
    _mails = 0
    _unwanted = False

    async def _handle_client(self) -> None:
        told = self.mailserver
        told.connections += 1
        if told.at_once is not None and len(told.serving) >= told.at_once:
            told.turned_away += 1
            if told.crowded_at == "CONNECT":
                await self._answer(told.crowded)
            else:
                self._unwanted = True
                await super()._handle_client()
        elif not await self._misbehaves("CONNECT"):
            told.serving.add(self)
            await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        self.mailserver.serving.discard(self)
        super().connection_lost(error)

    async def smtp_EHLO(self, hostname: str) -> None:  # noqa: N802
        if not await self._misbehaves("EHLO"):
            await super().smtp_EHLO(hostname)

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802
        if not await self._misbehaves("STARTTLS"):
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:  # noqa: N802
        if not await self._misbehaves("AUTH"):
            await super().smtp_AUTH(arg)

    async def smtp_QUIT(self, arg: str | None) -> None:  # noqa: N802
        if not await self._misbehaves("QUIT"):
            await super().smtp_QUIT(arg)

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802
        if not await self._misbehaves("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802
        address = (arg or "").removeprefix("TO:").strip("<>")
        if not await self._misbehaves(address, "RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if not await self._misbehaves("DATA"):
            await super().smtp_DATA(arg)

    async def smtp_RSET(self, arg: str | None) -> None:  # noqa: N802
        if not await self._misbehaves("RSET"):
            await super().smtp_RSET(arg)

    async def _misbehaves(self, *verbs: str) -> bool:
        self.mailserver.verbs[verbs[-1]] += 1
        self.mailserver.reached[verbs[-1]].set()
        action = next((self.mailserver.at[verb] for verb in verbs if verb in self.mailserver.at), None)
        told = self.mailserver
        if verbs[-1] == "MAIL":
            self._mails += 1
        if self._unwanted and verbs[-1] == told.crowded_at:
            action = told.crowded
        if (
            verbs[-1] == told.enough_at
            and told.per_connection is not None
            and self._mails > told.per_connection
        ):
            action = told.enough
        if action is None:
            return False
        await self._answer(action)
        return True

    async def _answer(self, action: str) -> None:
        if action == HANG_UP:
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
        elif action == SILENCE:
            await asyncio.Event().wait()
        else:
            await self.push(action)
            if action.startswith("421"):
                assert isinstance(self.transport, asyncio.Transport)
                self.transport.close()


@asynccontextmanager
async def mailserver(
    *, starttls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, login: bool = False
) -> AsyncIterator[Mailserver]:
    """A server on a free port, gone with the block."""
    loop = asyncio.get_running_loop()
    told = Mailserver()
    protocols: list[_Server] = []

    def protocol() -> _Server:
        with warnings.catch_warnings():
            # A login in clear text is fine between two ends of one test.
            warnings.simplefilter("ignore", UserWarning)
            made = _Server(
                told,
                hostname="mail.test",
                loop=loop,
                tls_context=starttls,
                require_starttls=starttls is not None,
                auth_required=login,
                auth_require_tls=False,
                authenticator=told.authenticate if login else None,
                enable_SMTPUTF8=False,
            )
        made.mailserver = told
        protocols.append(made)
        return made

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        handlers = [made._handler_coroutine for made in protocols if made._handler_coroutine]
        for handler in handlers:
            handler.cancel()
        await asyncio.gather(*handlers, return_exceptions=True)
        for made in protocols:
            if isinstance(made.transport, asyncio.Transport):
                made.transport.abort()
        await server.wait_closed()


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server with a certificate of its own, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=36500))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "mail.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cafile=str(pem))
    return server, client
