"""What is no call is told apart, with its place, and nothing is done."""

import json
from typing import Any

from tests.shop import small_shop
from tests.web.api import ADJUST, Api, api, kind_of

__all__ = ["api", "small_shop"]


async def test_what_is_no_call_is_told_apart(api: Api) -> None:
    token = await api.token()
    bodies: list[tuple[bytes, int, str]] = [
        (b"", 400, "malformed"),
        (b"{", 400, "malformed"),
        (b"nonsense", 400, "malformed"),
        (b'{"by": 5, "by": 6}', 400, "malformed"),
        (b'{"x": {"a": 1, "a": 1}}', 400, "malformed"),
        (b"[" * 10_000 + b"]" * 10_000, 400, "malformed"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, 400, "malformed"),
        (b'{"account": ' + b"[" * 100 + b"]" * 100 + b"}", 400, "malformed"),
        (b'{"by": 1e400}', 400, "malformed"),
        (b'{"by": ' + b"9" * 100_000 + b"}", 400, "malformed"),
        (b'{"by": NaN}', 400, "malformed"),
        (b'{"by": -Infinity}', 400, "malformed"),
        (b'{"account": "\xff"}', 400, "malformed"),
        ('{"account": "x"}'.encode("utf-16"), 400, "malformed"),
        (b'\xef\xbb\xbf{"account": "x"}', 400, "malformed"),
        (b'{"account": "a\\u0000b"}', 422, "invalid"),
        (b'{"account": "\\ud800"}', 422, "invalid"),
        (b'{"a\\u0000": 1}', 422, "invalid"),
        (b'{"account": "' + b"x" * 4001 + b'"}', 422, "invalid"),
        (b"[]", 422, "invalid"),
        (b"null", 422, "invalid"),
        (b'"text"', 422, "invalid"),
        (b"{}", 422, "invalid"),
        (b'{"' + b"x" * 5000 + b'": 1}', 422, "invalid"),
    ]
    for body, status, kind in bodies:
        answer = await api.send("/accounts/adjust", token, body)
        assert (answer.status_code, kind_of(answer)) == (status, kind), body[:80]


async def test_a_body_of_another_kind_is_not_read(api: Api) -> None:
    token = await api.token()
    for declared in (
        {"content-type": "text/plain"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; charset=utf-16"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": ""},
        {"content-encoding": "gzip"},
    ):
        answer = await api.send("/accounts/adjust", token, ADJUST, **declared)
        assert (answer.status_code, kind_of(answer)) == (415, "about:blank")


async def test_one_that_is_too_large_is_given_up(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token()}", "content-type": "application/json"}
    answer = await api.client.post(
        "/api/v1/accounts/adjust", content=b" " * (1024 * 1024 + 1), headers=headers
    )
    assert (answer.status_code, kind_of(answer)) == (413, "about:blank")


async def test_utf_8_may_be_said(api: Api) -> None:
    for told in ("application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        headers = {"authorization": f"Bearer {await api.token()}", "idempotency-key": "k"}
        answer = await api.client.post(
            "/api/v1/accounts/adjust",
            content=json.dumps(ADJUST),
            headers={**headers, "content-type": told},
        )
        assert answer.status_code == 202


async def test_a_value_of_another_type_is_no_value(api: Api) -> None:
    token = await api.token()
    calls: list[tuple[str, dict[str, Any], str]] = [
        ("/accounts/create", {"email": "new@example.com", "create_contact": 1}, "#/create_contact"),
        ("/accounts/create", {"email": "new@example.com", "create_contact": "yes"}, "#/create_contact"),
        ("/accounts/create", {"email": 5}, "#/email"),
        ("/accounts/adjust", {**ADJUST, "wait": True}, "#/wait"),
        ("/accounts/adjust", {**ADJUST, "wait": "5"}, "#/wait"),
        ("/accounts/adjust", {**ADJUST, "by": True}, "#/by"),
        ("/accounts/adjust", {**ADJUST, "create": 1}, "#/create"),
    ]
    for path, body, pointer in calls:
        answer = await api.post(path, token, **body)
        assert (answer.status_code, kind_of(answer)) == (422, "invalid"), body
        assert {fault["pointer"] for fault in answer.json()["errors"]} == {pointer}


async def test_nobody_is_sent_elsewhere_with_a_token(api: Api) -> None:
    token = await api.token()
    for path in ("/accounts/", "/accounts/a1a1/", "/accounts/%2f", "/orders/1/"):
        assert (await api.get(path, token)).status_code == 404, path
