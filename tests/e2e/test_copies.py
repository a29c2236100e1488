"""A database that was copied, put back or long asleep: it waits for a person, and then gives nothing twice."""

import asyncio
import shlex
import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from tests.crash.customers import Customer
from tests.e2e.floor import (
    by_smtp,
    configured,
    coupons,
    customers,
    live,
    logged,
    ordered,
    refused,
    running,
    settled,
    until_logged,
)
from tests.kinds.smtp_server import mailserver
from tests.process import STARS, Daemon, Shop, shop, until

__all__ = ["customers"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("copies"),
    pytest.mark.slow,
    # A daemon is started up to five times in a test, and takes a while to start on a busy machine.
    pytest.mark.timeout(400),
]

DOCUMENT = Path(__file__).parents[2] / "docs" / "backup.md"
NEAR = """
[milestones.near]
within = 100
template = "almost-there"

[[milestones.rewards]]"""
HELD = "HELD, nothing is sent until `milestones resume`"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with shop(tmp_path_factory.mktemp("wix"), customers=300, seed=8, time_scale=3600.0) as running:
        await running.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield running


async def reach(daemon: Daemon, wix: Shop, *reached: Customer) -> None:
    for customer in reached:
        await wix.adjust(customer.account, 1010)
    await settled(daemon)


async def assert_given_once(wix: Shop, *reached: Customer) -> None:
    """By the sandbox's own books."""
    state = await wix.state()
    codes = Counter(coupon["specification"]["code"] for coupon in state["coupons"])
    assert set(codes.values()) == {1}
    [badge] = [one["id"] for one in state["badges"] if one["title"] == "Star customer"]
    holders = [one["memberId"] for one in state["badge_assignments"] if one["badgeId"] == badge]
    assert [holders.count(customer.member) for customer in reached] == [1] * len(reached)


async def shown(daemon: Daemon, *arguments: str) -> str:
    """What a command prints, without line breaks."""
    return " ".join((await ordered(daemon, *arguments)).split())


def states(daemon: Daemon, customer: Customer) -> dict[str, str]:
    rows = daemon.query(f"SELECT kind, state FROM actions WHERE account_id = '{customer.account}'")
    return dict(rows)


async def as_documented(daemon: Daemon, beginning: str) -> None:
    """Carry out the commands of docs/backup.md that begin so, beside the database."""
    found = [line for line in DOCUMENT.read_text().splitlines() if line.startswith(beginning)]
    assert found, beginning
    for line in found:
        command = line.replace("var/milestones.db", "milestones.db").replace(
            "python3", shlex.quote(sys.executable)
        )
        shell = await asyncio.create_subprocess_shell(command, cwd=daemon.folder)
        assert await shell.wait() == 0, command


async def back_up(daemon: Daemon) -> None:
    """While it runs."""
    await as_documented(daemon, "python3 -c")
    daemon.environment["MILESTONES_DAEMON__DATABASE"] = "sqlite:///backup.db"
    await ordered(daemon, "db", "check")
    daemon.environment.clear()


async def put_back(daemon: Daemon) -> None:
    await as_documented(daemon, "rm -f")
    await as_documented(daemon, "cp ")


