"""One exchange over HTTP with a program that nobody vouches for, and what its answer means.

A page of HTML is a gateway or a login page talking, at whatever status. An answer to a write that cannot be read is a lost
one: points may well have moved.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from milestones.external.errors import ExternalError, GoneError
from milestones.failpoints import reach
from milestones.formats import untrusted
from milestones.formats.http import (
    BROKEN_OFF,
    EXCHANGE_SECONDS,
    MOST_BYTES,
    NEVER_SENT,
    TIMEOUT,
    dump,
    is_web_page,
    read_bounded,
)

LONGEST_PAUSE = timedelta(hours=1)
"""What a Retry-After may ask for at most."""

PAUSE = timedelta(seconds=60)
"""How long nothing is asked after a 429 that names no time."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. program, call: for sentences, such as "smile" and "get"; no id and no key is in them.

    reads: repeating it changes nothing.
    """

    program: str
    call: str
    method: str
    url: str = field(repr=False)
    reads: bool
    params: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.program}'s {self.call}"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read whole."""

    status: int
    body: bytes = field(repr=False)
    headers: httpx.Headers = field(repr=False)


async def exchange(http: httpx.AsyncClient, request: Request) -> Answer:
    """Ask once. Raises ExternalError, lost unless the request reads or surely never left this machine."""
    built = _build(http, request)
    try:
        async with asyncio.timeout(EXCHANGE_SECONDS):
            reach("external.before_call")
            response = await http.send(built, stream=True, follow_redirects=False)
            try:
                answer = Answer(response.status_code, await _read(response, request), response.headers)
            finally:
                await response.aclose()
            reach("external.answered")
            return answer
    except NEVER_SENT as error:
        raise ExternalError(
            f"{request.program} cannot be reached ({type(error).__name__}).", connection_wide=True
        ) from error
    except BROKEN_OFF as error:
        raise ExternalError(
            f"No whole answer came to {request} ({type(error).__name__}).",
            lost=not request.reads,
            connection_wide=request.reads,
        ) from error


def _build(http: httpx.AsyncClient, request: Request) -> httpx.Request:
    headers = {"Accept": "application/json", "User-Agent": "milestones", **request.headers}
    content = None
    if request.body is not None:
        headers["Content-Type"] = "application/json"
        content = dump(request.body)
    try:
        built = http.build_request(
            request.method,
            request.url,
            params=dict(request.params) or None,
            content=content,
            data=None if request.form is None else dict(request.form),
            headers=headers,
            timeout=TIMEOUT,
        )
    except (httpx.InvalidURL, UnicodeEncodeError, ValueError):
        raise ExternalError(
            f"{request} cannot be sent: an id or a key in it is no plain text.", permanent=True
        ) from None
    # Connections are shared, and with them a jar: what one program gave is nothing for another.
    built.headers.pop("cookie", None)
    return built


async def _read(response: httpx.Response, request: Request) -> bytes:
    body = await read_bounded(response, MOST_BYTES)
    if body is None:
        raise ExternalError(
            f"The answer to {request} is larger than {MOST_BYTES // 2**20} MiB and was not read.",
            lost=not request.reads,
        )
    return body


def understand(answer: Answer, request: Request, on_status: Mapping[str, str], now: datetime) -> Any:
    """The JSON of a successful answer, None for an empty one. Raises ExternalError."""
    status, lost = answer.status, not request.reads
    told = on_status.get(str(status))
    if status == 429:
        raise ExternalError(
            f"{request.program} throttles: too much was asked.",
            retry_at=find_retry(answer.headers, now) or now + PAUSE,
        )
    if told == "retry":
        raise ExternalError(
            f"{request} is busy ({status}); it is tried again.", retry_at=find_retry(answer.headers, now)
        )
    if is_web_page(answer.headers.get("content-type", ""), answer.body):
        raise ExternalError(
            f"{request} answered with a web page instead of data ({status}).", lost=lost, connection_wide=True
        )
    if 200 <= status < 300:
        return _parse(answer, request)
    if told == "gone":
        raise GoneError(f"{request.program} knows no such member any more ({status}).", permanent=True)
    if status in {401, 403}:
        raise ExternalError(
            f"{request.program} did not accept the key for {request.call} ({status}). Check `auth` and what the key may do.",
            permanent=True,
            connection_wide=True,
        )
    if 300 <= status < 400:
        raise ExternalError(
            f"{request} redirects ({status}), which is not followed: write the final address into base_url.",
            permanent=True,
            connection_wide=True,
        )
    if status >= 500 or status == 408:
        raise ExternalError(
            f"{request} failed ({status}).",
            lost=lost,
            connection_wide=status in {502, 503, 504},
            retry_at=find_retry(answer.headers, now),
        )
    raise ExternalError(f"{request} was refused ({status}).", permanent=True)


def _parse(answer: Answer, request: Request) -> Any:
    if not answer.body.strip():
        return None
    try:
        return untrusted.parse(answer.body)
    except ValueError:
        raise ExternalError(
            f"{request} answered something that is not JSON.", lost=not request.reads
        ) from None


def find_retry(headers: httpx.Headers, now: datetime) -> datetime | None:
    """The moment that a Retry-After names, in seconds or as a date; within an hour."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        seconds = float(value)
        found = now + timedelta(seconds=min(max(seconds, 0.0), LONGEST_PAUSE.total_seconds()))
    except (ValueError, OverflowError):
        try:
            date = parsedate_to_datetime(value)
        except (ValueError, TypeError):
            return None
        found = date if date.tzinfo is not None else date.replace(tzinfo=UTC)
    return min(max(found, now), now + LONGEST_PAUSE)
