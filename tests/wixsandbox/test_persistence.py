import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from wixsandbox import shop
from wixsandbox.errors import SandboxError
from wixsandbox.persistence import REVISION_GAP
from wixsandbox.server import RunningSandbox, serve
from wixsandbox.settings import SandboxSettings, Switches
from wixsandbox.simulator import Sandbox

NO_KEY = '{"format": 1, "run": 0, "key": 5, "webhook_url": null}'


@asynccontextmanager
async def running(path: Path, webhook_url: str | None = None) -> AsyncIterator[RunningSandbox]:
    settings = SandboxSettings(
        port=0, customers=10, state_file=path, save_seconds=0.02, webhook_url=webhook_url,
        switches=Switches(query_lag_seconds=0),
    )  # fmt: skip
    async with serve(settings) as sandbox:
        yield sandbox


async def state(sandbox: RunningSandbox) -> dict[str, object]:
    async with httpx.AsyncClient(base_url=sandbox.base_url) as client:
        answer: dict[str, object] = (await client.get("/_sandbox/state")).json()
        return answer


def buy(sandbox: Sandbox) -> None:
    account = next(iter(sandbox.world.accounts))
    shop.purchase(sandbox.world, account, 1.0)


async def test_a_world_survives_an_orderly_restart_unchanged(tmp_path: Path) -> None:
    path = tmp_path / "var" / "wix.json"
    async with running(path) as first:
        buy(first.sandbox)
        before, credentials = await state(first), first.credentials
    assert not path.with_name("wix.json.open").exists()
    async with running(path) as second:
        assert await state(second) == before
        assert second.credentials == credentials
        assert second.sandbox.world.run == 1


async def test_after_an_unclean_end_revisions_jump_over_what_was_told(tmp_path: Path) -> None:
    path, copy = tmp_path / "wix.json", tmp_path / "copy.json"
    async with running(path) as first:
        saved = {one.id: one.revision for one in first.sandbox.world.accounts}
        shutil.copy(path, copy)
        shutil.copy(tmp_path / "wix.json.open", tmp_path / "copy.json.open")
        for _ in range(50):
            buy(first.sandbox)
        told = {one.id: one.revision for one in first.sandbox.world.accounts}
        ids = {one.id for one in first.sandbox.world.transactions}
    async with running(copy) as second:
        after = {one.id: one.revision for one in second.sandbox.world.accounts}
        assert after == {key: revision + REVISION_GAP for key, revision in saved.items()}
        assert all(after[key] > revision for key, revision in told.items())
        for _ in range(50):
            buy(second.sandbox)
        assert not ids & {one.id for one in second.sandbox.world.transactions}


async def test_two_unclean_ends_in_a_row_never_give_an_id_twice(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    seen: set[str] = set()
    for _ in range(3):
        work = tmp_path / "work.json"
        if path.exists():
            shutil.copy(path, work)
        async with running(work) as sandbox:
            if not path.exists():
                shutil.copy(work, path)
            buy(sandbox.sandbox)
            new = {one.id for one in sandbox.sandbox.world.transactions}
            mark = (tmp_path / "work.json.open").read_text()
        assert not seen & new
        seen |= new
        (tmp_path / "work.json.open").write_text(mark)


async def test_webhooks_that_wait_are_kept_with_their_bodies(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    async with running(path, "http://127.0.0.1:1/") as first:
        buy(first.sandbox)
        pending = first.sandbox.sender.pending
        assert pending >= 2
        first.sandbox.sender.lost = 3
    async with running(path) as second:
        assert second.sandbox.sender.url == "http://127.0.0.1:1/"
        assert second.sandbox.sender.lost == 3
        assert second.sandbox.sender.pending == pending


async def test_what_a_crash_left_half_written_is_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".wix.json.x7f3").write_text("{")
    (tmp_path / ".other.json.x7f3").write_text("{")
    async with running(tmp_path / "wix.json"):
        assert not (tmp_path / ".wix.json.x7f3").exists()
    assert (tmp_path / ".other.json.x7f3").exists()


async def test_a_webhook_that_a_stop_interrupts_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    asked = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        while await reader.read(1000):
            pass
        writer.close()

    receiver = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{receiver.sockets[0].getsockname()[1]}/"
    async with running(path, url) as first:
        buy(first.sandbox)
        await asyncio.wait_for(asked.wait(), 60)
        emitted = first.sandbox.world.emitted
    receiver.close()
    async with running(path) as second:
        assert second.sandbox.sender.pending == emitted >= 2


async def test_a_reset_is_saved_like_any_change(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    async with running(path) as sandbox:
        began = sandbox.sandbox.world
        sandbox.sandbox.reset(seed=9, customers=3)
        sandbox.sandbox.world.changes = began.changes + began.emitted - sandbox.sandbox.world.emitted
        async with asyncio.timeout(60):
            while json.loads(path.read_text())["seed"] != 9:  # noqa: ASYNC110 - the file has no event
                await asyncio.sleep(0.01)


async def test_an_end_that_cannot_be_saved_is_said_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    sandbox = running(path)
    await sandbox.__aenter__()
    path.unlink()
    path.mkdir()
    (path / "in the way").touch()
    with pytest.raises(SandboxError, match="cannot write its state file"):
        await sandbox.__aexit__(None, None, None)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "run": 0}', NO_KEY])
async def test_a_file_that_is_not_ours_is_said_in_a_sentence_and_left_alone(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "wix.json"
    path.write_text(content)
    with pytest.raises(SandboxError, match="cannot be used"):
        async with running(path):
            pytest.fail("that is no state file")
    assert path.read_text() == content


async def test_a_folder_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SandboxError, match="cannot write its state file"):
        async with running(tmp_path / "file" / "wix.json"):
            pytest.fail("that is no folder")


async def test_the_file_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    async with running(path):
        assert path.stat().st_mode & 0o077 == 0
    assert json.loads(path.read_text())["key"].startswith("-----BEGIN PRIVATE KEY-----")
    assert set(os.listdir(tmp_path)) == {"wix.json", "wix.json.lock"}  # noqa: PTH208 - the test may block


async def test_a_second_sandbox_on_one_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "wix.json"
    async with running(path) as first:
        with pytest.raises(SandboxError, match="Another sandbox is running on the state file"):
            async with running(path):
                pytest.fail("two sandboxes on one file")
        run = first.sandbox.world.run
    async with running(path) as again:
        assert again.sandbox.world.run == run + 1
