"""Who may call the API, and for what."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from milestones.commands import tokens
from milestones.commands.models.tokens import RevokeToken
from milestones.config.sections import ApiSettings
from milestones.domain.token import Scope
from milestones.errors import StoreUnavailableError
from milestones.store import tokens as stored
from tests.shop import small_shop
from tests.web.api import ADJUST, Api, api, kind_of

__all__ = ["api", "small_shop"]


async def test_without_a_token_nothing_is_told_and_how_to_sign_in_is(api: Api) -> None:
    answer = await api.client.get("/api/v1/accounts")
    assert (answer.status_code, kind_of(answer)) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"] == 'Bearer realm="Milestones"'
    assert "milestones token create" in answer.json()["detail"]


async def test_a_wrong_token_is_refused(api: Api) -> None:
    for shown in ("nonsense", "mst_0123456789_" + "0" * 64, " ", "\xe4", "a" * 5000):
        headers = [(b"authorization", f"bearer {shown}".encode("latin-1"))]
        answer = await api.client.get("/api/v1/status", headers=headers)
        assert (answer.status_code, kind_of(answer)) == (401, "unauthenticated")
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


async def test_the_name_of_a_token_with_another_secret_opens_nothing(api: Api) -> None:
    token = await api.token()
    last = "0" if token[-1] != "0" else "1"
    for wrong in (token[:-1] + last, token.upper(), token[:-1], token + "0", token.replace("mst_", "")):
        assert (await api.get("/status", wrong)).status_code == 401
    assert (await api.get("/status", token)).status_code == 200


async def test_a_token_in_the_address_is_none(api: Api) -> None:
    token = await api.token()
    for name in ("access_token", "token"):
        assert (await api.client.get("/api/v1/status", params={name: token})).status_code == 401


async def test_it_ends_when_it_expires_and_the_moment_it_is_revoked(api: Api) -> None:
    token = await api.token(Scope.READ, expires=timedelta(days=1))
    assert (await api.get("/status", token)).status_code == 200
    api.shop.later(days=1)
    assert (await api.get("/status", token)).status_code == 401
    other = await api.token(Scope.READ)
    assert (await api.get("/status", other)).status_code == 200
    await tokens.revoke(api.shop, RevokeToken(token=other.split("_")[1]), lambda _report: None)
    assert (await api.get("/status", other)).status_code == 401


async def test_whoever_waits_when_it_is_revoked_is_told_nothing_more(api: Api) -> None:
    api.shop.works = True
    token = await api.token(Scope.POINTS)
    call = asyncio.create_task(api.post("/accounts/adjust", token, **{**ADJUST, "wait": 20}))
    await api.recorded()
    await tokens.revoke(api.shop, RevokeToken(token=token.split("_")[1]), lambda _report: None)
    api.shop.channels["adjust"].answers = [{"before": 100, "after": 105, "transaction_id": "t"}]
    await api.shop.drain()
    answer = await call
    assert (answer.status_code, "105" in answer.text) == (401, False)


async def test_a_body_that_arrives_after_the_token_was_revoked_does_nothing(api: Api) -> None:
    token = await api.token(Scope.POINTS)
    read_on = asyncio.Event()
    begun = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        whole = json.dumps(ADJUST).encode()
        yield whole[:5]
        begun.set()
        await read_on.wait()
        yield whole[5:]

    headers = {
        "authorization": f"Bearer {token}",
        "idempotency-key": "k",
        "content-type": "application/json",
    }
    call = asyncio.create_task(api.client.post("/api/v1/accounts/adjust", content=slow(), headers=headers))
    await begun.wait()
    await tokens.revoke(api.shop, RevokeToken(token=token.split("_")[1]), lambda _report: None)
    read_on.set()
    assert (await call).status_code == 401
    assert await api.shop.actions() == []


async def test_it_is_good_for_its_scopes_alone(api: Api) -> None:
    calls = {
        Scope.READ: ("GET", "/accounts"),
        Scope.POINTS: ("POST", "/accounts/adjust"),
        Scope.ADMIN: ("POST", "/pause"),
    }
    for held in Scope:
        token = await api.token(held)
        for wanted, (method, path) in calls.items():
            answer = await api.get(path, token) if method == "GET" else await api.post(path, token, **ADJUST)
            if held in {wanted, Scope.ADMIN}:
                assert answer.status_code != 403
            else:
                assert (answer.status_code, kind_of(answer)) == (403, "scope")
                assert f'scope="{wanted}"' in answer.headers["www-authenticate"]


async def test_its_use_is_noted_once_a_minute(api: Api) -> None:
    token = await api.token()
    async with api.shop.store.read() as tx:
        assert [row.last_used_at for row in await stored.list_all(tx)] == [None]
    first = api.shop.now
    for _ in range(2):
        await api.get("/status", token)
        api.shop.later(seconds=30)
    async with api.shop.store.read() as tx:
        [row] = await stored.list_all(tx)
    assert row.last_used_at == first
    await api.get("/status", token)
    async with api.shop.store.read() as tx:
        [row] = await stored.list_all(tx)
    assert row.last_used_at == api.shop.now


async def test_guesses_are_put_off_and_whoever_has_a_token_is_not(api: Api) -> None:
    api.settings = ApiSettings(wrong_tokens_per_minute=1)
    token, wrong = await api.token(), "mst_0123456789_" + "0" * 64
    answers = [await api.get("/status", wrong) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [401, 429, 429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (await api.get("/status", token)).status_code == 200
    assert (await api.get("/status", await api.token())).status_code == 200


async def test_a_strange_name_in_host_is_refused_before_the_token_is_looked_at(api: Api) -> None:
    headers = {"host": "evil.example", "authorization": f"Bearer {await api.token()}"}
    answer = await api.client.get("/api/v1/status", headers=headers)
    assert (answer.status_code, kind_of(answer)) == (403, "host")


async def test_a_database_that_does_not_serve_is_told_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_args: Any) -> None:
        raise StoreUnavailableError("The disk is full.")

    monkeypatch.setattr("milestones.store.tokens.find", gone)
    answer = await api.get("/status", "mst_0123456789_" + "0" * 64)
    assert (answer.status_code, kind_of(answer)) == (503, "unavailable")
    assert answer.headers["retry-after"]
