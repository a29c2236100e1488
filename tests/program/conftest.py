"""A simulated shop over HTTP, a journal on SQLite, and a file that is applied to the shop."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from milestones.config import parse
from milestones.domain.program import Program
from milestones.program.apply import Work, apply, look, look_until_certain, make_plan
from milestones.program.journal import Journal
from milestones.program.plan import Plan
from milestones.store.database.store import Store
from milestones.wix.transport import WixClient
from tests.databases import make_tables
from tests.wix.fakes import connect
from wixsandbox.faults import Fault
from wixsandbox.server import RunningSandbox, serve
from wixsandbox.settings import SandboxSettings, Switches

BASE = """\
[wix]
sandbox = true
[mail]
sender = "Shop <shop@example.com>"
"""

LAG, CALL = timedelta(milliseconds=60), timedelta(milliseconds=200)


def program(text: str) -> Program:
    """The program of a configuration, read by the real loader."""
    return parse(BASE + text, Path("/tmp/config.toml"), {}).for_site("").program


@dataclass
class Shop:
    """The simulated shop, and what a test does with its program."""

    running: RunningSandbox
    client: WixClient
    store: Store
    told: list[str] = field(default_factory=list)

    @property
    def world(self) -> Any:
        return self.running.sandbox.world

    def work(self, text: str | Program, **more: Any) -> Work:
        wanted = program(text) if isinstance(text, str) else text
        journal = Journal(self.store, "site", LAG, lambda: datetime.now(UTC), CALL)
        return Work(
            self.client, wanted, journal, tell=lambda _n, _of, sentence: self.told.append(sentence), **more
        )

    async def plan(self, text: str | Program, **more: Any) -> Plan:
        work = self.work(text, **more)
        return make_plan(work, await look(work))

    async def apply(self, text: str | Program, **more: Any) -> Plan:
        """Apply what a plan that was made just now shows."""
        work = self.work(text, **more)
        shown = make_plan(work, await look_until_certain(work))
        return await apply(work, shown.fingerprint)

    def fault(self, method: str, path: str, effect: Any, **more: Any) -> None:
        match: Any = {"method": method, "path": path}
        self.running.sandbox.faults.add(Fault(match=match, effect=effect, **more))

    def switch(self, **switches: Any) -> None:
        settled = {"query_lag_seconds": 0, "recalculation_seconds": 0, "rate_limit_per_minute": 0}
        self.running.sandbox.switch(Switches(**(settled | switches)))

    def titles(self, collection: str) -> list[str]:
        """Of everything in a collection of the shop, sorted: a doubled one shows."""
        found = getattr(self.world, collection)
        return sorted(
            str(one.get("title") or one.get("name") or one.get("tierDefinition", {}).get("name"))
            for one in found
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[RunningSandbox]:
    async with serve(SandboxSettings(port=0, customers=0)) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient() as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path_factory.mktemp('program')}/milestones.db"
    make_tables(url)
    store = await Store.open(url)
    yield store
    await store.close()


Made = Callable[..., Awaitable[Shop]]


@pytest_asyncio.fixture(loop_scope="module")
async def shop(running: RunningSandbox, http: httpx.AsyncClient, kept: Store) -> Shop:
    """A shop with the seeded program, and an empty journal."""
    return await made(running, http, kept, new_program=False)


@pytest_asyncio.fixture(loop_scope="module")
async def new_shop(running: RunningSandbox, http: httpx.AsyncClient, kept: Store) -> Shop:
    """A shop whose program was only just installed: a draft without a name."""
    return await made(running, http, kept, new_program=True)


async def made(running: RunningSandbox, http: httpx.AsyncClient, store: Store, *, new_program: bool) -> Shop:
    running.sandbox.faults.clear()
    shop = Shop(running, connect(running, http), store)
    shop.switch()
    running.sandbox.reset(1, 0, new_program=new_program)
    shop.switch()
    from milestones.store.database import meta

    async with store.write() as tx:
        await meta.set_to(tx, "program:site", "[]")
    return shop
