"""The API as a program of the shop sees it: questions, pages, budgets, and every error a problem."""

import asyncio
from typing import Any

import pytest

from milestones.config.sections import ApiSettings
from milestones.domain.token import Scope
from milestones.errors import ChannelError, MilestonesError, StoreRefusedError, StoreUnavailableError
from milestones.web.api.app import AT_ONCE
from tests.builders import ACCOUNT, CONTACT, SITE
from tests.process import until
from tests.shop import small_shop
from tests.web.api import ADJUST, Api, api, kind_of

__all__ = ["api", "small_shop"]


async def test_what_leads_nowhere_is_a_problem_as_well(api: Api) -> None:
    token = await api.token()
    for path in ("/nothing", "/accounts/adjust/x", ""):
        answer = await api.get(path, token)
        assert (answer.status_code, kind_of(answer)) == (404, "about:blank")
    answer = await api.client.get("/api/v2/accounts", headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, kind_of(answer)) == (404, "about:blank")


async def test_another_method_is_named(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token()}"}
    answer = await api.client.put("/api/v1/accounts", headers=headers)
    assert (answer.status_code, kind_of(answer), answer.headers["allow"]) == (405, "about:blank", "GET")


async def test_what_a_question_does_not_know_is_named(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token()}"}
    for query in ("unknown=1", "limit=0", "limit=201", "limit=x", "limit=1&limit=2x"):
        answer = await api.client.get(f"/api/v1/accounts?{query}", headers=headers)
        assert (answer.status_code, kind_of(answer)) == (422, "invalid")
        assert answer.json()["errors"][0]["parameter"] == query.partition("=")[0]


async def test_a_nul_in_an_address_is_refused(api: Api) -> None:
    headers = {"authorization": f"Bearer {await api.token()}"}
    for address in ("/api/v1/accounts?site=a%00b", "/api/v1/accounts/a%00bcde"):
        assert (await api.client.get(address, headers=headers)).status_code == 400


async def test_no_address_of_a_customer_stands_in_one(api: Api) -> None:
    token = await api.token()
    for path, query in (("/accounts/ada@example.com", {}), ("/rewards", {"account": "ada@example.com"})):
        answer = await api.get(path, token, **query)
        assert (answer.status_code, kind_of(answer)) == (400, "about:blank")
        assert "/accounts/find" in answer.json()["detail"]


async def test_the_name_of_a_site_may_have_an_at_sign(api: Api) -> None:
    answer = await api.get("/accounts", await api.token(), site="Coffee @ Home")
    assert answer.status_code == 400
    assert "There is no site 'Coffee @ Home'" in answer.json()["detail"]


async def test_every_answer_may_be_kept_by_nobody(api: Api) -> None:
    token = await api.token()
    for answer in (await api.get("/accounts", token), await api.get("/nothing", token)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_fault_of_ours_tells_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_args: Any) -> None:
        raise ValueError("ada@example.com")

    monkeypatch.setattr("milestones.web.api.bearer.tokens.note_use", broken)
    answer = await api.get("/status", await api.token())
    assert (answer.status_code, kind_of(answer)) == (500, "about:blank")
    assert "ada" not in answer.text


async def test_whatever_is_wrong_with_a_command_has_a_status(api: Api) -> None:
    token = await api.token()
    errors: dict[MilestonesError, tuple[int, str]] = {
        MilestonesError("It cannot be."): (409, "conflict"),
        StoreUnavailableError("The disk is full."): (503, "unavailable"),
        StoreRefusedError("It holds what no column takes."): (400, "refused"),
        ChannelError("Wix did not answer."): (502, "upstream"),
    }
    for error, told in errors.items():
        api.shop.refused[SITE] = error
        answer = await api.post("/scan", token)
        assert (answer.status_code, kind_of(answer)) == told
    answer = await api.get("/rewards", token)
    assert (answer.status_code, kind_of(answer)) == (500, "about:blank"), "a fault of the program"


async def test_what_stopping_cut_short_may_be_asked_for_again(api: Api) -> None:
    api.shop.works = True
    token = await api.token()
    call = asyncio.create_task(api.send("/accounts/adjust", token, {**ADJUST, "wait": 30}, "k"))
    await api.recorded()
    await api.running.cut_short()
    answer = await call
    assert (answer.status_code, kind_of(answer)) == (503, "unavailable")
    assert (await api.send("/accounts/adjust", token, ADJUST, "k")).status_code == 202


async def test_each_token_has_a_budget_that_its_answers_tell_of(api: Api) -> None:
    api.settings = ApiSettings(requests_per_minute=1)
    token = await api.token()
    answers = [await api.get("/status", token) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 429]
    assert kind_of(answers[-1]) == "too-many-requests"
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"token";q=1;w=60'}
    assert {answer.headers["ratelimit"].partition(";t=")[0] for answer in answers} == {'"token";r=0'}
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    assert (await api.get("/status", await api.token())).status_code == 200


async def test_a_token_has_so_many_calls_under_way_and_no_more(api: Api) -> None:
    api.shop.works = True
    token, other = await api.token(), await api.token()
    waiting = [
        asyncio.create_task(api.send("/accounts/adjust", token, {**ADJUST, "wait": 30}, f"k{number}"))
        for number in range(AT_ONCE)
    ]

    async def all_wait() -> bool:
        return len(await api.shop.actions()) == AT_ONCE

    await until(all_wait, "each has its order")
    refused = await api.get("/status", token)
    assert (refused.status_code, kind_of(refused)) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "1"
    assert (await api.get("/status", other)).status_code == 200
    await api.running.cut_short()
    await asyncio.gather(*waiting)
    assert (await api.get("/status", token)).status_code == 200


