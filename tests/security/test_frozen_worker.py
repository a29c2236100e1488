"""A worker that was frozen (SIGSTOP: a paused machine, a debugger) and wakes when another has done its work."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from milestones.app.build import open_runtime
from milestones.config import load
from tests.e2e.floor import live, ordered
from tests.process import STARS, Daemon, shop, until
from tests.security.village import subscribed


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    async with shop(tmp_path, customers=40, time_scale=3600.0) as wix:
        # Nothing happens by itself: the daemon must not be frozen while it writes something else.
        await wix.settings(query_lag_seconds=0, recalculation_seconds=0)
        running = Daemon(tmp_path, wix, environment={"MILESTONES_FAILPOINT": f"@{tmp_path / 'failpoint'}"})
        running.configure(STARS)
        await running.start()
        await live(running)
        yield running
        assert running.process is not None
        running.process.send_signal(signal.SIGCONT)
        await running.end()


@asynccontextmanager
async def frozen_while_creating_the_coupon(daemon: Daemon) -> AsyncIterator[dict[str, Any]]:
    """A customer crosses, and the process stands still between Wix's answer and the settling, holding no lock, until
    the end.

    Gives the account. Whoever stops it from outside when Wix has the coupon may come too late on a busy machine.
    """
    account = await subscribed(daemon)
    # The coupon comes last, so that nothing else is under way: a badge that is being given has a right to be looked for.
    await daemon.shop.fault("POST", "^/stores/v2/coupons$", "status", status=503, times=0)
    await daemon.shop.adjust(account["id"], 1001)

    async def only_the_coupon_is_due() -> bool:
        tried = "kind = 'coupon' AND state = 'available' AND error IS NOT NULL"
        given = "kind = 'badge' AND state = 'done'"
        return await daemon.shop.quiet() and all(
            daemon.query(f"SELECT 1 FROM actions WHERE {one}") for one in (tried, given)
        )

    await until(only_the_coupon_is_due, "the badge")
    # Whoever is next to write has its turn and has not begun: SQLite's lock is nobody's. The coupon is not settled, since
    # that needs a turn.
    (daemon.folder / "failpoint").write_text("drain.effect_done@coupon,store.before_begin stop")
    (await daemon.shop.http.delete("/_sandbox/faults")).raise_for_status()
    # Its answer may come only when the daemon is awake again.
    resuming = asyncio.create_task(ordered(daemon, "resume"))
    await until(daemon.is_frozen, "the worker is frozen")
    assert len((await daemon.shop.state("coupons"))["coupons"]) == 1
    yield account
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGCONT)
    await resuming


async def another_worker_drains(daemon: Daemon) -> None:
    """What a second replica does when the first does not answer. SQLite's lock would refuse a second daemon."""
    secret = {"WIX_APP_SECRET": daemon.shop.credentials["app_secret"]}
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MILESTONES_")}
    settings = load(daemon.config, {**clean, **secret})
    async with open_runtime(settings) as runtime:
        for site_id in runtime.site_ids:
            await runtime.engine.drain(site_id)


def fates(daemon: Daemon) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in daemon.query("SELECT kind, state, attempts FROM actions ORDER BY kind")]


async def test_what_a_woken_worker_learned_is_not_written_over_what_another_did(daemon: Daemon) -> None:
    async with frozen_while_creating_the_coupon(daemon) as account:
        frozen = daemon.query("SELECT generation FROM sites")[0][0]
        await another_worker_drains(daemon)
        done = fates(daemon)
    assert [(kind, state) for kind, state, _ in done] == [
        ("badge", "done"),
        ("coupon", "done"),
        ("email", "done"),
    ]
    assert daemon.query("SELECT generation FROM sites")[0][0] > frozen

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
