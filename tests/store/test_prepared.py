"""Statements that are compiled once say what the others say, on both databases; and what waits does not keep the loop."""

import asyncio
import sqlite3
import threading
from contextlib import closing
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import bindparam, select

from milestones.errors import StoreRefusedError, StoreUnavailableError
from milestones.kinds.registry import NAMES
from milestones.store import accounts, sites
from milestones.store.database import meta, sqlite_loop
from milestones.store.database.prepared import Lookup, Prepared
from milestones.store.database.statements import add, put, table_of
from milestones.store.database.store import Store
from milestones.store.outbox import schedule
from milestones.store.tables import Meta, Site
from tests.builders import NOW, SITE
from tests.store.rules import opened

SITES = table_of(Site)
NAMED = Prepared(select(SITES).where(SITES.c.id == bindparam("id")))
KEYS = Lookup(lambda keys: select(table_of(Meta)).where(table_of(Meta).c.key.in_(keys)))


async def test_a_row_comes_back_with_the_values_of_its_types(store: Store) -> None:
    async with store.write() as tx:
        await sites.notice(tx, SITE, NOW)
        [row] = await NAMED.fetch(tx, {"id": SITE})
        ordinary = (await tx.execute(select(SITES).where(SITES.c.id == SITE))).one()
        assert await NAMED.fetch(tx, {"id": "another"}) == []
    assert row._asdict() == dict(ordinary._mapping)
    assert row.first_heard_at == NOW
    for read in (store.read, store.glance):
        async with read() as tx:
            [again] = await NAMED.fetch(tx, {"id": SITE})
        assert again._asdict() == row._asdict()


@pytest.mark.parametrize("number", [0, 1, 2, 3, 511, 512, 513])
async def test_each_key_is_found_once_however_many_are_asked_for(store: Store, number: int) -> None:
    wanted = [f"key {place}" for place in range(number)]
    async with store.write() as tx:
        await put(tx, Meta, [{"key": key, "value": key[::-1]} for key in [*wanted, "not asked for"]])
        found = await KEYS.fetch(tx, wanted)
    assert sorted((row.key, row.value) for row in found) == sorted((key, key[::-1]) for key in wanted)


async def test_a_value_that_is_not_of_its_type_is_refused_and_nothing_is_kept(store: Store) -> None:
    naive = Site(id=SITE, first_heard_at=NOW).model_dump() | {"first_heard_at": datetime(2026, 1, 1)}

    async def write() -> None:
        async with store.write() as tx:
            await meta.set_to(tx, "lost", "yes")
            await add(tx, Site, [naive])

    with pytest.raises(StoreRefusedError):
        await write()
    async with store.write() as tx:
        assert await meta.get(tx, "lost") is None


async def test_a_row_that_breaks_a_rule_of_its_table_is_refused_and_the_connection_goes_on(
    store: Store,
) -> None:
    row = Site(id=SITE, first_heard_at=NOW).model_dump()
    with pytest.raises(StoreRefusedError):
        async with store.write() as tx:
            await add(tx, Site, [row | {"state": None}])
    async with store.write() as tx:
        await add(tx, Site, [row])
    assert await accounts_of(store) == 0


async def accounts_of(store: Store) -> int:
    async with store.glance() as tx:
        return await accounts.count(tx, SITE)


async def test_a_program_that_holds_the_file_keeps_a_writer_waiting_and_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    async with opened(f"sqlite:///{path}") as store:
        await _write(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            writing = asyncio.create_task(_write(store, "later"))
            # The loop goes on while it waits: this would never come to its end otherwise.
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert not writing.done()
            other.execute("COMMIT")
        await writing
        async with store.glance() as tx:
            assert await meta.get(tx, "kept") == "later"


async def _write(store: Store, value: str = "yes") -> None:
    async with store.write() as tx:
        await meta.set_to(tx, "kept", value)


async def test_a_program_that_does_not_let_go_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_loop, "BUSY_TIMEOUT", 20)
    path = tmp_path / "shop.db"
    async with opened(f"sqlite:///{path}") as store:
        await _write(store)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailableError, match="another program holds the file"):
                await _write(store)
        await _write(store)


async def test_what_is_cancelled_while_it_waits_aside_ends_before_anybody_goes_on() -> None:
    aside, begun, release = sqlite_loop.Aside(), asyncio.Event(), threading.Event()
    ended: list[str] = []
    loop = asyncio.get_running_loop()

    def work() -> None:
        loop.call_soon_threadsafe(begun.set)
        release.wait(10)
        ended.append("work")

    task = asyncio.create_task(aside.do(work))
    await begun.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["work"]
    aside.end()


async def test_an_error_aside_is_raised_where_it_was_asked_for() -> None:
    def work() -> None:
        raise sqlite3.OperationalError("the disk is gone")

    aside = sqlite_loop.Aside()
    with pytest.raises(sqlite3.OperationalError, match="the disk is gone"):
        await aside.do(work)
    aside.end()


async def test_a_file_that_was_moved_away_is_told_to_who_glances_at_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    async with opened(f"sqlite:///{path}") as store:
        await _write(store)
        path.rename(tmp_path / "elsewhere.db")
        with pytest.raises(StoreUnavailableError, match="moved away"):
            async with store.glance():
                pass
        (tmp_path / "elsewhere.db").rename(path)


async def test_a_glance_sees_one_moment(store: Store) -> None:
    await _write(store, "before")
    async with store.glance() as tx:
        assert await meta.get(tx, "kept") == "before"
        await _write(store, "after")
        assert await meta.get(tx, "kept") == "before"
    async with store.glance() as tx:
        assert await meta.get(tx, "kept") == "after"


async def test_when_a_kind_is_due_is_the_first_entry_of_the_index(tmp_path: Path) -> None:
    """However much waits: no scan, and no look at more than the first of each kind."""
    path = tmp_path / "shop.db"
    async with opened(f"sqlite:///{path}") as store, store.write() as tx:
        assert await schedule.get_first_due(tx, SITE) == {}
        compiled = schedule._FIRST_SLOW._compiled
        assert compiled is not None
        asked = f"EXPLAIN QUERY PLAN {compiled.text}", tuple(compiled.bind({"site_id": SITE}))
        plan = [row.detail for row in (await tx.exec_driver_sql(*asked)).all()]
    told = [line for line in plan if "actions" in line]
    assert len(told) == 2 * len(NAMES)
    assert all("USING INDEX ix_actions_due (site_id=? AND state=? AND kind=?)" in line for line in told), told
    assert not any("TEMP B-TREE FOR ORDER BY" in line for line in plan)
