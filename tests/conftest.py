"""Fixtures that every folder of tests may ask for: databases of both kinds, and a browser."""

import os
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from playwright.async_api import Browser, Page

import tests.examples  # noqa: F401 - its profiles must be known before the tests are read
from tests.chromium import browser
from tests.databases import empty, kept_database, make_tables
from tests.postgres import PostgresUnavailableError, fresh_database, postgres_server

# Its default draws tracebacks with every variable in colour, which takes a second for each.
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])


ALIKE = {
    "outbox": {"test_database_gone", "test_dead_workers", "test_fast_lane", "test_side_by_side"},
    "privacy": {"test_any_order"},
    "store": {
        *("test_crossings", "test_database", "test_definitions", "test_heartbeat", "test_lock", "test_moves"),
        *("test_programs", "test_schema", "test_sites", "test_soundness"),
    },
}
"""Folders whose rules are the same on both databases: on PostgreSQL they are rare, but for the files in which the
databases differ: where writers meet, connections end, and what the tables and statements of each kind are.
"""


def _is_alike(item: pytest.Item) -> bool:
    folder, file = item.path.parent.name, item.path.stem
    return folder in ALIKE and file not in ALIKE[folder]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they ask for, so that `-m "not postgres"` needs no care from their authors."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "postgres_url" in fixtures:
            item.add_marker(pytest.mark.postgres)
        if "chromium_page" in fixtures:
            item.add_marker(pytest.mark.browser)
        if "postgresql" in getattr(getattr(item, "callspec", None), "id", "") and _is_alike(item):
            item.add_marker(pytest.mark.rare)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.examples)
    # What takes long begins first, so that no worker is left with it at the end.
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where the environment says that nothing may be skipped, as CI does, a skipped test has failed."""
    report = yield
    if report.skipped and os.environ.get("MILESTONES_SKIP_NOTHING") == "1":
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason} (MILESTONES_SKIP_NOTHING=1 forbids to skip.)"
    return report


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server, one for each test process: TEST_DATABASE_URL, or the wheel's, started in about a second."""
    with ExitStack() as stack:
        url = os.environ.get("TEST_DATABASE_URL", "")
        if not url:
            try:
                url = stack.enter_context(postgres_server())
            except PostgresUnavailableError as unavailable:
                pytest.skip(str(unavailable))
        yield url


@pytest.fixture(scope="session")
def _kept_postgres_url(postgres_url: str) -> Iterator[str]:
    with kept_database(postgres_url) as url:
        empty(url)
        yield url


@pytest.fixture
def postgres_database_url(_kept_postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database with this version's tables, in which nobody else writes, as ``postgresql://...``."""
    yield _kept_postgres_url
    empty(_kept_postgres_url)


@pytest.fixture
def fresh_postgres_url(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, without even tables: ten times as slow."""
    with fresh_database(postgres_url) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with this version's tables and no rows; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'milestones.db'}"
        make_tables(url)
        return url
    # Asked for by name, so that the SQLite half of a test starts no server.
    return str(request.getfixturevalue("postgres_database_url"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables, for tests of what makes and alters them; once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'milestones.db'}"
    return str(request.getfixturevalue("fresh_postgres_url"))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _chromium() -> AsyncIterator[Browser]:
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="session")
async def chromium_page(_chromium: Browser) -> AsyncIterator[Page]:
    """A page of the machine's own Chromium, without state and without a window; see ``tests.chromium``."""
    async with await _chromium.new_context() as context:
        yield await context.new_page()
