"""Who we are to Wix: an app's instance on one site, or the owner's API key (docs/wix-api.md, 3)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx

from milestones.wix.answers import Call, Question, exchange, understand
from milestones.wix.errors import (
    WixConflictError,
    WixError,
    WixRefusedError,
    WixUnauthorizedError,
    WixUnavailableError,
)

TOKEN_SECONDS = 14_400
RENEW_EARLY = timedelta(minutes=5)
RENEW_AGAIN = timedelta(seconds=30)

_TOKEN_CALL = Call("POST", "/oauth2/token", reads=True)


@dataclass(frozen=True)
class AppCredentials:
    """An installed app: one instance id for each site. The only kind that hears webhooks."""

    app_id: str
    app_secret: str = field(repr=False)
    instance_id: str


@dataclass(frozen=True)
class ApiKeyCredentials:
    """The owner's own key for their own site. It does not expire, and it hears no webhooks."""

    api_key: str = field(repr=False)
    site_id: str


Credentials = AppCredentials | ApiKeyCredentials


class Authority(Protocol):
    """Something that can sign calls."""

    async def headers(self) -> dict[str, str]:
        """The headers that identify us."""
        ...

    async def renew(self, refused: dict[str, str]) -> dict[str, str] | None:
        """Other headers than those that Wix has just refused, or None when there are none to be had."""
        ...


class ApiKeyAuthority:
    """Signs with the key itself: there is nothing to renew."""

    def __init__(self, credentials: ApiKeyCredentials) -> None:
        self._headers = {"Authorization": credentials.api_key, "wix-site-id": credentials.site_id}

    async def headers(self) -> dict[str, str]:
        """The key, and the site it is used for."""
        return dict(self._headers)

    async def renew(self, refused: dict[str, str]) -> dict[str, str] | None:  # noqa: ARG002
        """None: Wix refused the key, and there is no other."""
        return None


@dataclass
class _Token:
    value: str = field(repr=False)
    expires_at: datetime
    renew_at: datetime


class AppAuthority:
    """Signs with the access token of one site, which it caches, renews early, and renews once on a 401.

    However many calls find the token old, one request is made for a new one, and all of them share its outcome:
    when the token service hangs, a hundred callers must not wait for it one after the other.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        credentials: AppCredentials,
        clock: Callable[[], datetime],
    ) -> None:
        self._http = http
        self._credentials = credentials
        body = {
            "grant_type": "client_credentials",
            "client_id": credentials.app_id,
            "client_secret": credentials.app_secret,
            "instance_id": credentials.instance_id,
        }
        self._question = Question(_TOKEN_CALL, base_url + _TOKEN_CALL.template, body=body)
        self._clock = clock
        self._token: _Token | None = None
        self._renewal: asyncio.Task[_Token] | None = None

    async def headers(self) -> dict[str, str]:
        """The raw token, without the word Bearer, as the official client sends it."""
        now = self._clock()
        token = self._token
        if token is None or now >= token.expires_at:
            token = await self._shared_renewal()
        elif now >= token.renew_at:
            try:
                token = await self._shared_renewal()
            except WixError:
                # The old token has minutes left: that is what renewing early is for. Not every call of those minutes
                # should wait for a token service that is down.
                token.renew_at = now + RENEW_AGAIN
        return {"Authorization": token.value}

    async def renew(self, refused: dict[str, str]) -> dict[str, str] | None:
        """A newer token than the refused one: perhaps another call has already fetched it."""
        token = self._token
        if token is None or token.value == refused["Authorization"]:
            token = await self._shared_renewal()
        return {"Authorization": token.value}

    async def _shared_renewal(self) -> _Token:
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())
            self._renewal.add_done_callback(self._renewal_ended)
        # Shielded, since a caller that is cancelled must not take the token away from the others.
        return await asyncio.shield(self._renewal)

    def _renewal_ended(self, renewal: asyncio.Task[_Token]) -> None:
        self._renewal = None
        if not renewal.cancelled():
            renewal.exception()  # marks it as seen: when every caller was cancelled, nobody else looks

    async def _renew(self) -> _Token:
        asked_at = self._clock()
        try:
            answer = await exchange(self._http, self._question, headers={})
            self._token = _read_token(understand(answer, _TOKEN_CALL, asked_at), asked_at)
        except WixUnavailableError as failure:
            failure.connection_wide = True  # whatever was to be done with the token is not at fault
            raise
        except (WixRefusedError, WixConflictError, WixUnauthorizedError) as refusal:
            raise WixUnauthorizedError(
                f"Wix gives no access token for the instance {self._credentials.instance_id} "
                f"({refusal.status} {refusal.code or 'without a code'}, request id {refusal.request_id or 'none'}): "
                "check app_id and app_secret, and that the app is still installed on the site.",
                status=refusal.status,
                request_id=refusal.request_id,
                complaint=refusal.complaint,
            ) from None
        return self._token


def _read_token(answer: dict[str, Any], asked_at: datetime) -> _Token:
    value = answer.get("access_token")
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or not value:
        raise WixUnavailableError("Wix answered the request for an access token without one.")
    lifetime = timedelta(seconds=_seconds(answer.get("expires_in")))
    expires_at = asked_at + lifetime
    return _Token(value, expires_at, renew_at=expires_at - min(RENEW_EARLY, lifetime / 10))


def _seconds(expires_in: Any) -> float:
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return TOKEN_SECONDS
    return seconds if 0 < seconds <= 366 * 86_400 else TOKEN_SECONDS


def authority(
    http: httpx.AsyncClient, base_url: str, credentials: Credentials, clock: Callable[[], datetime]
) -> Authority:
    """What signs the calls that use these credentials."""
    if isinstance(credentials, ApiKeyCredentials):
        return ApiKeyAuthority(credentials)
    return AppAuthority(http, base_url, credentials, clock)
