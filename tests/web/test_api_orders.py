"""Orders over the API: waited for, looked up, refused."""

import asyncio
from typing import Any

from milestones.domain.observation import Customer
from milestones.domain.token import Scope
from milestones.errors import ChannelError
from tests.builders import ACCOUNT, CONTACT
from tests.shop import small_shop
from tests.web.api import ADJUST, Api, api, kind_of

__all__ = ["api", "small_shop"]


async def test_an_order_that_is_done_in_time_is_answered_with_what_came_of_it(api: Api) -> None:
    api.shop.works = True
    api.shop.channels["adjust"].answers = [{"before": 100, "after": 105, "transaction_id": "t"}]
    token = await api.token(Scope.POINTS)
    call = api.post("/accounts/adjust", token, **{**ADJUST, "wait": 20})
    answer, _ = await asyncio.gather(call, api.done())
    assert answer.status_code == 200
    assert answer.json()["actions"][0]["result"]["after"] == 105


async def test_one_that_is_not_names_where_to_look(api: Api) -> None:
    token = await api.token(Scope.POINTS)
    answer = await api.post("/accounts/adjust", token, **ADJUST)
    assert answer.status_code == 202
    where = answer.headers["location"].removeprefix("/api/v1")
    looked = await api.get(where, token)
    assert looked.json() == {**answer.json(), "created": False}
    await api.shop.drain()
    assert (await api.get(where, token)).json()["actions"][0]["state"] == "done"


async def test_there_is_no_order_of_another_number(api: Api) -> None:
    token = await api.token()
    for number in ("1", "99", str(2**63 - 1)):
        answer = await api.get(f"/orders/{number}", token)
        assert (answer.status_code, kind_of(answer)) == (404, "not-found")
    for number in ("0", "-1", "x", str(2**63), "9" * 400, "1e3"):
        answer = await api.get(f"/orders/{number}", token)
        assert (answer.status_code, kind_of(answer)) == (422, "invalid")
        assert answer.json()["errors"][0]["parameter"] == "order"


async def test_who_may_be_meant_is_told_only_to_those_who_may_read(api: Api) -> None:
    bob = Customer("c2c2c2c2-0000-4000-8000-000000000002", None, "bob@example.com", "Bob")
    await api.shop.observe(100, account="a1a1a1a1-0000-4000-8000-000000000009", customer=bob)
    fields = {**ADJUST, "account": "a1a1a1a1"}
    told = await api.post("/accounts/adjust", await api.token(Scope.POINTS, Scope.READ), **fields)
    untold = await api.post("/accounts/adjust", await api.token(Scope.POINTS), **fields)
    assert [told.status_code, untold.status_code] == [400, 400]
    assert "bob@example.com" in told.json()["detail"]
    assert "example.com" not in untold.text


async def test_a_fault_is_told_and_nothing_recorded(api: Api) -> None:
    faults: list[tuple[dict[str, Any], int]] = [
        ({"account": "nobody@example.com"}, 404),
        ({"by": 10_000_000}, 400),
        ({"by": -10_000_000}, 400),
        ({"by": 10**30}, 400),
        ({"to": 5}, 400),
        ({"by": "5"}, 422),
        ({"by": 5.5}, 422),
        ({"by": True}, 422),
        ({"reason": ""}, 400),
        ({"reason": "x" * 85}, 400),
        ({"reason": "a\nb"}, 400),
        ({"reason": None}, 422),
        ({"wait": 31}, 422),
        ({"wait": -1}, 422),
        ({"key": "another"}, 422),
        ({"source": "cli"}, 422),
        ({"amount": 5}, 422),
        ({"site": "nowhere"}, 400),
    ]
    token = await api.token()
    for changes, status in faults:
        answer = await api.send("/accounts/adjust", token, {**ADJUST, **changes})
        assert answer.status_code == status, (changes, answer.text)
        kind_of(answer)
        if status == 422:
            assert [fault["pointer"] for fault in answer.json()["errors"]] == [
                f"#/{name}" for name in changes
            ]
    assert await api.shop.actions() == []


async def test_what_wix_would_refuse_is_refused_before_anything_is_recorded(api: Api) -> None:
    earn = {"account": ACCOUNT, "amount": 5, "description": "A visit", "wait": 0}
    create = {"email": "kim@example.com", "create_contact": True, "wait": 0}
    calls: list[tuple[str, dict[str, Any], int]] = [
        *(
            ("/accounts/earn", {**earn, "amount": amount}, 400)
            for amount in (0, -1, 10_000_000, 2**63, 10**39)
        ),
        *(("/accounts/earn", {**earn, "amount": amount}, 422) for amount in ("5", 5.5, None, True)),
        ("/accounts/earn", {**earn, "description": "x" * 101}, 400),
        ("/accounts/earn", {**earn, "create": "everything"}, 422),
        ("/accounts/create", {"wait": 0}, 400),
        ("/accounts/create", {**create, "email": "no address"}, 400),
        ("/accounts/create", {**create, "contact": CONTACT}, 400),
        ("/accounts/create", {**create, "first_name": "x" * 101}, 400),
    ]
    token = await api.token(Scope.POINTS)
    for path, body, status in calls:
        answer = await api.send(path, token, body)
        assert answer.status_code == status, (body, answer.text)
        kind_of(answer)
    assert await api.shop.actions() == []
    for path, body in (("/accounts/earn", {**earn, "amount": 9_999_999}), ("/accounts/create", create)):
        assert (await api.send(path, token, body)).status_code == 202


async def test_whoever_waits_when_the_daemon_stops_is_told_where_to_look(api: Api) -> None:
    api.shop.works = True
    token = await api.token(Scope.POINTS)
    call = asyncio.create_task(api.send("/accounts/adjust", token, {**ADJUST, "wait": 30}))
    await api.recorded()
    api.shop.stopping = True
    answer = await call
    assert (answer.status_code, answer.json()["settled"]) == (202, False)
    assert (await api.get(answer.headers["location"].removeprefix("/api/v1"), token)).status_code == 200


async def test_who_leaves_is_not_waited_for_and_the_order_is_done(api: Api) -> None:
    token = await api.token(Scope.POINTS)
    api.shop.works = True
    call = asyncio.create_task(api.send("/accounts/adjust", token, {**ADJUST, "wait": 30}))
    await api.recorded()
    call.cancel()
    await asyncio.wait([call])
    await api.shop.drain()
    assert [action.state for action in await api.shop.actions()] == ["done"]


async def test_what_waits_for_what_failed_is_waited_for_no_longer(api: Api) -> None:
    """The second step is held for ever where the first one failed, so a program would ask for ever."""
    token = await api.token(Scope.POINTS)
    call = {"email": "new@example.com", "wait": 0}
    assert (await api.post("/accounts/create", token, key="k", **call)).status_code == 202
    api.shop.channels["contact"].answers = [
        ChannelError("Wix shows no contact with this address.", permanent=True)
    ]
    await api.shop.drain()
    answer = await api.post("/accounts/create", token, key="k", **call)
    assert [one["state"] for one in answer.json()["actions"]] == ["discarded", "held"]
    assert answer.status_code == 200
