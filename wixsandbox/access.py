"""Who calls: tokens and API keys (docs/wix-api.md, 3), and how often they may (section 6)."""

import hmac
import math
from collections import Counter
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers

from wixsandbox.errors import RefusedError, forbidden
from wixsandbox.events import Caller
from wixsandbox.settings import Switches
from wixsandbox.wire import Document, derive
from wixsandbox.world import World


class OAuthError(Exception):
    """A refusal of the token endpoint: its body follows RFC 6749, not the Wix form."""

    def __init__(self, status: int, error: str, description: str) -> None:
        self.status = status
        self.body = {"error": error, "error_description": description}
        super().__init__(description)


class _TokenRequest(BaseModel):
    grant_type: Literal["client_credentials"]
    client_id: str
    client_secret: str
    instance_id: str


class Access:
    """The tokens that were issued and are still good. A restart forgets them: clients get a 401 and ask again."""

    def __init__(self) -> None:
        self._tokens: dict[str, datetime] = {}
        self._issued = 0

    def issue(self, world: World, body: Document) -> Document:
        """Answer of ``POST /oauth2/token``; raises `OAuthError`."""
        wanted = _token_request(body)
        own = world.identity
        if wanted.client_id != own.app_id or not hmac.compare_digest(
            wanted.client_secret.encode(), own.app_secret.encode()
        ):
            raise OAuthError(401, "invalid_client", "The app id or the app secret is wrong")
        if wanted.instance_id != own.instance_id:
            raise OAuthError(400, "invalid_grant", "The app is not installed under this instance id")
        now = world.now
        self._tokens = {token: until for token, until in self._tokens.items() if until > now}
        self._issued += 1
        token = f"OAUTH2.{derive(own.app_secret, now.isoformat(), self._issued, world.run)}"
        self._tokens[token] = now + timedelta(seconds=world.switches.token_seconds)
        return {"access_token": token, "token_type": "Bearer", "expires_in": world.switches.token_seconds}

    def describe(self, world: World, body: Document) -> Document:
        """Answer of ``POST /oauth2/token-info``."""
        token = body.get("token")
        if not isinstance(token, str) or not self._good(token, world):
            raise OAuthError(400, "invalid_token", "The token is unknown or expired")
        own = world.identity
        return {
            "active": True,
            "subjectType": "APP",
            "subjectId": own.app_id,
            "exp": str(int(self._tokens[token].timestamp())),
            "clientId": own.app_id,
            "siteId": own.site_id,
            "instanceId": own.instance_id,
        }

    def caller(self, world: World, headers: Headers) -> Caller:
        """The identity behind ``Authorization``; 401 without a good one, 403 for a key without its site."""
        given = headers.get("authorization", "")
        if world.switches.accept_bearer_prefix:
            given = given.removeprefix("Bearer ")
        if self._good(given, world):
            return Caller("APP", world.identity.app_id)
        if not hmac.compare_digest(given.encode(), world.identity.api_key.encode()):
            raise RefusedError(401, "UNAUTHENTICATED", "The token is missing, wrong or expired")
        site, account = headers.get("wix-site-id"), headers.get("wix-account-id")
        if (site is None) == (account is None):
            raise forbidden("An API key needs exactly one of the headers wix-site-id and wix-account-id")
        if site is not None and site != world.identity.site_id:
            raise forbidden("The API key is not for this site")
        return world.owner

    def _good(self, token: str, world: World) -> bool:
        until = self._tokens.get(token)
        return until is not None and until > world.now


class RateLimit:
    """So many calls a minute; then 429 until the minute is over."""

    def __init__(self) -> None:
        self._began: datetime | None = None
        self._calls: Counter[bool] = Counter()

    def wait(self, now: datetime, switches: Switches, *, reads: bool) -> int | None:
        """Count a call. None if it may pass, else the whole seconds until the next minute."""
        minute = timedelta(seconds=switches.rate_limit_seconds)
        if self._began is None or not timedelta() <= now - self._began < minute:
            self._began = now
            self._calls.clear()
        counted = self._calls.total() if switches.rate_limit_shared else self._calls[reads]
        if switches.rate_limit_per_minute and counted >= switches.rate_limit_per_minute:
            return max(1, math.ceil((minute - (now - self._began)).total_seconds()))
        self._calls[reads] += 1
        return None


def _token_request(body: Document) -> _TokenRequest:
    try:
        return _TokenRequest.model_validate(body)
    except ValidationError as error:
        fields = ", ".join(str(one["loc"][0]) for one in error.errors())
        raise OAuthError(400, "invalid_request", f"Missing or wrong: {fields}") from error
