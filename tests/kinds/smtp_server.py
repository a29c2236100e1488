"""A real SMTP server (aiosmtpd) in the test's own loop, told at which verb it refuses, hangs up or falls silent."""

import asyncio
import ssl
import warnings
from collections import defaultdict
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
    """

    port: int = 0
    at: dict[str, str] = field(default_factory=dict)
    taken: list[Envelope] = field(default_factory=list)
    connections: int = 0
    logins: int = 0
    encrypted: bool = False
    reached: dict[str, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    @property
    def recipients(self) -> list[str]:
        return [str(address) for envelope in self.taken for address in envelope.rcpt_tos]

    # aiosmtpd looks these up by name.
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

    async def _handle_client(self) -> None:
        self.mailserver.connections += 1
        if not await self._misbehaves("CONNECT"):
            await super()._handle_client()

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
        self.mailserver.reached[verbs[-1]].set()
        action = next((self.mailserver.at[verb] for verb in verbs if verb in self.mailserver.at), None)
        if action is None:
            return False
        if action == HANG_UP:
            assert isinstance(self.transport, asyncio.Transport)
            self.transport.abort()
        elif action == SILENCE:
            await asyncio.Event().wait()
        else:
            await self.push(action)
        return True


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
