"""Who asks: headers and parameters, and tokens that are fetched and, once refused, fetched anew."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import httpx

from milestones.config.external_calls import AuthTable
from milestones.external.answers import Request, exchange, understand
from milestones.external.errors import ExternalError
from milestones.external.reading import search
from milestones.formats import untrusted


@dataclass(frozen=True, slots=True)
class Proof:
    """What goes along with a request. fetched: the token in it, where it was fetched."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    params: dict[str, str] = field(default_factory=dict, repr=False)
    fetched: str | None = field(default=None, repr=False)


class Authority:
    """The ways in which one program is told who asks. It keeps a token until it is refused."""

    def __init__(self, program: str, base_url: str, http: httpx.AsyncClient) -> None:
        self._program = program
        self._base_url = base_url
        self._http = http
        self._tokens: dict[int, str] = {}
        self._fetching = asyncio.Lock()

    async def prove(self, tables: Sequence[AuthTable], now: datetime) -> Proof:
        """What goes along. Raises ExternalError where a token cannot be had, and UsageError without a secret."""
        headers: dict[str, str] = {}
        params: dict[str, str] = {}
        fetched = None
        for table in tables:
            if table.type == "api_key":
                assert table.name is not None
                assert table.value is not None
                place = headers if table.location == "header" else params
                place[table.name] = table.prefix + table.value.get_secret_value()
            elif table.type == "bearer":
                assert table.token is not None
                headers["Authorization"] = f"{table.prefix or 'Bearer '}{table.token.get_secret_value()}"
            elif table.type == "http_basic":
                assert table.password is not None
                pair = f"{table.username}:{table.password.get_secret_value()}".encode()
                headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
            else:
                fetched = await self._token(table, now)
                headers["Authorization"] = f"{table.prefix or 'Bearer '}{fetched}"
        return Proof(headers, params, fetched)

    def forget(self, proof: Proof) -> bool:
        """A token was refused. Returns whether another may be fetched."""
        self._tokens = {key: token for key, token in self._tokens.items() if token != proof.fetched}
        return proof.fetched is not None

    async def _token(self, table: AuthTable, now: datetime) -> str:
        async with self._fetching:
            if id(table) not in self._tokens:
                self._tokens[id(table)] = await self._fetch(table, now)
            return self._tokens[id(table)]

    async def _fetch(self, table: AuthTable, now: datetime) -> str:
        request = self._question(table)
        answer = understand(await exchange(self._http, request), request, {}, now)
        token = search(table.token_path, answer)
        if not untrusted.storable(token) or not token or not token.isascii() or not token.isprintable():
            raise ExternalError(f"{self._program} answered the login without a token.", connection_wide=True)
        return str(token)

    def _question(self, table: AuthTable) -> Request:
        if table.type == "login":
            assert table.password is not None
            body = {"username": table.username, "password": table.password.get_secret_value()}
            url = f"{self._base_url}{table.path}"
            return Request(self._program, "login", "POST", url, reads=True, body=body)
        assert table.client_secret is not None
        form = {
            "grant_type": "client_credentials",
            "client_id": str(table.client_id),
            "client_secret": table.client_secret.get_secret_value(),
            **({} if table.scope is None else {"scope": table.scope}),
        }
        return Request(self._program, "login", "POST", str(table.url), reads=True, form=form)
