"""What a newcomer does: a shop in a new folder, the daemon on its simulated Wix, Ctrl-C, and all of it once more."""

import asyncio
import json
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.floor import assert_calm
from tests.ports import free_port
from tests.process import until
from tests.programs import announced, ended, started

pytestmark = pytest.mark.slow


@dataclass
class Running:
    """A daemon that says where it serves, and on what."""

    line: str
    log: list[str] = field(default_factory=list)


@asynccontextmanager
async def running(shop: Path, **settings: str) -> AsyncIterator[Running]:
    """``milestones run`` in the folder, until Ctrl-C; with other ports than the many that are tested at the same time."""
    environment = {f"MILESTONES_{name}": value for name, value in settings.items()}
    environment["MILESTONES_DAEMON__LISTEN"] = f"127.0.0.1:{free_port()}"
    environment["MILESTONES_SANDBOX__PORT"] = str(free_port())
    process = await started(["run"], environment, cwd=shop)
    told = Running("")

    async def read() -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            told.log.append(line.decode())

    reading = asyncio.create_task(read())
    try:
        told.line = await announced(process, "http://")
        yield told
        assert await ended(process, signal.SIGINT) == 0
    finally:
        await ended(process, signal.SIGKILL)
        await reading
    assert_calm("".join(told.log))


def query(shop: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{shop}/var/milestones.db?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def rows(shop: Path, sql: str) -> int:
    return int(query(shop, sql)[0][0])


async def test_a_new_shop_shadows_then_gives_and_mails_and_goes_on_after_each_ctrl_c(tmp_path: Path) -> None:
    made = await started(["init", "shop"], {}, cwd=tmp_path)
    await made.communicate()
    assert made.returncode == 0
    shop = tmp_path / "shop"

    async def granted() -> bool:
        return rows(shop, "SELECT count(*) FROM grants") > 0

    async with running(shop, SANDBOX__EARN_PER_SECOND="50") as told:
        shadow = told
        assert "SHADOW MODE" in told.line
        assert "on the simulated Wix at http://" in told.line
        await until(granted, "something is granted")
    assert rows(shop, "SELECT count(*) FROM actions WHERE state = 'done'") == 0
    assert not list(shop.glob("var/mail/*.eml"))
    log = {line["event"]: line for line in map(json.loads, shadow.log)}
    assert "daemon.mode: is shadow" in log["doubtful_configuration"]["told"]
    assert log["serving"]["mode"] == "shadow"
    found = {row[0] for row in query(shop, "SELECT configuration FROM grants")}
    assert found == {log["serving"]["configuration"]}

    async def given() -> bool:
        done = rows(shop, "SELECT count(DISTINCT kind) FROM actions WHERE state = 'done'")
        return done >= 3 and bool(list(shop.glob("var/mail/*.eml")))

    async with running(shop, DAEMON__MODE="live", SANDBOX__EARN_PER_SECOND="50") as told:
        assert "SHADOW MODE" not in told.line
        await until(given, "a coupon, a badge and a mail")
    before = rows(shop, "SELECT count(*) FROM grants")

    async with running(shop, DAEMON__MODE="live", MAIL__ONLY_TO='["*@example.com"]') as told:
        assert "mail leaves only for *@example.com" in told.line
        assert rows(shop, "SELECT count(*) FROM grants") >= before
