"""One exchange over HTTP, and what its answer means: a JSON object, or an error that says what to do.

Statuses and bodies are those of the docs/wix-api.md, 5. Two readings are ours. HTML, at whatever status but 429, is
a gateway or a hotel's login page talking and not Wix, so it never counts as Wix's "no". And an answer to a write that
cannot be read is a lost answer: the write may well have happened.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

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
from milestones.wix.errors import (
    Complaint,
    WixConflictError,
    WixError,
    WixNotFoundError,
    WixPreconditionError,
    WixRefusedError,
    WixThrottledError,
    WixUnauthorizedError,
    WixUnavailableError,
    WixUnreadableError,
)
from milestones.wix.pacing import PAUSE_SECONDS

_SHOWABLE = re.compile(r"[A-Za-z0-9_.:\[\]-]{1,100}")

ParameterValue = str | int | bool | Sequence[str]


@dataclass(frozen=True)
class Call:
    """What is asked of Wix, without the ids in it: fit for messages and for the labels of metrics.

    reads: repeating it changes nothing, so a lost answer is no loss.
    """

    method: str
    template: str
    reads: bool

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


@dataclass(frozen=True)
class Question:
    """A call with everything filled in but who asks. params: the query string. body: JSON."""

    call: Call
    url: str
    params: Mapping[str, ParameterValue] | None = None
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    request_id: str | None = None
    retry_after: str | None = None


async def exchange(http: httpx.AsyncClient, question: Question, headers: Mapping[str, str]) -> Answer:
    """Asks once and reads the answer, of 16 MiB at most, within 30 s in all.

    Raises WixUnavailableError, lost unless the call reads or surely never left this machine.
    """
    call = question.call
    request = _request(http, question, headers)
    try:
        async with asyncio.timeout(EXCHANGE_SECONDS):
            reach("wix.before_call")
            response = await http.send(request, stream=True, follow_redirects=False)
            try:
                answer = Answer(
                    status=response.status_code,
                    body=await _read(response, call),
                    content_type=response.headers.get("content-type", "").lower(),
                    request_id=_showable(response.headers.get("x-wix-request-id")),
                    retry_after=response.headers.get("retry-after"),
                )
            finally:
                await response.aclose()
            reach("wix.answered")
            return answer
    except NEVER_SENT as error:
        raise WixUnavailableError(
            f"Wix cannot be reached for {call} ({type(error).__name__}).", connection_wide=True
        ) from error
    except BROKEN_OFF as error:
        raise WixUnavailableError(
            f"No whole answer came from Wix to {call} ({type(error).__name__}).", lost=not call.reads
        ) from error


def _request(http: httpx.AsyncClient, question: Question, headers: Mapping[str, str]) -> httpx.Request:
    sent = {"Accept": "application/json", **headers}
    content = None
    if question.body is not None:
        sent["Content-Type"] = "application/json"
        content = dump(question.body)
    params = dict(question.params) if question.params else None
    method, url = question.call.method, question.url
    try:
        request = http.build_request(
            method, url, params=params, content=content, headers=sent, timeout=TIMEOUT
        )
    except (httpx.InvalidURL, UnicodeEncodeError):
        raise WixRefusedError(
            f"{question.call} cannot be sent to Wix: an id or a credential in it is no plain text."
        ) from None
    # All sites share the connections, and with them a jar: what Wix gave to one is nothing for another.
    request.headers.pop("cookie", None)
    return request


async def _read(response: httpx.Response, call: Call) -> bytes:
    body = await read_bounded(response, MOST_BYTES)
    if body is None:
        raise WixUnavailableError(
            f"Wix's answer to {call} is larger than {MOST_BYTES} bytes and was not read.",
            status=response.status_code,
            lost=not call.reads,
        )
    return body


def understand(answer: Answer, call: Call, now: datetime) -> dict[str, Any]:
    """The JSON object of a successful answer, ``{}`` for an empty one; anything else raises its WixError.

    now: the moment from which a throttled caller's waiting time counts.
    """
    if answer.status == 429:
        raise _throttling(answer, call, now)
    if is_web_page(answer.content_type, answer.body):
        raise _unavailable(answer, call, "answered with a web page instead of data", connection_wide=True)
    if 200 <= answer.status < 300:
        return _object(answer, call)
    if answer.status in {502, 503, 504}:
        raise _unavailable(answer, call, "is not available", connection_wide=True)
    if answer.status < 400 or answer.status == 408 or (answer.status >= 500 and answer.status != 501):
        raise _unavailable(answer, call, "failed")
    raise _refusal(answer, call)


def unreadable(call: Call, what: str) -> WixUnreadableError:
    """The error for an answer that came, was JSON, and yet did not hold what it must hold."""
    return WixUnreadableError(f"Wix's answer to {call} cannot be understood: {what}.", lost=not call.reads)


def _object(answer: Answer, call: Call) -> dict[str, Any]:
    if not answer.body.strip():
        return {}
    try:
        parsed = untrusted.parse(answer.body)
    except ValueError:
        raise _unavailable(answer, call, "answered something that is not JSON") from None
    if not isinstance(parsed, dict):
        raise _unavailable(answer, call, "answered JSON that is not an object")
    return parsed


_BY_STATUS: dict[int, type[WixError]] = {
    401: WixUnauthorizedError,
    403: WixUnauthorizedError,
    404: WixNotFoundError,
    409: WixConflictError,
    428: WixPreconditionError,
}
_ADVICE = {
    401: " The credentials were not accepted: check the app's secret or the API key.",
    403: " The app or key lacks the permission for this, or belongs to another site.",
    428: " A paid plan or a set-up step on the site is missing.",
}


def _refusal(answer: Answer, call: Call) -> WixError:
    complaint = read_complaint(answer.body)
    fields = f" for {', '.join(complaint.fields)}" if complaint.fields else ""
    code = f" {complaint.code}" if complaint.code else ""
    kind = WixConflictError if complaint.stale else _BY_STATUS.get(answer.status, WixRefusedError)
    return kind(
        f"Wix refused {call}: {answer.status}{code}{fields}{_trace(answer)}.{_ADVICE.get(answer.status, '')}",
        status=answer.status,
        request_id=answer.request_id,
        complaint=complaint,
    )


def _unavailable(answer: Answer, call: Call, how: str, *, connection_wide: bool = False) -> WixError:
    return WixUnavailableError(
        f"Wix {how} to {call}: {answer.status}{_trace(answer)}.",
        status=answer.status,
        request_id=answer.request_id,
        complaint=read_complaint(answer.body),
        lost=not call.reads,
        connection_wide=connection_wide,
    )


def _throttling(answer: Answer, call: Call, now: datetime) -> WixError:
    named = answer.retry_after or ""
    seconds = (
        min(int(named), 3600) if named.isascii() and named.isdecimal() and len(named) < 6 else PAUSE_SECONDS
    )
    return WixThrottledError(
        f"Wix throttles this site: 429 to {call}{_trace(answer)}.",
        status=429,
        request_id=answer.request_id,
        complaint=read_complaint(answer.body),
        retry_at=now + timedelta(seconds=max(seconds, 1)),
    )


def _trace(answer: Answer) -> str:
    return f" (request id {answer.request_id})" if answer.request_id else ""


def read_complaint(body: bytes) -> Complaint:
    """What an error's body says, in Wix's form or that of RFC 6749; an empty complaint for anything else."""
    try:
        parsed = untrusted.parse(body)
    except ValueError:
        return Complaint()
    if not isinstance(parsed, dict):
        return Complaint()
    details = _mapping(parsed.get("details"))
    business = _mapping(details.get("applicationError"))
    found = _mapping(details.get("validationError")).get("fieldViolations")
    violations = [_mapping(violation) for violation in found] if isinstance(found, list) else []
    words = [parsed.get("message"), parsed.get("error_description"), business.get("description")]
    words += [violation.get("description") for violation in violations]
    codes = [
        business.get("code"),
        *(violation.get("ruleName") for violation in violations),
        parsed.get("error"),
    ]
    fields = [_showable(violation.get("field")) for violation in violations[:10]]
    return Complaint(
        code=next((code for code in map(_showable, codes) if code), None),
        fields=tuple(name for name in fields if name),
        words=" ".join(word for word in words if isinstance(word, str)).lower(),
        data=_mapping(business.get("data")),
    )


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _showable(value: Any) -> str | None:
    """The text if it looks like an identifier: nothing else of an answer may reach a message."""
    return value if isinstance(value, str) and _SHOWABLE.fullmatch(value) else None
