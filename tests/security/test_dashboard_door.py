"""Beyond this machine the running daemon shows nothing until there is a password, and then to who knows it."""

import asyncio
import base64
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.process import STARS, Daemon, shop

PUBLIC = {"host": "points.shop.example"}
GOOD = "three quiet otters"
PAGES = ("/", "/happenings", "/mails/x", "/mails/x/html")


@pytest.fixture
async def daemon(tmp_path: Path) -> AsyncIterator[Daemon]:
    """One that listens on every address of the machine, under a public name."""
    async with shop(tmp_path, customers=5) as wix:
        running = Daemon(tmp_path, wix)
        running.configure(STARS)
        text = running.config.read_text().replace('listen = "127.0.0.1', 'listen = "0.0.0.0')
        public = '[daemon]\npublic_url = "https://points.shop.example"\npassword_file = "password"'
        running.config.write_text(text.replace("[daemon]", public))
        await running.start()
        yield running
        await running.end()


async def set_password(daemon: Daemon, text: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "milestones", "password", "-c", str(daemon.config)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    await process.communicate(f"{text}\n".encode())
    assert process.returncode == 0


def knowing(text: str) -> dict[str, str]:
    return {**PUBLIC, "authorization": "Basic " + base64.b64encode(f"me:{text}".encode()).decode()}


async def statuses(daemon: Daemon, headers: dict[str, str]) -> set[int]:
    """What the pages answer. A mail that there is not is 404, and only to who may look."""
    async with httpx.AsyncClient(base_url=daemon.address, timeout=30) as client:
        return {(await client.get(page, headers=headers)).status_code for page in PAGES}


async def test_the_pages_open_when_a_password_is_set_and_close_to_a_former_one(daemon: Daemon) -> None:
    assert any("pages_closed" in line and "milestones password" in line for line in daemon.log)
    assert await statuses(daemon, PUBLIC) == {403}
    assert await statuses(daemon, {}) == {403}, "also to this machine, which a proxy may be"
    assert await statuses(daemon, knowing(GOOD)) == {403}
    await set_password(daemon, GOOD)
    assert await statuses(daemon, PUBLIC) == {401}
    assert await statuses(daemon, knowing("three quiet others")) == {401}
    assert await statuses(daemon, knowing(GOOD)) == {200, 404}
    await set_password(daemon, "another good one")
    assert await statuses(daemon, knowing(GOOD)) == {401}
    assert await statuses(daemon, knowing("another good one")) == {200, 404}
    (daemon.folder / "password").chmod(0o644)
    assert await statuses(daemon, knowing("another good one")) == {403}
    assert "otters" not in "".join(daemon.log)
    assert "good one" not in "".join(daemon.log)


async def test_what_wix_customers_and_machines_need_is_open_all_the_same(daemon: Daemon) -> None:
    async with httpx.AsyncClient(base_url=daemon.address, headers=PUBLIC) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200
        assert (await client.get("/u/nobodys.token")).status_code == 404
        assert (await client.post("/webhooks/wix", content=b"nonsense")).status_code == 401


async def test_a_password_file_that_others_can_read_keeps_the_daemon_from_starting(daemon: Daemon) -> None:
    await daemon.end()
    await set_password(daemon, GOOD)
    (daemon.folder / "password").chmod(0o644)
    with pytest.raises(AssertionError, match="chmod 600"):
        await daemon.start()
