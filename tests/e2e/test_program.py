"""A loyalty program is set up through a running daemon: planned, applied, killed in the middle, applied again, watched."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.floor import configured, running
from tests.process import Daemon, Shop, shop, until
from tests.program.test_interrupted import WHOLE

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("program"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("wix"), customers=5) as running_shop:
        await running_shop.settings(recalculation_seconds=0, query_lag_seconds=0.5)
        yield running_shop


@pytest_asyncio.fixture(loop_scope="module")
async def daemon(wix: Shop, tmp_path: Path) -> Daemon:
    """One on a site whose program was just installed; it looks for drift at once."""
    (await wix.http.post("/_sandbox/reset", json={"customers": 5, "new_program": True})).raise_for_status()
    found = configured(tmp_path, wix)
    watching = "milestones.maintenance.programs"
    found.constants = {f"{watching}.FIRST_AFTER": 0.0, f"{watching}.PERIOD": 0.5, f"{watching}.BURST": 0.1}
    found.config.write_text(found.config.read_text() + WHOLE)
    return found


async def names(wix: Shop) -> list[list[str]]:
    state = await wix.state()
    return [
        sorted(tier["tierDefinition"]["name"] for tier in state["tiers"]),
        sorted(badge["title"] for badge in state["badges"]),
        sorted(rule["title"] for rule in state["earning_rules"]),
        sorted(reward["name"] for reward in state["rewards"]),
    ]


WHOLE_NAMES = [["Gold"], ["Star"], ["Happy birthday", "Orders"], ["Money"]]


async def test_a_program_is_set_up_through_the_daemon_and_its_drift_is_told(
    wix: Shop, daemon: Daemon
) -> None:
    async with running(daemon):
        code, out, _ = await daemon.command("program", "plan")
        assert code == 2
        assert "9 steps" in out
        one, other = await asyncio.gather(
            daemon.command("program", "apply", "--yes"), daemon.command("program", "apply", "--yes")
        )
        assert 0 in (one[0], other[0]), (one, other)
        assert (await wix.state("program"))["program"]["status"] == "ACTIVE"
        assert await names(wix) == WHOLE_NAMES, "also where two are given at once"
        assert (await daemon.command("program", "plan"))[0] == 0
        reward = (await wix.state("rewards"))["rewards"][0]
        path = f"/loyalty-rewards/v1/rewards/{reward['id']}"
        changed = {"reward": {**reward, "active": False}}
        headers = {"Authorization": await wix.token()}
        (await wix.http.put(path, json=changed, headers=headers)).raise_for_status()

        async def is_told() -> bool:
            told = json.loads((await daemon.command("status", "--json"))[1])
            return any('Change the reward "Money"' in notice for notice in told["standing"]["notices"])

        await until(is_told, "the drift is told")
        assert (await wix.state("rewards"))["rewards"][0]["active"] is False, (
            "and nothing is changed by itself"
        )
        code, out, err = await daemon.command("program", "apply", "--yes")
        assert code == 0, (out, err)


@pytest.mark.rare
async def test_a_daemon_that_is_killed_while_it_applies_goes_on_after_its_start(
    wix: Shop, daemon: Daemon
) -> None:
    await daemon.start()
    await wix.fault("POST", "/loyalty-rewards", "delay_after", seconds=5.0)
    applying = asyncio.create_task(daemon.command("program", "apply", "--yes"))

    async def is_made() -> bool:
        return bool((await wix.state("rewards"))["rewards"])

    await until(is_made, "the reward is made, and nobody is told")
    await daemon.kill()
    code, _, err = await applying
    assert code == 1
    assert "went away" in err or "stopped" in err, err
    async with running(daemon):
        code, out, err = await daemon.command("program", "apply", "--yes")
        assert code == 0, (out, err)
    assert await names(wix) == WHOLE_NAMES
    assert (await wix.state("program"))["program"]["status"] == "ACTIVE"
