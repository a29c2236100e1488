"""Whatever dies or is lost on the way, and whoever changes the site meanwhile: nothing is doubled, nothing overwritten."""

import contextlib
from typing import Any

import pytest

from milestones.program.apply import PlanError, apply, look, make_plan
from milestones.wix.errors import WixUnavailableError
from tests.program.conftest import Shop

pytestmark = pytest.mark.asyncio(loop_scope="module")

WRITES = 9
"""Steps of the plan below, each of which writes once; a test checks it."""

WHOLE = """
[program]
name = "Corner Stars"
active = true
expiry = { enabled = true }
tiers = { status = "active", levels = [{ title = "Gold", points = 5000 }] }
badges = [{ title = "Star" }]

[[program.earn]]
title = "Orders"
on = "order_paid"
points = 10
at = { Gold = 20 }

[[program.earn]]
title = "Happy birthday"
on = "birthday"
points = 100

[[program.rewards]]
title = "Money"
discount = { money_off = "1.00" }
cost = 100
"""

COLLECTIONS = ("tiers", "badges", "earning_rules", "rewards")


class KilledError(BaseException):
    """The process dies."""


async def inventory(shop: Shop) -> list[list[str]]:
    return [shop.titles(collection) for collection in COLLECTIONS]


EXPECTED = [["Gold"], ["Star"], ["Happy birthday", "Orders"], ["Money"]]


