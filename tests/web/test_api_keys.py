"""A call under a key is carried out once, and answered alike."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import null, update

from milestones.domain.token import Scope
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import ApiCall
from tests.builders import ACCOUNT, CONTACT, SITE
from tests.shop import small_shop
from tests.web.api import ADJUST, Api, api, kind_of, serving

__all__ = ["api", "small_shop"]


async def forget_answer(tx: Transaction) -> None:
    await tx.execute(update(table_of(ApiCall)).values(answer=null()))


async def test_every_call_that_changes_something_needs_one(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token()}"}
    for path in ("/accounts/adjust", "/pause", "/accounts/find"):
        body = {
            "/accounts/adjust": ADJUST,
            "/pause": {},
            "/accounts/find": {"account": "ada@example.com"},
        }[path]
        answer = await api.client.post(f"/api/v1{path}", headers=headers, json=body)
        assert (answer.status_code, kind_of(answer)) == (400, "key-missing")
        assert answer.json()["errors"] == [{"detail": "is missing", "header": "Idempotency-Key"}]


async def test_what_is_no_key_is_refused(api: Api) -> None:
    shown = (b"authorization", f"Bearer {await api.token()}".encode())
    for key in ("", " ", "a b", "\xe4", "x" * 201, '""', '"a b"'):
        headers = [shown, (b"idempotency-key", key.encode("latin-1"))]
        answer = await api.client.post("/api/v1/accounts/adjust", json=ADJUST, headers=headers)
        assert (answer.status_code, kind_of(answer)) == (422, "invalid")
    headers = [shown, (b"idempotency-key", b"a"), (b"idempotency-key", b"b")]
    answer = await api.client.post("/api/v1/accounts/adjust", json=ADJUST, headers=headers)
    assert (answer.status_code, kind_of(answer)) == (422, "invalid")
    assert await api.shop.actions() == []


async def test_the_same_order_is_recorded_once_and_answered_alike(api: Api) -> None:
    token = await api.token(Scope.POINTS)
    first = await api.post("/accounts/adjust", token, key="k", **ADJUST)
    again = await api.post("/accounts/adjust", token, key='"k"', **ADJUST)
    other_token = await api.post("/accounts/adjust", await api.token(Scope.POINTS), key="k", **ADJUST)
    assert [one.status_code for one in (first, again, other_token)] == [202] * 3
    told = [one.json() for one in (first, again, other_token)]
    assert [one["created"] for one in told] == [True, False, False]
    assert len({one["order"] for one in told}) == 1
    assert len(await api.shop.actions()) == 1
    [action] = await api.shop.actions()
    assert action.payload["order"]["source"] == "api"


async def test_two_at_once_are_one(api: Api) -> None:
    token = await api.token(Scope.POINTS)
    answers = await asyncio.gather(
        *(api.post("/accounts/adjust", token, key="k", **ADJUST) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {202}
    assert sorted(answer.json()["created"] for answer in answers) == [False] * 4 + [True]
    assert len(await api.shop.actions()) == 1


async def test_a_used_key_stands_for_no_other_call(api: Api) -> None:
    token = await api.token()
    await api.post("/accounts/adjust", token, key="k", **ADJUST)
    others = ({"by": 6}, {"account": CONTACT}, {"reason": "Another"}, {"site": SITE})
    calls = [("/accounts/adjust", {**ADJUST, **other}) for other in others]
    for path, body in [*calls, ("/pause", {}), ("/accounts/find", {"account": ACCOUNT})]:
        answer = await api.send(path, token, body, "k")
        assert (answer.status_code, kind_of(answer)) == (422, "key-reused")
    assert len(await api.shop.actions()) == 1


async def test_how_long_one_waits_is_no_part_of_the_call(api: Api) -> None:
    token = await api.token()
    await api.post("/accounts/adjust", token, key="k", **ADJUST)
    answer = await api.post("/accounts/adjust", token, key="k", **{**ADJUST, "wait": 0.1})
    assert answer.status_code == 202


async def test_what_is_no_order_is_carried_out_once_and_its_answer_kept(api: Api) -> None:
    token = await api.token()
    first = await api.post("/pause", token, key="k")
    await api.post("/resume", token, key="k2", rewound=False)
    again = await api.post("/pause", token, key="k")
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    async with api.shop.store.read() as tx:
        [site] = await sites.list_sites(tx)
    assert not site.paused, "the second call only told what the first had done"


async def test_the_same_call_at_once_is_told_to_wait(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await api.token()
    inside, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_args: Any, **_kwargs: Any) -> None:
        inside.set()
        await go_on.wait()

    monkeypatch.setattr(api.shop.flights, "wait_until_landed", slow, raising=False)
    first = asyncio.create_task(api.post("/pause", token, key="k"))
    await inside.wait()
    second = await api.post("/pause", token, key="k")
    assert (second.status_code, kind_of(second)) == (409, "under-way")
    assert second.headers["retry-after"]
    assert (await api.post("/pause", token, key="k", site="x")).status_code == 422
    go_on.set()
    assert (await first).status_code == 200
    assert (await api.post("/pause", token, key="k")).json() == (await first).json()


async def test_what_was_refused_leaves_its_key_free(api: Api) -> None:
    token = await api.token()
    refused = await api.post("/pause", token, key="k", milestone="there-is-none")
    assert (refused.status_code, kind_of(refused)) == (400, "refused")
    assert (await api.post("/pause", token, key="k", milestone="stars-1000")).status_code == 200
    refused = await api.post("/accounts/adjust", token, key="o", **{**ADJUST, "by": 0})
    assert refused.status_code == 400
    assert (await api.post("/accounts/adjust", token, key="o", **ADJUST)).status_code == 202


async def test_what_the_end_of_the_daemon_cut_short_is_carried_out_anew(api: Api) -> None:
    token = await api.token()
    first = await api.post("/pause", token, key="k")
    async with api.shop.store.write() as tx:
        await forget_answer(tx)
    async with serving(api.shop) as restarted:
        answer = await restarted.post("/pause", token, key="k")
    assert (answer.status_code, answer.json()) == (200, first.json())
