"""One site's access to the Wix API: auth, pacing, timeouts and the retries of reads, behind one method."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import stamina

from milestones import effects
from milestones.wix.answers import Answer, Call, ParameterValue, Question, exchange, understand
from milestones.wix.auth import Credentials, authority
from milestones.wix.errors import WixError, WixRefusedError, WixThrottledError, WixUnavailableError
from milestones.wix.pacing import Pacer, PausedError, person_waits

CallObserver = Callable[[str, str, int | None, float], None]
"""Told of every exchange: method, path template, HTTP status (None without an answer), seconds."""

MAX_ID = 100

_INTERNAL = "/_api/"


class WixClient:
    """One site's access. It holds no connection of its own: ``http`` is shared by all sites and closed by its owner.

    Reads are tried up to ``read_attempts`` times when Wix fails, the first wait being about ``read_backoff`` seconds.
    Writes are tried once: only the outbox knows what a repetition would do.

    internal_root: where the services live whose public path begins with ``/_api`` (earning rules, imports). Sources
    disagree about that prefix (docs/wix-api.md, 0.1), so it can be moved.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        credentials: Credentials,
        pacer: Pacer,
        clock: Callable[[], datetime],
        *,
        observer: CallObserver | None = None,
        read_attempts: int = 3,
        read_backoff: float = 0.3,
        internal_root: str = _INTERNAL,
    ) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._authority = authority(http, self._base_url, credentials, clock)
        self._pacer = pacer
        self._clock = clock
        self._observer = observer
        self._read_attempts = read_attempts
        self._read_backoff = read_backoff
        self._internal_root = internal_root

    async def call(
        self,
        method: str,
        path: str,
        *,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, ParameterValue] | None = None,
        body: Mapping[str, Any] | None = None,
        reads: bool,
    ) -> dict[str, Any]:
        """As ``send``, for a call that no resource file has named."""
        return await self.send(Call(method, path, reads=reads), ids=ids, params=params, body=body)

    async def send(
        self,
        call: Call,
        *,
        ids: Mapping[str, str] | None = None,
        params: Mapping[str, ParameterValue] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The JSON object that Wix answers, ``{}`` when the answer is empty.

        ids: what fills the template's braces. params: the query string. body: JSON.
        Raises WixError and nothing else, but for what keeps a write from beginning (``effects.begin``). A throttled read waits out the pause, unless a person waits for it.
        """
        question = Question(call, self._base_url + self._fill(call.template, ids or {}), params, body)
        if not call.reads:
            return await self._ask(question)
        attempts = stamina.retry_context(
            on=_worth_repeating,
            attempts=self._read_attempts,
            timeout=None,
            wait_initial=self._read_backoff,
            wait_jitter=self._read_backoff,
            wait_max=5.0,
        )
        async for attempt in attempts:
            with attempt:
                return await self._ask(question)
        raise AssertionError("stamina either returns from the block or raises")

    async def _ask(self, question: Question) -> dict[str, Any]:
        await self._await_turn(question.call)
        headers = await self._authority.headers()
        if not question.call.reads:
            await effects.begin()
        answer = await self._observe(question, headers)
        if answer.status == 401:
            # A 401 means that nothing was done, so even a write may be repeated; once, lest a missing permission,
            # which Wix also calls 401 at times, turn into a storm of token requests.
            fresh = await self._authority.renew(headers)
            if fresh is not None:
                await self._await_turn(question.call)
                answer = await self._observe(question, fresh)
        now = self._clock()
        try:
            return understand(answer, question.call, now)
        except WixThrottledError as throttled:
            if throttled.retry_at is not None:
                await self._pacer.pause((throttled.retry_at - now).total_seconds())
            raise

    async def _await_turn(self, call: Call) -> None:
        try:
            await self._pacer.acquire(priority=person_waits())
        except PausedError as paused:
            raise WixThrottledError(
                f"Wix throttles this site, so {call} was not tried; try again in {paused.seconds:.0f} s.",
                retry_at=self._clock() + timedelta(seconds=paused.seconds),
            ) from None

    async def _observe(self, question: Question, headers: Mapping[str, str]) -> Answer:
        began = time.perf_counter()
        status: int | None = None
        try:
            answer = await exchange(self._http, question, headers)
            status = answer.status
        except WixError as error:
            status = error.status
            raise
        else:
            return answer
        finally:
            if self._observer is not None:
                call = question.call
                self._observer(call.method, call.template, status, time.perf_counter() - began)

    def _fill(self, template: str, ids: Mapping[str, str]) -> str:
        path = template.format_map({name: _segment(name, value) for name, value in ids.items()})
        if path.startswith(_INTERNAL):
            return self._internal_root + path.removeprefix(_INTERNAL)
        return path


def _segment(name: str, value: str) -> str:
    # Ids come out of webhooks. An empty one would turn "delete this" into a call on the whole collection, and dots
    # would climb out of it.
    if not value.strip(".") or not value.isascii() or len(value) > MAX_ID:
        raise WixRefusedError(f"The {name} of a call to Wix is no id.")
    return quote(value, safe="")


def _worth_repeating(error: Exception) -> bool:
    if isinstance(error, WixThrottledError):
        return not person_waits()
    return isinstance(error, WixUnavailableError)
