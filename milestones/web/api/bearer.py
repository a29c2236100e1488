"""Who calls the API: the token of a request, looked up in the database at each call, so that revoking one holds at once.

A right token is never kept waiting by those who guess: what is wrong is found out one at a time, and past a budget its
sender is told to come back later, while whoever has a token is served.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from starlette.requests import Request

from milestones.commands import tokens
from milestones.domain.token import Presented, Scope, may, read_token
from milestones.errors import StoreError
from milestones.observability.seldom import Seldom
from milestones.store.database.store import Store
from milestones.store.tables import ApiToken
from milestones.web.api.limits import Budgets
from milestones.web.api.refusals import Kind, RefusedError, refusal

REALM = 'Bearer realm="Milestones"'

_HOW = "Send a token as `Authorization: Bearer TOKEN`; `milestones token create` makes one."
_WRONG = "This token is not in force: it was never made, was revoked, or has expired."
_GUESSES = "guesses"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. name: the public name of the token."""

    name: str
    scopes: frozenset[Scope]
    presented: Presented

    def may(self, wanted: Collection[Scope]) -> bool:
        """Whether any one of these scopes is the caller's."""
        return may(self.scopes, wanted)


class Bearer:
    """Finds out who calls. guesses: how many wrong tokens a minute are looked at; the rest is put off."""

    def __init__(self, store: Store, clock: Callable[[], datetime], guesses: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._guesses = guesses
        self._budgets = Budgets()
        self._known: set[str] = set()
        self._one_guess = asyncio.Semaphore(1)
        self._each_minute = Seldom(timedelta(minutes=1))

    async def identify(self, request: Request) -> Caller:
        """The caller of a request. Raises RefusedError, and StoreError where nobody can be looked up."""
        presented = _presented(request)
        caller = await self._find(presented) if presented is not None else None
        if caller is None:
            raise self._refuse()
        return caller

    async def require_still(self, caller: Caller) -> None:
        """Raise RefusedError where the token was revoked, or has expired, since the caller was identified."""
        if await tokens.find_holder(self._store, caller.presented, self._clock()) is None:
            raise self._refuse()

    async def _find(self, presented: Presented) -> Caller | None:
        if presented.digest in self._known:
            row = await tokens.find_holder(self._store, presented, self._clock())
        else:
            async with self._one_guess:
                row = await tokens.find_holder(self._store, presented, self._clock())
        if row is None:
            self._known.discard(presented.digest)
            return None
        self._known.add(presented.digest)
        await self._note_use(row)
        return Caller(row.name, frozenset(Scope(scope) for scope in row.scopes), presented)

    async def _note_use(self, row: ApiToken) -> None:
        try:
            await tokens.note_use(self._store, row, self._clock)
        except StoreError as error:
            # A disk that is full keeps nobody from looking.
            if self._each_minute.due("use", self._clock()):
                _log.warning("token_use_not_noted", reason=str(error))

    def _refuse(self) -> RefusedError:
        if self._each_minute.due("refused", self._clock()):
            _log.warning("api_token_refused")
        standing = self._budgets.spend(_GUESSES, self._guesses(), asyncio.get_running_loop().time())
        if not standing.allowed:
            headers = {"retry-after": standing.headers()["retry-after"]}
            return refusal(
                Kind.TOO_MANY, "Too many wrong tokens came of late; try again later.", headers=headers
            )
        headers = {"www-authenticate": f'{REALM}, error="invalid_token"'}
        return refusal(Kind.UNAUTHENTICATED, _WRONG, headers=headers)


def _presented(request: Request) -> Presented | None:
    """What the request shows, or None for what cannot be a token. Raises RefusedError where it shows nothing at all."""
    told = request.headers.getlist("authorization")
    if not told:
        raise refusal(Kind.UNAUTHENTICATED, _HOW, headers={"www-authenticate": REALM})
    scheme, _, token = told[0].partition(" ")
    if len(told) > 1 or scheme.casefold() != "bearer":
        raise refusal(Kind.UNAUTHENTICATED, _HOW, headers={"www-authenticate": REALM})
    return read_token(token.strip())


def lacks_scope(wanted: Collection[Scope]) -> RefusedError:
    """The refusal of a caller who has none of these scopes."""
    names = " or ".join(sorted(wanted))
    headers = {"www-authenticate": f'{REALM}, error="insufficient_scope", scope="{" ".join(sorted(wanted))}"'}
    return refusal(Kind.SCOPE, f"This needs a token that is good for {names}.", headers=headers)
