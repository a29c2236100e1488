"""Who may see the operator's pages.

Without a password they are for the person at this machine alone: the daemon listens on loopback, its public address
is loopback too (else a proxy in front may hand the pages to the whole internet), no proxy has touched the request,
and the browser was sent to a loopback name (else a stranger's site may have bound its own name to 127.0.0.1 and
read along). With a password, credentials decide; a strange name in ``Host`` is refused all the same.

The stored password is asked for at each request, so that setting one closes the pages to everybody else at once.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request

from milestones.config.web_addresses import is_loopback
from milestones.errors import ConfigurationError
from milestones.web.password import Password

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

ONLY_HERE = (
    "These pages show customers, and no password is set, so they are open only on this machine: set one with "
    "`milestones password`, or let `daemon.listen` and `daemon.public_url` be loopback addresses."
)
STRANGE_NAME = (
    "This daemon is not known by the name in your address bar. Use the host of `daemon.public_url`, "
    "or http://127.0.0.1 with the port of `daemon.listen`."
)


UNTOLD = (
    "It cannot be told whether a password is set, so nobody may look. The daemon's log says what is wrong."
)

_log = structlog.get_logger(__name__)


class RefusedError(Exception):
    """Not for this visitor. ``ask``: credentials would help."""

    def __init__(self, sentence: str, *, ask: bool = False) -> None:
        self.ask = ask
        super().__init__(sentence)


def _named_host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Access:
    """The rule above.

    password: the one in force, or None where none is set. Raises ConfigurationError when that cannot be told; then
    nobody may look.
    """

    listen_host: str
    public_url: str
    password: Callable[[], Password | None] = lambda: None
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    _passed: set[bytes] = field(default_factory=set, repr=False)
    _one_guess: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), repr=False)

    async def require_operator(self, request: Request) -> None:
        """Raises RefusedError with the reason unless the visitor may see the pages."""
        host = _named_host(request)
        stored = self._read_password()
        if stored is None:
            if self.beyond_this_machine:
                raise RefusedError(ONLY_HERE)
            if any(name in request.headers for name in _FORWARDED):
                raise RefusedError(ONLY_HERE)
            if not is_loopback(host):
                raise RefusedError(STRANGE_NAME)
            return
        self.require_known_name(request)
        if not await self._has_password(request.headers.get("authorization", ""), stored):
            raise RefusedError("The operator's password is wanted; any user name will do.", ask=True)

    def require_known_name(self, request: Request) -> None:
        """Raises RefusedError unless the request was sent to a name of this daemon."""
        host = _named_host(request)
        # A bare address cannot be rebound: only names can.
        if not (is_loopback(host) or _is_address(host) or host == self._public_host()):
            raise RefusedError(STRANGE_NAME)

    @property
    def beyond_this_machine(self) -> bool:
        """Whether others than the person at this machine can reach it, so that a password is needed."""
        return not is_loopback(self.listen_host) or not is_loopback(self._public_host())

    def _read_password(self) -> Password | None:
        try:
            return self.password()
        except ConfigurationError as error:
            _log.error("pages_closed", reason=str(error))
            raise RefusedError(UNTOLD) from None

    def _public_host(self) -> str:
        return (urlsplit(self.public_url).hostname or "").casefold()

    async def _has_password(self, credentials: str, stored: Password) -> bool:
        password = _basic_password(credentials)
        if password is None:
            return False
        # A page polls, and the verification is slow: what was right once for this stored password is remembered,
        # salted and hashed.
        remembered = hmac.digest(self._salt, f"{stored}\0{password}".encode(), hashlib.sha256)
        if remembered in self._passed:
            return True
        # One guess at a time, so that guessing is as slow as one verification after the other.
        async with self._one_guess:
            right = await asyncio.to_thread(stored.verify, password)
        if right:
            self._passed.clear()
            self._passed.add(remembered)
        return right


def _basic_password(credentials: str) -> str | None:
    scheme, _, encoded = credentials.partition(" ")
    if scheme.casefold() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    del user
    return password if colon else None