def kill_at(shop: Shop, number: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    """The process dies at its so manieth write: before it, or when Wix has done it and nobody knows."""
    client, send, seen = shop.client, shop.client.send, 0

    async def killed(call: Any, **arguments: Any) -> Any:
        nonlocal seen
        if call.reads:
            return await send(call, **arguments)
        seen += 1
        if seen != number:
            return await send(call, **arguments)
        if after:
            await send(call, **arguments)
        raise KilledError

    monkeypatch.setattr(client, "send", killed)


@pytest.mark.parametrize(
    "after", [pytest.param(False, marks=pytest.mark.rare), True], ids=["before", "after"]
)
@pytest.mark.parametrize("number", range(1, WRITES + 1))
async def test_a_kill_at_any_step_is_made_up_for_by_the_next_apply(
    new_shop: Shop, number: int, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as dying:
        kill_at(new_shop, number, dying, after=after)
        with pytest.raises(KilledError):
            await new_shop.apply(WHOLE)
    assert not (await new_shop.apply(WHOLE)).differs
    assert await inventory(new_shop) == EXPECTED


async def test_the_plan_has_as_many_writes_as_the_tests_here_suppose(new_shop: Shop) -> None:
    assert len((await new_shop.plan(WHOLE)).steps) == WRITES


@pytest.mark.parametrize(
    "effect",
    [
        "drop_after",
        "drop_before",
        *(
            pytest.param(effect, marks=pytest.mark.rare)
            for effect in ("status_after", "malformed", "truncate")
        ),
    ],
)
async def test_a_lost_answer_of_any_step_is_looked_for_and_nothing_is_doubled(
    new_shop: Shop, effect: str
) -> None:
    for method in ("POST", "PATCH", "PUT"):
        new_shop.fault(method, "^(?!/oauth2|.*/query)", effect, times=WRITES, probability=0.5)
    for _ in range(10):
        with contextlib.suppress(PlanError):
            assert not (await new_shop.apply(WHOLE)).differs
            break
    assert await inventory(new_shop) == EXPECTED


@pytest.mark.parametrize("lag", [0.03, 0.05])
async def test_queries_that_lag_double_nothing_within_their_lag(
    new_shop: Shop, lag: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_shop.switch(query_lag_seconds=lag)
    badge = '[[program.badges]]\ntitle = "Star"\n'
    with monkeypatch.context() as dying:
        kill_at(new_shop, 1, dying, after=True)
        with pytest.raises(KilledError):
            await new_shop.apply(badge)
    assert not (await new_shop.apply(badge)).differs
    assert new_shop.titles("badges") == ["Star"]
    assert not (await new_shop.apply(badge + 'description = "new"\n')).differs
    assert not (await new_shop.plan(badge + 'description = "new"\n')).differs, (
        "what was changed a moment ago is known"
    )


async def test_what_was_asked_for_a_moment_ago_is_said_by_the_plan(
    new_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    badge = '[[program.badges]]\ntitle = "Star"\n'
    new_shop.switch(query_lag_seconds=30)
    with monkeypatch.context() as dying:
        kill_at(new_shop, 1, dying, after=True)
        with pytest.raises(KilledError):
            await new_shop.apply(badge)
    assert "was asked for a moment ago" in (await new_shop.plan(badge)).notes[0]


async def test_a_plan_of_an_older_state_is_not_carried_out(shop: Shop) -> None:
    text = '[program]\nname = "Other"\n[[program.badges]]\ntitle = "Star"\n'
    work = shop.work(text)
    shown = make_plan(work, await look(work)).fingerprint
    shop.world.program["name"] = "Renamed in the dashboard"
    before = shop.world.changes
    with pytest.raises(PlanError, match="not as it was when the plan was shown"):
        await apply(work, shown)
    assert shop.world.changes == before
    with pytest.raises(PlanError, match="not as it was"):
        await apply(work, "")


def change_before(shop: Shop, part: str, change: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody changes the site directly before the first write to a path."""
    send, waiting = shop.client.send, [change]

    async def interfered(call: Any, **arguments: Any) -> Any:
        if not call.reads and part in call.template and waiting:
            waiting.pop()()
        return await send(call, **arguments)

    monkeypatch.setattr(shop.client, "send", interfered)


REWARD = '[[program.rewards]]\ntitle = "Points for money"\ndiscount = { money_off = 1 }\ncost = 90\n'


def altered_reward(shop: Shop, **changes: Any) -> Any:
    def alter() -> None:
        reward = next(one for one in shop.world.rewards if one["name"] == "Points for money")
        shop.world.rewards.put({**reward, **changes, "revision": str(int(reward["revision"]) + 1)})

    return alter


async def test_a_stale_revision_is_read_anew_where_nothing_else_has_changed(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_before(shop, "rewards", altered_reward(shop), monkeypatch)
    assert not (await shop.apply(REWARD)).differs


async def test_what_somebody_changed_meanwhile_is_not_overwritten(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    change_before(shop, "rewards", altered_reward(shop, active=False), monkeypatch)
    with pytest.raises(PlanError, match=r"0 of 1 steps are done.*Somebody changed it on the site meanwhile"):
        await shop.apply(REWARD)
    reward = next(one for one in shop.world.rewards if one["name"] == "Points for money")
    assert reward["active"] is False


async def test_what_somebody_did_meanwhile_as_the_file_has_it_is_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = {"configsByTier": [{"costInPoints": 90, "amount": "1"}]}
    change_before(shop, "rewards", altered_reward(shop, discountAmount=wanted), monkeypatch)
    assert not (await shop.apply(REWARD)).differs


async def test_what_somebody_deleted_meanwhile_is_not_made_again_unasked(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reward = next(one for one in shop.world.rewards if one["name"] == "Points for money")
    change_before(shop, "rewards", lambda: shop.world.rewards.delete(reward["id"]), monkeypatch)
    with pytest.raises(PlanError, match="Somebody changed it on the site meanwhile"):
        await shop.apply(REWARD)
    assert "Points for money" not in shop.titles("rewards")


async def test_a_program_without_a_revision_is_looked_at_directly_before(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[program]\nname = "Other"\nexpiry = { enabled = true }\n'

    def renamed() -> None:
        shop.world.program["name"] = "Somebody else's"

    work = shop.work(text)
    shown = make_plan(work, await look(work)).fingerprint
    read = shop.client.send
    seen = 0

    async def interfered(call: Any, **arguments: Any) -> Any:
        nonlocal seen
        if call.template.endswith("/program"):
            seen += 1
            if seen == 2:
                renamed()
        return await read(call, **arguments)

    monkeypatch.setattr(shop.client, "send", interfered)
    with pytest.raises(
        PlanError, match=r"0 of 2 steps .*Somebody changed it .*name is \"Somebody else's\" there"
    ):
        await apply(work, shown)
    assert shop.world.program["name"] == "Somebody else's"


async def test_a_refusal_on_the_way_says_what_is_done_and_the_next_apply_goes_on(new_shop: Shop) -> None:
    new_shop.fault("POST", "/loyalty-rewards", "status", status=403, times=1)
    with pytest.raises(PlanError, match=r"\d+ of 9 steps are done. This one is not: Create the reward"):
        await new_shop.apply(WHOLE)
    assert len((await new_shop.plan(WHOLE)).steps) < WRITES
    assert not (await new_shop.apply(WHOLE)).differs
    assert await inventory(new_shop) == EXPECTED


async def test_a_plan_cannot_be_shown_while_wix_does_not_answer(new_shop: Shop) -> None:
    new_shop.fault("GET", "/loyalty-tiers", "status", status=500, times=0)
    with pytest.raises(WixUnavailableError):
        await new_shop.plan(WHOLE)