class TestBackups:
    async def test_a_backup_that_is_put_back_waits_and_then_gives_nothing_twice(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        before, since, later, near = (customers.pop() for _ in range(4))
        async with mailserver() as post:
            daemon = configured(
                tmp_path, wix, STARS.replace("\n[[milestones.rewards]]", NEAR, 1), by_smtp(post.port)
            )
            async with running(daemon):
                await live(daemon)
                await reach(daemon, wix, before)
                await back_up(daemon)
                await reach(daemon, wix, since)
                await wix.adjust(near.account, 950)
                await settled(daemon)
                await ordered(daemon, "scan")
                await settled(daemon)
            mailed = Counter(post.recipients)
            assert (mailed[before.address], mailed[since.address], mailed[near.address]) == (1, 1, 1)
            given = await coupons(wix)
            await put_back(daemon)
            async with running(daemon):
                assert HELD in daemon.line
                assert "a backup that was put back" in daemon.line
                await until_logged(daemon, '"event": "reconciled"', '"coupon": 1')
                assert "Nothing is sent or given until `milestones resume`" in await shown(daemon, "status")
                await wix.adjust(later.account, 1010)
                await until(lambda: _heard(daemon, later), "the event of meanwhile")
                assert states(daemon, later)["coupon"] == "available"
                assert await coupons(wix) == given
                await ordered(daemon, "resume")
                await settled(daemon)
                for customer in (since, later):
                    # A mail server cannot be asked what became of a mail: a person decides.
                    assert states(daemon, customer) == {"coupon": "done", "badge": "done", "email": "unknown"}
                assert states(daemon, near) == {"email": "unknown"}
        assert await coupons(wix) == given + 1
        await assert_given_once(wix, before, since, later)
        assert Counter(post.recipients) == mailed

    async def test_without_a_daemon_resume_asks_wix_itself(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        since = customers.pop()
        daemon = configured(tmp_path, wix)
        async with running(daemon):
            await live(daemon)
            await back_up(daemon)
            await reach(daemon, wix, since)
        given = await coupons(wix)
        await put_back(daemon)
        async with running(daemon):
            assert HELD in daemon.line
        await ordered(daemon, "resume", "--rewound")
        async with running(daemon):
            assert HELD not in daemon.line
            await settled(daemon)
            # A folder can be asked.
            assert states(daemon, since) == {"coupon": "done", "badge": "done", "email": "done"}
        assert await coupons(wix) == given
        await assert_given_once(wix, since)
        assert len(list((tmp_path / "mail").glob("*.eml"))) == 1

    async def test_it_stays_held_while_wix_cannot_be_asked(self, wix: Shop, tmp_path: Path) -> None:
        daemon = configured(tmp_path, wix)
        async with running(daemon):
            await live(daemon)
            await back_up(daemon)
        await put_back(daemon)
        async with running(daemon):
            await until_logged(daemon, '"event": "reconciled"')
            await wix.fault("POST", "/loyalty", "status", status=503, times=0)
            assert "Nothing goes on, since Wix could not be asked" in await refused(daemon, "resume")
            (await wix.http.delete("/_sandbox/faults")).raise_for_status()
            await ordered(daemon, "resume")


async def _heard(daemon: Daemon, customer: Customer) -> bool:
    return bool(daemon.query(f"SELECT 1 FROM grants WHERE account_id = '{customer.account}'"))


class TestCopies:
    async def test_a_copy_elsewhere_waits_while_the_original_goes_on(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        daemon = configured(tmp_path / "original", wix)
        async with running(daemon):
            await live(daemon)
        copy = configured(tmp_path / "copy", wix)
        shutil.copyfile(tmp_path / "original" / "milestones.db", tmp_path / "copy" / "milestones.db")
        async with running(copy):
            assert HELD in copy.line
            assert "last used at another place" in copy.line
        async with running(copy):
            assert "last used at another place" in copy.line, "a restart does not end it"
            assert "The hold has ended." in await shown(copy, "resume", "--continued")
            await reach(copy, wix, customers.pop())
        async with running(copy):
            assert "HELD" not in copy.line
        async with running(daemon):
            assert "HELD" not in daemon.line, "the original has not moved"

    async def test_a_container_moves_with_its_database(self, wix: Shop, tmp_path: Path) -> None:
        daemon = configured(tmp_path / "original", wix)
        async with running(daemon):
            await live(daemon)
        moved = configured(tmp_path / "moved", wix, replace={"[wix]": "same_machine = false\n\n[wix]"})
        shutil.copyfile(tmp_path / "original" / "milestones.db", tmp_path / "moved" / "milestones.db")
        async with running(moved):
            assert "HELD" not in moved.line

    async def test_a_long_sleep_waits_for_a_person(self, wix: Shop, tmp_path: Path) -> None:
        daemon = configured(tmp_path, wix)
        async with running(daemon):
            await live(daemon)
        _sleep_of(daemon, timedelta(hours=7))
        async with running(daemon):
            assert HELD in daemon.line
            assert "The last sign of life is 7.0 hours old" in daemon.line
            assert logged(daemon, '"event": "held"', "milestones resume")
            await ordered(daemon, "resume", "--continued")
        async with running(daemon):
            assert "HELD" not in daemon.line

    async def test_a_second_daemon_on_the_same_file_is_refused_and_the_first_serves_on(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        daemon = configured(tmp_path, wix)
        async with running(daemon):
            await live(daemon)
            assert daemon.process is not None
            told = await refused(daemon, "run")
            assert f"is in use by process {daemon.process.pid}. Only one daemon" in told
            await reach(daemon, wix, customers.pop())


def _sleep_of(daemon: Daemon, span: timedelta) -> None:
    """As if its last sign of life were so long ago."""
    at = (datetime.now(UTC) - span).isoformat()
    with closing(sqlite3.connect(daemon.folder / "milestones.db")) as connection, connection:
        connection.execute(
            "UPDATE meta SET value = json_set(value, '$.at', ?) WHERE key = 'heartbeat'", (at,)
        )
    (daemon.folder / "milestones.db.beat").write_text(at)
