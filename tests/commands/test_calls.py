"""Calls under a key, on both databases: carried out once, answered alike, and forgotten with time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from milestones.commands.calls import Calls, UnderWayError
from milestones.commands.models.outbox import HoldActions, MoveAnswer
from milestones.errors import KeyTakenError, MilestonesError, StoreUnavailableError
from milestones.store import calls as stored
from tests.shop import Shop

HELD = MoveAnswer(moved=1, ids=(7,), states={"held": 1}, refused={})
COMMAND = HoldActions(kind="email")


def calls_of(shop: Shop) -> Calls:
    return Calls(shop.store, shop.secret, shop.clock)


def counted(
    done: list[int], answer: MoveAnswer | MilestonesError = HELD
) -> Callable[[], Awaitable[MoveAnswer]]:
    async def perform() -> MoveAnswer:
        done.append(1)
        await asyncio.sleep(0)
        if isinstance(answer, MilestonesError):
            raise answer
        return answer

    return perform


async def test_it_is_carried_out_once_and_answered_alike_in_every_process(shop: Shop) -> None:
    done: list[int] = []
    one, other = calls_of(shop), calls_of(shop)
    for process in (one, one, other):
        assert await process.once("k", COMMAND, counted(done)) == HELD
    assert done == [1]
    for another in (HoldActions(kind="coupon"), HoldActions()):
        with pytest.raises(KeyTakenError):
            await one.once("k", another, counted(done))
    assert done == [1]


async def test_of_many_at_once_one_is_carried_out(shop: Shop) -> None:
    done: list[int] = []
    calls = calls_of(shop)
    told = await asyncio.gather(
        *(calls.once("k", COMMAND, counted(done)) for _ in range(5)), return_exceptions=True
    )
    assert done == [1]
    assert all(one == HELD or isinstance(one, UnderWayError) for one in told), told
    assert HELD in told


@pytest.mark.parametrize(
    "failure", [MilestonesError("It cannot be."), StoreUnavailableError("The disk is full.")]
)
async def test_what_failed_may_be_asked_for_again_under_its_key(shop: Shop, failure: MilestonesError) -> None:
    done: list[int] = []
    calls = calls_of(shop)
    with pytest.raises(type(failure)):
        await calls.once("k", COMMAND, counted(done, failure))
    assert await calls.once("k", COMMAND, counted(done)) == HELD
    assert len(done) == 2


async def test_keys_are_forgotten_with_time(shop: Shop) -> None:
    done: list[int] = []
    calls = calls_of(shop)
    await calls.once("k", COMMAND, counted(done))
    for before, gone in ((shop.now, 0), (shop.now + timedelta(seconds=1), 1)):
        async with shop.store.write() as tx:
            assert await stored.forget(tx, before) == gone
    await calls.once("k", COMMAND, counted(done))
    assert len(done) == 2