async def test_calls_that_come_in_one_moment_are_no_more_at_once(api: Api) -> None:
    api.shop.works = True
    token, more = await api.token(), 5
    calls = [
        asyncio.create_task(api.send("/accounts/adjust", token, {**ADJUST, "wait": 30}, f"k{number}"))
        for number in range(AT_ONCE + more)
    ]

    async def refused() -> bool:
        return sum(call.done() for call in calls) == more and len(await api.shop.actions()) == AT_ONCE

    await until(refused, "some are refused, and the others have their order")
    assert {kind_of(call.result()) for call in calls if call.done()} == {"too-many-requests"}
    await api.running.cut_short()
    await asyncio.gather(*calls)
    assert (await api.get("/status", token)).status_code == 200


async def test_a_call_that_is_refused_is_not_under_way_any_more(api: Api) -> None:
    token = await api.token()
    for _ in range(AT_ONCE + 1):
        assert (await api.send("/accounts/adjust", token, b"no JSON")).status_code == 400
    assert (await api.get("/status", token)).status_code == 200


async def test_what_a_reload_says_holds_at_once(api: Api) -> None:
    api.settings = ApiSettings(requests_per_minute=1)
    token = await api.token()
    assert [(await api.get("/status", token)).status_code for _ in range(2)] == [200, 429]
    api.settings = ApiSettings(requests_per_minute=1_000_000)
    assert (await api.get("/status", token)).status_code == 200


async def test_accounts_are_listed_a_page_at_a_time(api: Api) -> None:
    for number in range(1, 8):
        await api.shop.observe(900 + number, account=f"b{number:03}")
    token, seen, cursor = await api.token(Scope.READ), [], None
    while True:
        query = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/accounts", token, **query)).json()
        seen += [one["id"] for one in page["accounts"]]
        assert len(page["accounts"]) <= 3
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == [ACCOUNT, *(f"b{number:03}" for number in range(1, 8))]
    near = (await api.get("/accounts", token, near="stars-1000", limit=200)).json()
    assert [one["missing"] for one in near["accounts"]] == [99, 98, 97, 96, 95, 94, 93]
    few = (await api.get("/accounts", token, near="stars-1000", limit=5)).json()
    rest = (await api.get("/accounts", token, near="stars-1000", limit=5, cursor=few["next"])).json()
    assert [one["id"] for one in few["accounts"] + rest["accounts"]] == seen[1:]


async def test_a_cursor_of_nobody_is_refused(api: Api) -> None:
    token = await api.token()
    for cursor in ("x", "!!!", "YQ", "AAAA", "a" * 500):
        answer = await api.get("/accounts", token, cursor=cursor)
        assert (answer.status_code, kind_of(answer)) == (400, "refused")


async def test_one_is_found_by_an_address_and_shown_by_its_id(api: Api) -> None:
    token = await api.token(Scope.READ)
    found = await api.post("/accounts/find", token, account="Ada@example.com")
    assert [one["id"] for one in found.json()["accounts"]] == [ACCOUNT]
    assert (await api.post("/accounts/find", token, account="nobody")).json()["accounts"] == []
    shown = (await api.get(f"/accounts/{CONTACT}", token)).json()
    assert (shown["person"]["account_id"], shown["person"]["balance"]) == (ACCOUNT, 100)
    assert (await api.get("/accounts/nobody-at-all", token)).status_code == 404


async def test_why_is_told(api: Api) -> None:
    await api.shop.observe(1000, revision=2)
    token = await api.token(Scope.READ)
    told = (await api.get(f"/accounts/{ACCOUNT}/explain", token)).json()["explanation"]
    assert "given" in {story["standing"] for story in told["stories"]}
    one = await api.get(f"/accounts/{ACCOUNT}/explain", token, milestone="stars-1000")
    assert [story["key"] for story in one.json()["explanation"]["stories"]] == ["stars-1000"]
    shown = (await api.get(f"/accounts/{ACCOUNT}", token)).json()
    assert "stars-1000" in {grant["milestone"] for grant in shown["grants"]}


async def test_orders_and_actions_are_listed(api: Api) -> None:
    token = await api.token()
    for number in range(3):
        await api.post("/accounts/adjust", token, key=f"o{number}", **ADJUST)
    first = (await api.get("/orders", token, limit=2)).json()
    assert [one["key"] for one in first["orders"]] == ["o2", "o1"]
    rest = (await api.get("/orders", token, limit=2, cursor=first["next"])).json()
    assert ([one["key"] for one in rest["orders"]], rest["next"]) == (["o0"], None)
    [one] = (await api.get("/orders", token, key="o1", source="api")).json()["orders"]
    assert one["account"] == ACCOUNT
    owed = (await api.get("/outbox", token, kind="adjust", limit=2)).json()
    assert len(owed["actions"]) == 2
    more = (await api.get("/outbox", token, kind="adjust", cursor=owed["next"])).json()
    assert len(more["actions"]) == 1
    number = owed["actions"][0]["id"]
    assert (await api.get(f"/outbox/{number}", token)).json()["action"]["kind"] == "adjust"
    assert (await api.get("/outbox/999", token)).status_code == 404


async def test_how_things_stand_is_told(api: Api) -> None:
    told = (await api.get("/status", await api.token(Scope.READ))).json()
    assert (told["daemon"]["database"], told["mode"]) == ("serves", "live")
    assert [site["id"] for site in told["standing"]["sites"]] == [SITE]
