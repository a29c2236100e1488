"""Whatever the database does, every part of the daemon outlives it and goes on by itself."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import errors
from sqlalchemy import event
from structlog.testing import capture_logs

from milestones import config
from milestones.app.build import open_runtime
from milestones.app.daemon import Daemon
from milestones.app.runtime import Runtime
from milestones.engine import local
from milestones.maintenance import erasures, gauges, heartbeat, mutes, retention, unsubscriptions
from milestones.scans import runner
from milestones.scans.run import Kind
from milestones.store.database import meta
from milestones.store.database.store import find_trouble
from milestones.web import server
from tests.shop import write_config

TASKS = {
    "keep_beating",
    "keep_measuring",
    "keep_forgetting",
    "keep_telling",
    "keep_finishing",
    "keep_closing",
    "LocalEngine._serve",
    "ScanRunner._serve",
}

OF_SQLITE = [
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_CONSTRAINT,
]
OF_POSTGRESQL = [
    "25006",
    "53100",
    "53200",
    "53300",
    "57014",
    "57P01",
    "55P03",
    "40P01",
    "XX000",
    "42P01",
    "22P02",
]


def fault(what: int | str) -> Exception:
    if isinstance(what, str):
        return errors.lookup(what)("it is a test")
    found = sqlite3.OperationalError("it is a test")
    found.sqlite_errorcode, found.sqlite_errorname = what, "SQLITE_OF_A_TEST"
    return found


class Failing:
    """A database that fails on demand, and knows in which tasks it did."""

    def __init__(self) -> None:
        self.fault: int | str | None = None
        self.met: set[str] = set()

    def execute(self, *_: Any) -> None:
        if self.fault is not None:
            task = asyncio.current_task()
            assert task is not None
            self.met.add(task.get_coro().__qualname__)  # type: ignore[union-attr]
            raise fault(self.fault)

    @contextmanager
    def watching(self, runtime: Runtime) -> Iterator[None]:
        store = runtime.store
        assert store._writer is not None
        engines = {of.sync_engine for of in (store._writer, store._reader, store._glancer)}
        for engine in engines:
            event.listen(engine, "do_execute", self.execute)
        yield
        for engine in engines:
            event.remove(engine, "do_execute", self.execute)


async def until(happened: Callable[[], bool], serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(60):
        while not happened():
            assert not serving.done(), serving
            await asyncio.sleep(0.005)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for where, name in (
        (heartbeat, "PERIOD"),
        (gauges, "PERIOD"),
        (retention, "FIRST_AFTER"),
        (retention, "PERIOD"),
        (erasures, "PERIOD"),
        (unsubscriptions, "PERIOD"),
        (mutes, "PERIOD"),
        (local, "FIRST_PAUSE"),
        (local, "LONGEST_PAUSE"),
        (local, "LONGEST_SLEEP"),
        (runner, "RETRY"),
    ):
        monkeypatch.setattr(where, name, 0.02)


@pytest.mark.usefixtures("impatient")
async def test_every_task_outlives_whatever_the_database_does(database_url: str, tmp_path: Path) -> None:
    path = write_config(tmp_path / "shop", database_url)
    path.write_text(f"{path.read_text()}\n[sandbox]\nport = 0\ncustomers = 3\n")
    failing = Failing()
    with capture_logs():
        async with open_runtime(config.load(path, {})) as runtime:
            running = Daemon(runtime, lambda: config.load(path, {}))
            ready = asyncio.Event()
            serving = asyncio.create_task(
                running.serve(server.bind("127.0.0.1", 0), lambda _line: ready.set())
            )
            await ready.wait()
            (site_id,) = runtime.site_ids
            with failing.watching(runtime):
                for what in OF_SQLITE if database_url.startswith("sqlite") else OF_POSTGRESQL:
                    failing.met, failing.fault = set(), what
                    runtime.engine.wake(site_id)
                    running.scanning.timetable._ask(site_id, Kind.REACHED)
                    await until(lambda: failing.met >= TASKS, serving)
                    failing.fault = None
                    await until(lambda: not serving.done(), serving)
                    assert await find_trouble(runtime.store) is None
            async with runtime.store.write() as tx:
                await meta.set_to(tx, "fact", "kept")
            running.stop.set()
            await serving
