"""What the machine does wrong while the daemon runs: a wrong key, clock or disk. It says so and goes on by itself."""

import asyncio
import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.crash.customers import Customer
from tests.e2e.floor import (
    configured,
    coupons,
    customers,
    live,
    ordered,
    refused,
    running,
    settled,
    until_logged,
    wix,
)
from tests.ingest import tokens
from tests.process import Daemon, Shop, until

__all__ = ["customers", "wix"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("bad_machine"),
    pytest.mark.slow,
]


class TestWrongKeyAndClock:
    async def test_events_are_refused_and_told_why_and_nothing_is_lost(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        made = await coupons(wix)
        daemon = configured(tmp_path, wix)
        (tmp_path / "key.pem").write_text(tokens.pem(tokens.private_key()))
        async with running(daemon):
            await live(daemon)
            await wix.adjust(customers.pop().account, 1010)
            await until_logged(daemon, "webhook_refused", '"status": 401', "the key is that of another app")
            assert await coupons(wix) == made
            now = int(time.time())
            for issued, part in (
                (now + 3600, "clock looks wrong (slow)"),
                (now - 400_000, "looks wrong (fast)"),
            ):
                skewed = {**tokens.claims("wix.of.no.interest", {}), "iat": issued, "exp": issued + 300_000}
                answer = await _post(daemon, tokens.token(skewed))
                assert answer.status_code == 401
                assert part in answer.text
        (tmp_path / "key.pem").write_text(wix.credentials["public_key"])
        async with running(daemon):
            await settled(daemon)
        assert await coupons(wix) == made + 1

    async def test_a_wrong_secret_is_told_and_the_first_reading_goes_on_once_it_is_right(
        self, wix: Shop, tmp_path: Path
    ) -> None:
        daemon = configured(tmp_path, wix)
        async with running(daemon, WIX_APP_SECRET="of another app"):
            await until_logged(daemon, "scan_stopped", '"kind": "baseline"', "check app_id and app_secret")
        async with running(daemon):
            await live(daemon)


async def _post(daemon: Daemon, body: bytes) -> httpx.Response:
    async with httpx.AsyncClient() as http:
        return await http.post(f"{daemon.address}/webhooks/wix", content=body)


SMALL_DISK = ("unshare", "--user", "--map-root-user", "--mount")
MOUNT = 'mount -t tmpfs -o size=6m tmpfs "$0" && exec "$@"'


async def _can_have_a_small_disk(folder: Path) -> bool:
    """Where processes may have mounts of their own; such a mount is gone with its process."""
    if shutil.which("unshare") is None:
        return False
    trial = await asyncio.create_subprocess_exec(*SMALL_DISK, "sh", "-c", MOUNT, str(folder), "true")
    return await trial.wait() == 0


class TestDisk:
    async def test_a_full_disk_refuses_events_and_the_daemon_goes_on_when_there_is_room(
        self, wix: Shop, customers: list[Customer], tmp_path: Path
    ) -> None:
        disk = tmp_path / "disk"
        disk.mkdir()
        if not await _can_have_a_small_disk(disk):
            pytest.skip("This system lets nobody mount a disk of their own.")
        daemon = configured(
            tmp_path, wix, replace={"sqlite:///milestones.db": "sqlite:///disk/milestones.db"}
        )
        daemon.behind = (*SMALL_DISK, "sh", "-c", MOUNT, str(disk))
        made = await coupons(wix)
        async with running(daemon):
            await until_logged(daemon, "scan_finished", '"kind": "near"')
            assert daemon.process is not None
            ballast = Path(f"/proc/{daemon.process.pid}/root{disk}/ballast")
            _fill_up(ballast)
            await wix.adjust(customers.pop().account, 1010)
            await until_logged(daemon, "events_not_stored", "the disk is full; make room, nothing was lost")
            await until_logged(daemon, "webhook_refused", '"status": 503')
            async with httpx.AsyncClient(base_url=daemon.address) as http:
                assert (await http.get("/healthz")).status_code == 200
            daemon.behind = ()
            assert "the disk is full" in await refused(daemon, "pause")
            assert await coupons(wix) == made
            _make_room(ballast)
            await until(lambda: _has(wix, made + 1), "the coupon of the event that came again")
            await until_logged(daemon, '"kind": "email"', '"state": "done"')

    @pytest.mark.parametrize("what", ["file", "folder"])
    async def test_what_may_not_be_written_is_a_sentence(self, wix: Shop, tmp_path: Path, what: str) -> None:
        daemon = configured(tmp_path / "shop", wix)
        await ordered(daemon, "db", "upgrade")
        daemon.behind = _without_privileges()
        path = tmp_path / "shop" / "milestones.db"
        before = path.read_bytes()
        path.chmod(0o444)
        if what == "folder":
            path.with_name("milestones.db.lock").unlink()
            path.parent.chmod(0o555)
        try:
            for command in ("run", "pause"):
                told = await refused(daemon, command)
                assert "read-only for this user" in told or "may be written by this user" in told
        finally:
            path.parent.chmod(0o755)
        assert path.read_bytes() == before


def _fill_up(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def _make_room(ballast: Path) -> None:
    ballast.unlink()


async def _has(wix: Shop, number: int) -> bool:
    return await coupons(wix) == number


def _without_privileges() -> tuple[str, ...]:
    """Root may write everywhere; without two of its capabilities it is a user like any other."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("Root needs setpriv to be refused anything.")
    return ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--")
