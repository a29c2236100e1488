"""Whatever a client sends: Wix's form of a refusal, never an error of the simulator, and nothing stored that cannot be shown."""

import base64
import copy
import json
import zlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.wixsandbox.builders import Shop
from tests.wixsandbox.samples.every import samples
from tests.wixsandbox.samples.sample import Sample
from wixsandbox.api.call import Operation
from wixsandbox.routes import OPERATIONS

HALF_A_CHARACTER = "\ud800"
ODD: tuple[Any, ...] = (
    None, True, "", "x", "\x00", HALF_A_CHARACTER, 0, -1, 1.5, 10**40, float("inf"), [], {}, [None], ["x", 1], {"x": [1]},
)  # fmt: skip
ODD_TEXT = ("", "x", "-1", "1.5", "9" * 5000, "\x00", "٣", "true")
BODIES = (
    b"null", b"[]", b"1", b'"x"', b"{", b"\xff", b"\xef\xbb\xbf{}", b"\x00", b"{}{}",
    b'{"query":NaN}', b'{"info":1e999}', b'{"filter":' + b"9" * 5000 + b"}", b'{"filter":"\\ud800"}', b'{"a":"\xed\xa0\x80"}',
    b"[" * 100_000, b'{"filter":' * 900 + b"1" + b"}" * 900,
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The way to every value inside."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (key,)
        yield from ((key, *rest) for rest in places(inner))


def changed(document: Any, place: tuple[Any, ...], value: Any) -> Any:
    new = copy.deepcopy(document)
    inner = new
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return new


def without(document: Any, place: tuple[Any, ...]) -> Any:
    new = copy.deepcopy(document)
    inner = new
    for key in place[:-1]:
        inner = inner[key]
    del inner[place[-1]]
    return new


def bodies(document: Any) -> Iterator[bytes]:
    """The document with something odd, or nothing, at every place in it; and what is no document at all."""
    for place in places(document):
        yield json.dumps(without(document, place)).encode()
        for value in ODD:
            yield json.dumps(changed(document, place, value)).encode()
    yield from BODIES
    yield b""


def queries(parameters: dict[str, Any]) -> Iterator[list[tuple[str, str]]]:
    plain = [
        (name, one)
        for name, value in parameters.items()
        for one in ([value] if isinstance(value, str) else value)
    ]
    for index, (name, value) in enumerate(plain):
        others = plain[:index] + plain[index + 1 :]
        yield others
        for text in ODD_TEXT:
            yield [*others, (name, text)]
        yield [*plain, (name, value)]
        yield [*plain, (f"{name}.x", value)]
        yield [(f"{name}.x", value), *plain]
        yield [*others, (f"{name}.", value), (f".{name}", value)]


def refused_as_wix_does(answer: httpx.Response) -> bool:
    error = answer.json()
    (kind,) = error["details"]
    if kind == "applicationError":
        return bool(error["message"] and error["details"][kind]["code"])
    return answer.status_code == 400 and all(
        one["field"] and one["description"] and one["violatedRule"]
        for one in error["details"]["validationError"]["fieldViolations"]
    )


async def call(shop: Shop, operation: Operation, sample: Sample, **changes: Any) -> httpx.Response:
    given = {"params": sample.query, **({} if sample.body is None else {"json": sample.body}), **changes}
    answer = await shop.client.request(operation.method, sample.url(operation), **given)
    assert answer.status_code in {200, 400, 403, 404, 409, 428, 501}, (changes, answer.text)
    assert answer.status_code == 200 or refused_as_wix_does(answer), (changes, answer.text)
    return answer


async def everything_can_be_shown(shop: Shop, calls: dict[str, Sample]) -> None:
    """What was stored is read again in every way that there is."""
    shop.clock.pass_(60)
    shop.sandbox.advance()
    shown = await shop.client.get("/_sandbox/state")
    assert shown.status_code == 200
    assert (await shop.client.get("/_sandbox/requests")).status_code == 200
    for operation in OPERATIONS:
        sample = calls[operation.name]
        if operation.name.startswith(("query", "list", "search", "count")) and sample.status == 200:
            assert (await call(shop, operation, sample)).status_code == 200


def named(operation: Operation) -> str:
    return operation.name


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
async def test_every_operation_answers_a_complete_call(shop: Shop, operation: Operation) -> None:
    sample = samples(shop)[operation.name]
    answer = await call(shop, operation, sample)
    assert answer.status_code == sample.status, answer.text


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
async def test_no_body_breaks_an_operation(shop: Shop, operation: Operation) -> None:
    calls = samples(shop)
    sample = calls[operation.name]
    for body in bodies(sample.body):
        await call(shop, operation, sample, content=body, json=None)
    if sample.body is not None:
        await everything_can_be_shown(shop, calls)


@pytest.mark.parametrize(
    "operation", [one for one in OPERATIONS if one.method in {"GET", "DELETE"}], ids=named
)
async def test_no_query_breaks_an_operation(shop: Shop, operation: Operation) -> None:
    sample = samples(shop)[operation.name]
    for parameters in queries(sample.query):
        await call(shop, operation, sample, params=parameters)


@pytest.mark.parametrize("operation", [one for one in OPERATIONS if "{" in one.path], ids=named)
async def test_no_path_breaks_an_operation(shop: Shop, operation: Operation) -> None:
    sample = samples(shop)[operation.name]
    for odd in ("x", "%00", "%C3%28", "a%20b", "..", "9" * 5000, "%F0%9F%8C%9F", "'"):
        path = dict.fromkeys(sample.path, odd)
        answer = await shop.client.request(
            operation.method, operation.path.format_map(path), json=sample.body
        )
        assert 400 <= answer.status_code < 500, (odd, answer.text)


async def test_no_cursor_breaks_a_query(shop: Shop) -> None:
    root = "/loyalty-accounts/v1/accounts/query"
    query = {"sort": [{"fieldName": "points.balance"}], "filter": {"points.balance": {"$gte": 1}}}
    page = await shop.post(root, {"query": {**query, "cursorPaging": {"limit": 2}}})
    content = json.loads(zlib.decompress(base64.urlsafe_b64decode(page["pagingMetadata"]["cursors"]["next"])))
    packed = [zlib.compress(body[:10_000]) for body in bodies(content)]
    for body in [
        *packed,
        packed[-1][:-9],
        b"",
        b"x",
        json.dumps(content).encode(),
        zlib.compress(bytes(10**7)),
    ]:
        cursor = base64.urlsafe_b64encode(body).decode()
        answer = await shop.client.post(root, json={"query": {"cursorPaging": {"cursor": cursor}}})
        assert answer.status_code == 200 or (answer.status_code == 400 and refused_as_wix_does(answer)), body


@pytest.mark.parametrize("path", ["/oauth2/token", "/oauth2/token-info"])
async def test_no_body_breaks_the_token_endpoints(shop: Shop, path: str) -> None:
    own = shop.sandbox.credentials()
    request = {
        "grant_type": "client_credentials",
        "client_id": own.app_id,
        "client_secret": own.app_secret,
        "instance_id": own.instance_id,
        "token": "x",
    }
    for body in bodies(request):
        answer = await shop.client.post(path, content=body)
        assert answer.status_code in {200, 400, 401}
        assert answer.status_code == 200 or set(answer.json()) == {"error", "error_description"}
