"""Who may see the operator's pages.

Without a password they are for the person at this machine alone: the daemon listens on loopback, its public address
is loopback too (else a proxy in front may hand the pages to the whole internet), no proxy has touched the request,
and the browser was sent to a loopback name (else a stranger's site may have bound its own name to 127.0.0.1 and
read along). With a password, credentials decide; a strange name in ``Host`` is refused all the same.
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

from starlette.requests import Request

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")

ONLY_HERE = (
    "These pages show customers, and no password is set, so they are open only on this machine: set one with "
    "`milestones password`, or let `daemon.listen` and `daemon.public_url` be loopback addresses."
)
STRANGE_NAME = (
    "This daemon is not known by the name in your address bar. Use the host of `daemon.public_url`, "
    "or http://127.0.0.1 with the port of `daemon.listen`."
)


class RefusedError(Exception):
    """Not for this visitor. ``ask``: credentials would help."""

    def __init__(self, sentence: str, *, ask: bool = False) -> None:
        self.ask = ask
        super().__init__(sentence)


def is_loopback(host: str) -> bool:
    """Whether a host, by name or number, is this machine for itself."""
    if host.casefold() in {"localhost", "localhost."} or host.casefold().endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and address.is_loopback


def _named_host(request: Request) -> str:
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Access:
    """The rule above. ``verify_password`` is slow by design; it is None where no password is set."""

    listen_host: str
    public_url: str
    verify_password: Callable[[str], bool] | None = None
    _salt: bytes = field(default_factory=lambda: secrets.token_bytes(16), repr=False)
    _passed: set[bytes] = field(default_factory=set, repr=False)
    _one_guess: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1), repr=False)

    async def require_operator(self, request: Request) -> None:
        """Raises RefusedError with the reason unless the visitor may see the pages."""
        host = _named_host(request)
        if self.verify_password is None:
            if not is_loopback(self.listen_host) or not is_loopback(self._public_host()):
                raise RefusedError(ONLY_HERE)
            if any(name in request.headers for name in _FORWARDED):
                raise RefusedError(ONLY_HERE)
            if not is_loopback(host):
                raise RefusedError(STRANGE_NAME)
            return
        # A bare address cannot be rebound: only names can.
        known = is_loopback(host) or _address(host) is not None or host == self._public_host()
        if not known:
            raise RefusedError(STRANGE_NAME)
        if not await self._has_password(request.headers.get("authorization", ""), self.verify_password):
            raise RefusedError("The operator's password is wanted; any user name will do.", ask=True)

    def _public_host(self) -> str:
        return (urlsplit(self.public_url).hostname or "").casefold()

    async def _has_password(self, credentials: str, verify: Callable[[str], bool]) -> bool:
        password = _basic_password(credentials)
        if password is None:
            return False
        # A page polls, and the verification is slow: what was right once is remembered, salted and hashed.
        remembered = hmac.digest(self._salt, password.encode(), hashlib.sha256)
        if remembered in self._passed:
            return True
        # One guess at a time, so that guessing is as slow as one verification after the other.
        async with self._one_guess:
            right = await asyncio.to_thread(verify, password)
        if right:
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
