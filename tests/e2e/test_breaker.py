"""Blast radius: what one wrong number in Wix or in the configuration can do before a person is asked."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.floor import configured, live, ordered, rewrite, running, settled
from tests.process import Daemon, Shop, shop, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("breaker"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
]

PATIENCE = 180.0
"""Seconds for what hundreds of customers are owed, on a busy machine."""

CUSTOMERS = 200
LIMIT = 20
BREAKER = {"share = 1.0, floor = 100000": "share = 0.1, floor = 20"}

TWO = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[[milestones.rewards]]
coupon = { name = "For 1,000 stars", percent_off = 10, scope = "stores" }

[[milestones.rewards]]
email = "milestone-reached"

[[milestones]]
key = "stars-1100"
title = "1,100 stars"
threshold = 1100

[[milestones.rewards]]
coupon = { name = "For 1,100 stars", percent_off = 20, scope = "stores" }
"""

TYPED = """
[[milestones]]
key = "stars-20000"
title = "20,000 stars"
threshold = 20000

[milestones.near]
within = 1900
template = "almost-there"

[[milestones.rewards]]
coupon = { name = "For 20,000 stars", percent_off = 10, scope = "stores" }
"""


@pytest_asyncio.fixture(loop_scope="module")
async def wix(tmp_path: Path) -> AsyncIterator[Shop]:
    """Each test changes the balances of hundreds."""
    folder = tmp_path / "wix"
    folder.mkdir()
    async with shop(folder, customers=CUSTOMERS, seed=21, time_scale=3600.0) as running:
        await running.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield running


async def balances(wix: Shop) -> dict[str, int]:
    return {one["id"]: one["points"]["balance"] for one in (await wix.state("accounts"))["accounts"]}


async def lift_all(wix: Shop, *, below: int, to: int) -> None:
    """A bulk adjustment, as somebody makes it in the dashboard of Wix."""
    headers = {"Authorization": await wix.token()}
    body = {"search": {"filter": {"points.balance": {"$lt": below}}}, "balance": to}
    answer = await wix.http.post("/loyalty-accounts/v1/accounts/bulk-adjust", headers=headers, json=body)
    answer.raise_for_status()


async def coupons(wix: Shop) -> Counter[str]:
    """By name, in the sandbox's own books."""
    return Counter(coupon["specification"]["name"] for coupon in (await wix.state("coupons"))["coupons"])


def mails(daemon: Daemon) -> int:
    return len(list((daemon.folder / "mail").glob("*.eml")))


def held(daemon: Daemon, milestone: str, kind: str) -> int:
    [(number,)] = daemon.query(
        "SELECT count(*) FROM actions WHERE state = 'held' AND verdict = 'breaker' "
        f"AND milestone = '{milestone}' AND kind = '{kind}'"
    )
    return int(number)


async def listed(daemon: Daemon) -> dict[str, Any]:
    return dict(json.loads(await ordered(daemon, "outbox", "list", "--state", "held", "--json")))


async def test_a_bulk_adjustment_is_held_past_the_limit_and_a_person_releases_or_cancels(
    wix: Shop, tmp_path: Path
) -> None:
    daemon = configured(tmp_path / "daemon", wix, TWO, BREAKER)
    async with running(daemon):
        await live(daemon)
        await settled(daemon, PATIENCE)
        low = [account for account, balance in (await balances(wix)).items() if balance < 1000]
        assert len(low) > 3 * LIMIT
        await lift_all(wix, below=1000, to=1200)
        await until(lambda: _granted(daemon, 2 * len(low)), "every event was heard", PATIENCE)
        await settled(daemon, PATIENCE)

        assert await coupons(wix) == {"For 1,000 stars": LIMIT, "For 1,100 stars": LIMIT}
        rest = len(low) - LIMIT
        assert (held(daemon, "stars-1000", "coupon"), held(daemon, "stars-1100", "coupon")) == (rest, rest)
        told = await listed(daemon)
        assert told["counts"] == {"held": 3 * rest}
        assert all("More than the breaker allows" in one["reason"] for one in told["actions"])
        assert {one["subject"] for one in told["actions"]} >= {"For 1,100 stars"}
        assert f"{3 * rest:,}  `milestones outbox list --state held`" in await ordered(daemon, "status")

        assert f"{2 * rest} actions released" in await ordered(
            daemon, "outbox", "release", "--milestone", "stars-1000", "--yes"
        )
        assert f"{rest} actions cancelled" in await ordered(
            daemon, "outbox", "cancel", "--milestone", "stars-1100", "--state", "held", "--yes"
        )
        await settled(daemon, PATIENCE)
        assert await coupons(wix) == {"For 1,000 stars": len(low), "For 1,100 stars": LIMIT}
        assert held(daemon, "stars-1000", "coupon") == 0


async def _granted(daemon: Daemon, number: int) -> bool:
    [(so_far,)] = daemon.query("SELECT count(*) FROM grants")
    return bool(so_far == number)


async def test_a_threshold_typed_wrong_by_a_factor_of_ten_gives_nothing_and_mails_nobody(
    wix: Shop, tmp_path: Path
) -> None:
    daemon = configured(tmp_path / "daemon", wix, TYPED, BREAKER)
    async with running(daemon):
        await live(daemon)
        found = await balances(wix)
        assert max(found.values()) < 18_100
        assert sum(balance >= 2000 for balance in found.values()) > LIMIT
        assert sum(100 <= balance < 2000 for balance in found.values()) > 2 * LIMIT
        rewrite(daemon, {"threshold = 20000": "threshold = 2000"})
        await ordered(daemon, "reload")
        await ordered(daemon, "scan")
        await settled(daemon, PATIENCE)

        assert daemon.query("SELECT count(*) FROM grants") == [(0,)]
        assert await coupons(wix) == {}
        waiting = held(daemon, "stars-20000", "email")
        assert waiting > LIMIT
        assert daemon.query("SELECT DISTINCT state FROM actions") == [("held",)], "the scan is held whole"
        assert mails(daemon) == 0

        rewrite(daemon, {"threshold = 2000\n": "threshold = 20000\n"})
        await ordered(daemon, "reload")
        assert f"{waiting} actions cancelled" in await ordered(daemon, "outbox", "cancel", "--all", "--yes")
        await ordered(daemon, "scan")
        await settled(daemon, PATIENCE)
        assert mails(daemon) == 0
        assert daemon.query("SELECT DISTINCT state FROM actions") == [("cancelled",)]


async def test_the_first_scan_of_a_large_site_is_held_whole_until_a_person_has_looked(
    wix: Shop, tmp_path: Path
) -> None:
    daemon = configured(tmp_path / "daemon", wix, TYPED.replace("20000", "2000"), BREAKER)
    async with running(daemon):
        await live(daemon)
        await settled(daemon, PATIENCE)
        waiting = held(daemon, "stars-2000", "email")
        assert waiting > LIMIT
        assert mails(daemon) == 0
        told = await listed(daemon)
        assert told["counts"] == {"held": waiting}
        assert await coupons(wix) == {}
        shown = await ordered(daemon, "outbox", "list", "--state", "held", "--limit", "5")
        assert f"held {waiting}" in shown
        await ordered(daemon, "outbox", "release", "--milestone", "stars-2000", "--yes")
        await settled(daemon, PATIENCE)
        assert 0 < mails(daemon) <= waiting
        assert held(daemon, "stars-2000", "email") == 0
