"""Tokens of the API: where they are kept, what they open, and what opens nothing."""

import base64
import hmac
import io
import sqlite3
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import pytest
import structlog

from milestones.commands.models.daemon import GetConfiguration, Reload
from milestones.commands.models.orders import Keyed
from milestones.commands.models.tokens import CreateToken, ListTokens, RevokeToken
from milestones.commands.registry import HANDLERS
from milestones.domain.token import RANDOM_BYTES, Scope, may, read_token, write_token
from tests.builders import ACCOUNT
from tests.shop import small_shop
from tests.web.api import Api, api, kind_of

__all__ = ["api", "small_shop"]


def test_a_token_is_made_of_bits_that_nobody_can_guess_and_none_is_lost() -> None:
    one, other = write_token(bytes(RANDOM_BYTES)), write_token(bytes(RANDOM_BYTES - 1) + b"\1")
    assert one != other
    assert (RANDOM_BYTES - 5) * 8 >= 256
    shown, neighbour = read_token(one), read_token(other)
    assert shown is not None
    assert neighbour is not None
    assert shown.name == neighbour.name
    assert not shown.is_of(neighbour.digest)


@pytest.mark.parametrize("text", ["", "mst_", "mst_0123456789", "mst_0123456789_", "x" * 79, "mst_\u0663"])
def test_what_is_no_token_is_none(text: str) -> None:
    assert read_token(text) is None


def test_a_scope_opens_itself_and_admin_opens_all() -> None:
    for held in Scope:
        for wanted in Scope:
            assert may({held}, {wanted}) is (held in {wanted, Scope.ADMIN})
    assert not may(set(), set(Scope))


def test_hashes_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((one, other))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    shown = read_token(write_token(bytes(RANDOM_BYTES)))
    assert shown is not None
    assert not shown.is_of(shown.digest)
    assert compared == [(shown.digest, shown.digest)]


async def test_every_command_with_a_scope_is_served_and_no_other(api: Api) -> None:
    told = (await api.client.get("/api/v1/openapi.json")).json()["paths"]
    served = {(method.upper(), path.removeprefix("/api/v1")) for path in told for method in told[path]}
    assert served == {(kind.method, kind.path) for kind in HANDLERS if kind.scopes}
    assert {CreateToken, ListTokens, RevokeToken, Reload, GetConfiguration}.isdisjoint(
        kind for kind in HANDLERS if kind.scopes
    )
    changing = {kind for kind in HANDLERS if kind.scopes and kind.changes}
    assert all(kind.method == "POST" for kind in changing)
    assert all(Scope.READ not in kind.scopes for kind in changing)
    assert all(kind.scopes <= {Scope.POINTS, Scope.REDEEM} for kind in HANDLERS if issubclass(kind, Keyed))


async def test_a_token_is_in_no_database_no_log_and_no_answer(api: Api) -> None:
    told = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(told))
    with redirect_stdout(told), redirect_stderr(told):
        token = await api.token(Scope.POINTS)
        secret = token.rpartition("_")[2]
        wrong = token[:-1] + ("0" if token[-1] != "0" else "1")
        answers = [
            await api.get("/status", wrong),
            await api.get("/accounts", token),
            await api.get(f"/orders/{token}", token),
            await api.post("/accounts/adjust", token, account=token, by=1, reason="x"),
            await api.send("/accounts/adjust", token, b"{", token),
            await api.client.get("/metrics"),
        ]
    assert "api_call" in told.getvalue(), "who called is told"
    said = told.getvalue() + "".join(answer.text + str(answer.headers) for answer in answers)
    assert secret not in said
    assert wrong.rpartition("_")[2] not in said
    database = api.shop.settings.daemon.database.get_secret_value().removeprefix("sqlite:///")
    with sqlite3.connect(database) as connection:
        assert secret not in "".join(connection.iterdump())
    connection.close()


async def test_what_a_browser_sends_by_itself_opens_nothing(api: Api) -> None:
    basic = base64.b64encode(b"me:three quiet otters").decode()
    token = await api.token()
    tries: list[dict[str, Any]] = [
        {"headers": {"authorization": f"Basic {basic}"}},
        {"headers": {"cookie": f"token={token}; authorization=Bearer {token}"}},
        {"headers": {"origin": "https://evil.example", "content-type": "text/plain"}},
    ]
    for sent in tries:
        answer = await api.client.post("/api/v1/pause", content=b"{}", **sent)
        assert (answer.status_code, kind_of(answer)) == (401, "unauthenticated")
    asked = await api.client.options(
        "/api/v1/pause", headers={"origin": "https://evil.example", "access-control-request-method": "POST"}
    )
    assert asked.status_code == 401
    assert not [name for name in asked.headers if name.startswith("access-control")]


async def test_no_answer_and_no_kept_call_tells_of_a_person(api: Api) -> None:
    token = await api.token()
    await api.post("/accounts/find", token, key="a", account="ada@example.com")
    await api.post("/accounts/adjust", token, key="b", account="ada@example.com", by=1, reason="x", wait=0)
    await api.post("/optout/import", token, key="c", addresses=["ada@example.com"])
    await api.post("/outbox/hold", token, key="d", account=ACCOUNT)
    database = api.shop.settings.daemon.database.get_secret_value().removeprefix("sqlite:///")
    with sqlite3.connect(database) as connection:
        rows = connection.execute("SELECT * FROM api_calls").fetchall()
    connection.close()
    assert sorted(row[0] for row in rows) == ["a", "b", "c", "d"]
    assert "ada" not in str(rows).casefold()
    assert ACCOUNT not in str(rows)
