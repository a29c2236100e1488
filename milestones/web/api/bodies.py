"""The body of a call: read within bounds, and held to be one JSON object that says each thing once."""

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from milestones.commands.models.problem import Fault
from milestones.formats.untrusted import storable
from milestones.web.api.refusals import Kind, plain_refusal, refusal

LARGEST_BODY = 1024 * 1024
"""Bytes. A list of addresses may have some; an order has a few hundred."""

SLOWEST_BODY = 10.0
"""Seconds for a whole body to arrive."""

DEEPEST = 16
"""Objects and lists within each other; no call has more than three."""

LONGEST_TEXT = 4000
"""Characters of one text; no field has a use for more."""

LONGEST_NUMBER = 40
"""Digits of a number; no field takes more than twenty."""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """The whole body, known to be JSON in UTF-8 that any database can keep. Raises RefusedError and ClientDisconnect."""
    _require_json(scope)
    body, more = bytearray(), True
    try:
        async with asyncio.timeout(SLOWEST_BODY):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                body += message.get("body", b"")
                if len(body) > LARGEST_BODY:
                    raise plain_refusal(413, f"A body has at most {LARGEST_BODY:,} bytes; give it in parts.")
                more = message.get("more_body", False)
    except TimeoutError:
        raise plain_refusal(408, f"The body did not arrive within {SLOWEST_BODY:.0f} seconds.") from None
    check_json(bytes(body))
    return bytes(body)


def _require_json(scope: Scope) -> None:
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if headers.get(b"content-encoding", "identity").strip().lower() not in {"identity", ""}:
        raise plain_refusal(415, "Send the body as it is, without Content-Encoding.")
    media_type, _, parameters = headers.get(b"content-type", "").lower().partition(";")
    named = dict(part.strip().partition("=")[::2] for part in parameters.split(";"))
    charset = named.get("charset", "utf-8").strip('"')
    if media_type.strip() != "application/json" or charset not in {"utf-8", "utf8"}:
        raise plain_refusal(415, "Send the body as JSON in UTF-8, with Content-Type: application/json.")


def check_json(body: bytes) -> None:
    """Raise RefusedError for what is not one JSON object that says each thing once, in texts and numbers to be kept."""
    try:
        found = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_no_number,
            parse_int=_short_integer,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise _malformed(f"Byte {error.start} of the body is not UTF-8.") from None
    except RecursionError:
        raise _malformed("The body is nested too deeply.") from None
    except json.JSONDecodeError as error:
        raise _malformed(
            f"The body is not valid JSON: see line {error.lineno}, column {error.colno}."
        ) from None
    except ValueError as error:
        raise _malformed(str(error)) from None
    if not isinstance(found, dict):
        raise refusal(Kind.INVALID, "The body must be a JSON object.", Fault(detail="no object", pointer="#"))
    for pointer, value, depth in _walk(found):
        if depth > DEEPEST:
            raise _malformed("The body is nested too deeply.")
        if isinstance(value, str) and len(value) > LONGEST_TEXT:
            raise refusal(
                Kind.INVALID,
                f"A text has more than {LONGEST_TEXT:,} characters.",
                Fault(detail=f"has more than {LONGEST_TEXT:,} characters", pointer=pointer),
            )
        if isinstance(value, str) and not storable(value):
            raise refusal(
                Kind.INVALID,
                "A text holds a NUL or half of a character, which no database keeps.",
                Fault(detail="holds a NUL or half of a character", pointer=pointer),
            )


def _walk(found: Any) -> Iterator[tuple[str, Any, int]]:
    """Every value with its place and its depth; names of fields as well."""
    waiting: list[tuple[str, Any, int]] = [("#", found, 0)]
    while waiting:
        pointer, value, depth = waiting.pop()
        yield pointer, value, depth
        if depth > DEEPEST:
            continue
        if isinstance(value, dict):
            for name, inner in value.items():
                yield pointer, name, depth
                escaped = name.replace("~", "~0").replace("/", "~1").encode(errors="replace").decode()
                waiting.append((f"{pointer}/{escaped}", inner, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{pointer}/{place}", inner, depth + 1) for place, inner in enumerate(value)]


def _malformed(sentence: str) -> Exception:
    return refusal(Kind.MALFORMED, sentence)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("An object of the body names a field twice, and nobody knows which is meant.")
    return found


def _no_number(_constant: str) -> Any:
    raise ValueError("The body holds NaN or Infinity, which is no JSON.")


def _short_integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"A number of the body has more than {LONGEST_NUMBER} digits.")
    return int(digits)


def _finite(told: str) -> float:
    number = float(told)
    if not math.isfinite(number):
        raise ValueError("A number of the body is too large.")
    return number
