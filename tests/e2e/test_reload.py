"""A new configuration is put into force whole while everything runs, or refused whole; what is recorded stays as it is."""

import os
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.crash.customers import Customer
from tests.e2e.floor import (
    configured,
    customers,
    live,
    ordered,
    ready,
    refused,
    rewrite,
    running,
    settled,
    until_logged,
)
from tests.process import Daemon, Shop, shop, until

__all__ = ["customers"]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("reload"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("wix"), customers=150, seed=9, time_scale=3600.0) as running:
        await running.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(wix: Shop, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    """One that gives a coupon of ten percent, for every test to change."""
    found = configured(tmp_path_factory.mktemp("daemon"), wix)
    async with running(found):
        await live(found)
        await settled(found)
        yield found


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def as_it_was(daemon: Daemon) -> AsyncIterator[None]:
    """Whatever a test puts into force, the next one finds the first configuration."""
    first = daemon.config.read_text()
    yield
    daemon.config.write_text(first)
    await ordered(daemon, "reload")


async def coupon_of(daemon: Daemon, wix: Shop, customer: Customer) -> dict[str, Any] | None:
    """By the sandbox's own books."""
    [(code,)] = daemon.query(
        "SELECT json_extract(payload, '$.specification.code') FROM actions "
        f"WHERE kind = 'coupon' AND account_id = '{customer.account}'"
    )
    found = [one["specification"] for one in (await wix.state("coupons"))["coupons"]]
    return next((one for one in found if one["code"] == code), None)


async def in_force(daemon: Daemon) -> str:
    return str((await ready(daemon))["configuration"])


async def test_a_valid_one_is_in_force_at_once_and_named_on_what_it_decides(
    daemon: Daemon, wix: Shop, customers: list[Customer]
) -> None:
    before = await in_force(daemon)
    rewrite(daemon, {"percent_off = 10": "percent_off = 15"})
    told = await ordered(daemon, "reload")
    after = await in_force(daemon)
    assert after != before
    assert f"The configuration {after} is in force." in told
    await until_logged(daemon, "configuration_reloaded", after)
    customer = customers.pop()
    await wix.adjust(customer.account, 1010)
    await settled(daemon)
    assert (await coupon_of(daemon, wix, customer) or {})["percentOffRate"] == 15
    [(told,)] = daemon.query(f"SELECT configuration FROM grants WHERE account_id = '{customer.account}'")
    assert told == after


async def test_a_signal_does_the_same(daemon: Daemon) -> None:
    before = await in_force(daemon)
    rewrite(daemon, {'title = "1,000 stars"': 'title = "A thousand stars"'})
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGHUP)

    async def changed() -> bool:
        return await in_force(daemon) != before

    await until(changed, "another configuration is in force")
    await until_logged(daemon, "configuration_reloaded", await in_force(daemon))


async def test_a_faulty_one_is_refused_with_every_fault_and_the_old_one_goes_on(
    daemon: Daemon, wix: Shop, customers: list[Customer]
) -> None:
    before = await in_force(daemon)
    rewrite(
        daemon, {"percent_off = 10": "percent_off = 150", 'email = "milestone-reached"': 'email = "reached"'}
    )
    told = await refused(daemon, "reload", code=2)
    assert "percent_off" in told
    assert "reached" in told
    assert daemon.process is not None
    os.kill(daemon.process.pid, signal.SIGHUP)
    await until_logged(daemon, "configuration_refused", "percent_off", before)
    assert await in_force(daemon) == before
    customer = customers.pop()
    await wix.adjust(customer.account, 1010)
    await settled(daemon)
    assert (await coupon_of(daemon, wix, customer) or {})["percentOffRate"] == 10


async def test_a_template_that_could_not_be_rendered_is_refused_too(daemon: Daemon, wix: Shop) -> None:
    before = await in_force(daemon)
    _write_template(daemon, "reached", "{{ customer.nickname }}")
    line = next(line for line in daemon.config.read_text().splitlines() if line.startswith("templates = "))
    rewrite(daemon, {line: 'templates = "templates"', 'email = "milestone-reached"': 'email = "reached"'})
    assert "reached/body.txt:1: customer.nickname is not a variable" in await refused(
        daemon, "reload", code=2
    )
    assert await in_force(daemon) == before


def _write_template(daemon: Daemon, name: str, text: str) -> None:
    folder = daemon.folder / "templates" / name
    folder.mkdir(parents=True)
    for part in ("subject.txt", "body.txt", "body.html"):
        (folder / part).write_text(text if part == "body.txt" else "Hello")


async def test_what_is_read_at_the_start_only_is_refused_by_name(daemon: Daemon) -> None:
    before = await in_force(daemon)
    rewrite(daemon, {"sqlite:///milestones.db": "sqlite:///other.db", "requests_per_minute = 100000": ""})
    told = await refused(daemon, "reload", code=2)
    assert "daemon.database: was changed, and is read at the start only" in told
    assert "wix.requests_per_minute: was changed" in told
    assert await in_force(daemon) == before


async def test_what_was_recorded_before_keeps_its_coupon(
    daemon: Daemon, wix: Shop, customers: list[Customer]
) -> None:
    rewrite(daemon, {"share = 1.0, floor = 100000": "share = 0.000001, floor = 0"})
    await ordered(daemon, "reload")
    customer, later = customers.pop(), customers.pop()
    await wix.adjust(customer.account, 1010)
    await settled(daemon)
    assert await coupon_of(daemon, wix, customer) is None
    rewrite(
        daemon,
        {
            "percent_off = 10": "percent_off = 50",
            "For 1,000 stars": "Half off",
            "share = 0.000001, floor = 0": "share = 1.0, floor = 100000",
        },
    )
    await ordered(daemon, "reload")
    await wix.adjust(later.account, 1010)
    assert "released" in await ordered(daemon, "outbox", "release", "--milestone", "stars-1000", "--yes")
    await settled(daemon)
    old, new = await coupon_of(daemon, wix, customer), await coupon_of(daemon, wix, later)
    assert old is not None
    assert new is not None
    assert (old["name"], old["percentOffRate"]) == ("For 1,000 stars", 10)
    assert (new["name"], new["percentOffRate"]) == ("Half off", 50)


async def test_without_a_daemon_there_is_nothing_to_reload(daemon: Daemon) -> None:
    elsewhere = configured(daemon.folder / "elsewhere", daemon.shop)
    await ordered(elsewhere, "db", "upgrade")
    assert "No daemon is running" in await refused(elsewhere, "reload")
