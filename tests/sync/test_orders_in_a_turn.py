"""What a person orders while a turn is under way: the members that it has not come to are left alone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from milestones.domain.member import Member
from milestones.errors import UsageError
from milestones.store import sites
from milestones.store.tables import SiteState
from milestones.sync import agree
from milestones.sync.turn import take_turn
from tests.builders import SITE
from tests.sync.rig import Rig, a_path, a_rig


@pytest.fixture
async def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    """Two customers who have changed here since they were in step, and pages of one."""
    monkeypatch.setattr(agree, "PAGE", 1)
    async with a_rig(a_path(tmp_path)) as found:
        for number, name in enumerate(("ada", "bob"), start=1):
            await found.open_account(f"account-{name}", f"{name}@example.com", 100)
            found.join(str(number), f"{name}@example.com", 100)
        await found.turn()
        for name in ("ada", "bob"):
            found.wix.change(f"account-{name}", 5)
        await found.hear_all()
        yield found


def interrupt(rig: Rig, monkeypatch: pytest.MonkeyPatch, order: Callable[[], Awaitable[None]]) -> list[str]:
    """Give an order when the first member is asked for. Returns whom the turn asks for."""
    asked: list[str] = []
    get = rig.connector.get

    async def interrupted(member: Member) -> Member:
        asked.append(member.id)
        if len(asked) == 1:
            await order()
        return await get(member)

    monkeypatch.setattr(rig.connector, "get", interrupted)
    return asked


async def test_shadow_mode_reaches_the_turn_that_is_under_way(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = rig.shop.rules

    async def shadow() -> None:
        daemon = rules.settings.daemon.model_copy(update={"mode": "shadow"})
        rules.settings = rules.settings.model_copy(update={"daemon": daemon})

    asked = interrupt(rig, monkeypatch, shadow)
    await take_turn(replace(rig.work, rules=rules))
    assert asked == ["1"]


async def test_nothing_is_agreed_for_a_site_that_is_removed_meanwhile(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def remove() -> None:
        async with rig.shop.store.write() as tx:
            await sites.change(tx, SITE, state=SiteState.REMOVED)

    asked = interrupt(rig, monkeypatch, remove)
    with pytest.raises(UsageError, match="is not active here"):
        await rig.turn()
    assert (asked, await rig.count_open()) == (["1"], 0)


async def test_a_program_that_is_not_wanted_any_more_is_asked_no_more_and_nothing_is_agreed_with_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = asyncio.Event()

    async def take_away() -> None:
        gone.set()

    asked = interrupt(rig, monkeypatch, take_away)
    await take_turn(replace(rig.work, stopping=gone.is_set))
    assert (asked, await rig.count_open()) == (["1"], 0)
    turn = await take_turn(rig.work)
    assert turn.counts["agreed"] == 2
