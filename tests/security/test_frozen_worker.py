"""A worker that was frozen (SIGSTOP: a paused machine, a debugger) and wakes when another has done its work."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from milestones.app.runtime import opened
from milestones.config import load
from tests.process import STARS, Daemon, shop, until
from tests.security.village import baseline_done, subscribed


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with shop(tmp_path, customers=40, time_scale=60) as wix:
        running = Daemon(tmp_path, wix)
        running.configure(STARS)
        await running.start()
        await baseline_done(running)
        await wix.settings(query_lag_seconds=0)
        yield running
        assert running.process is not None
        running.process.send_signal(signal.SIGCONT)
        await running.end()


async def frozen_while_creating_the_coupon(daemon: Daemon) -> dict[str, Any]:
    """Cross, and stop the process when Wix has made the coupon and before it hears of it. The account."""
    account = await subscribed(daemon)
    await daemon.shop.fault("POST", "/stores/v2/coupons", "delay_after", seconds=3)
    await daemon.shop.adjust(account["id"], 1001)

    async def made() -> bool:
        return bool((await daemon.shop.state())["coupons"])

    await until(made, "the coupon")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    return account


async def another_worker_drains(daemon: Daemon) -> None:
    """What a second replica does when the first does not answer. SQLite's lock would refuse a second daemon."""
    secret = {"WIX_APP_SECRET": daemon.shop.credentials["app_secret"]}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MILESTONES_")}
    settings = load(daemon.config, {**clean, **secret})
    async with opened(settings) as program:
        for site_id in program.site_ids(program.settings):
            await program.drain(site_id)


def fates(daemon: Daemon) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in daemon.query("SELECT kind, state, attempts FROM actions ORDER BY kind")]


async def test_what_a_woken_worker_learned_is_not_written_over_what_another_did(daemon: Daemon) -> None:
    account = await frozen_while_creating_the_coupon(daemon)
    frozen = daemon.query("SELECT generation FROM sites")[0][0]
    await another_worker_drains(daemon)
    done = fates(daemon)
    assert [(kind, state) for kind, state, _ in done] == [
        ("badge", "done"),
        ("coupon", "done"),
        ("email", "done"),
    ]
    assert daemon.query("SELECT generation FROM sites")[0][0] > frozen
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGCONT)

    async def fenced() -> bool:
        return any("drain_fenced" in line for line in daemon.log)

    await until(fenced, "the woken worker to notice")
    await until(daemon.settled, "the rest")
    assert fates(daemon) == done
    state = await daemon.shop.state()
    assert len(state["coupons"]) == 1
    (star,) = (one["id"] for one in state["badges"] if one["title"] == "Star customer")
    given = [one["memberId"] for one in state["badge_assignments"] if one["badgeId"] == star]
    assert given == [account["memberId"]]
    assert len(list((daemon.folder / "mail").glob("*.eml"))) == 1
    assert len(daemon.query("SELECT 1 FROM grants")) == 1
