"""The daemon as a whole, in this process, on the simulated Wix."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from milestones import config
from milestones.app import daemon
from milestones.app.daemon import Daemon
from milestones.app.runtime import Program, opened
from milestones.config import Settings
from milestones.errors import StoreUnavailableError
from milestones.kinds.email.folder import FolderTransport
from milestones.store import sites
from tests.commands.shop import write_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = write_config(tmp_path / "shop")
    found.write_text(f"{found.read_text()}\n[sandbox]\nport = 0\ncustomers = 3\n")
    return found


@pytest.fixture
async def program(path: Path) -> AsyncIterator[Program]:
    with capture_logs():
        async with opened(config.load(path, {})) as found:
            yield found


@pytest.fixture
def running(path: Path, program: Program) -> Daemon:
    """One that does not serve yet, and reads the configuration anew for a reload."""
    return Daemon(program, lambda: config.load(path, {}))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def visit(running: Daemon, page: str = "/happenings") -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(running._app()), base_url="http://127.0.0.1:8080"
    ) as visitor:
        return await visitor.get(page)


async def test_a_reload_that_cannot_be_stored_changes_nothing(
    path: Path, program: Program, running: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = program.settings

    async def full(*_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    rewrite(path, "threshold = 1000", "threshold = 900")
    monkeypatch.setattr(sites, "define", full)
    with capture_logs() as logs, pytest.raises(StoreUnavailableError):
        await running.reload()
    assert program.settings is program.rules.settings is former
    (told,) = logs
    assert (told["event"], told["faults"]) == ("configuration_refused", ["The disk is full."])
    monkeypatch.undo()
    assert await running.reload() == program.settings.hash != former.hash


async def test_a_reload_is_read_beside_the_loop_and_one_at_a_time(path: Path, program: Program) -> None:
    loop = asyncio.get_running_loop()
    inside: list[int] = []
    most = 0

    def load() -> Settings:
        nonlocal most
        inside.append(1)
        most = max(most, len(inside))
        # Answered only while the loop goes on, as it must for webhooks.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(60)
        inside.pop()
        return config.load(path, {})

    running = Daemon(program, load)
    with capture_logs():
        assert set(await asyncio.gather(running.reload(), running.reload())) == {program.settings.hash}
    assert most == 1


async def test_pages_close_when_a_reload_opens_the_daemon_to_the_world(path: Path, running: Daemon) -> None:
    assert (await visit(running)).status_code == 200
    rewrite(path, "[daemon]", '[daemon]\npublic_url = "https://points.shop.example"')
    await running.reload()
    assert (await visit(running)).status_code == 403


async def test_pages_show_the_time_of_the_zone_in_force(path: Path, running: Daemon) -> None:
    assert "UTC" in (await visit(running)).text
    rewrite(path, 'timezone = "UTC"', 'timezone = "Asia/Tokyo"')
    await running.reload()
    assert "JST" in (await visit(running)).text


async def test_an_erasure_finds_mails_of_before_a_server_took_them(
    path: Path, program: Program, running: Daemon
) -> None:
    folder = program.settings.mail.folder
    await FolderTransport(folder).send(b"Dear Ada", message_id="<1@shop>", sender="", recipient="")
    rewrite(path, 'transport = "folder"', 'transport = "smtp"\nhost = "localhost"\ntls = "none"')
    await running.reload()
    (site_id,) = program.site_ids()
    for _ in range(2):
        await program.forget_mail(site_id, "<1@shop>")
        assert list(folder.iterdir()) == []


async def test_what_is_late_at_the_end_is_cut_short_and_said() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async def short() -> None:
        pass

    tasks = [asyncio.create_task(endless()), asyncio.create_task(short())]
    with capture_logs() as logs:
        await daemon._ended(tasks, asyncio.get_running_loop().time() + 0.05)
        await daemon._ended(tasks[1:], 0.0)
    await asyncio.wait(tasks)
    assert [task.cancelled() for task in tasks] == [True, False]
    assert [line["event"] for line in logs] == ["stopped_in_the_middle"]


@pytest.fixture
def path_of_two(path: Path) -> Path:
    """The second site's mail leaves only for one address."""
    other = (
        '[[sites]]\nname = "The Other Shop"\ninstance_id = "elsewhere"\nmail.only_to = ["me@example.com"]\n'
    )
    path.write_text(f"{path.read_text()}\n{other}")
    return path


async def test_the_first_line_says_of_which_site_mail_does_not_leave_for_everybody(path_of_two: Path) -> None:
    with capture_logs() as logs:
        async with opened(config.load(path_of_two, {})) as program:
            line = await Daemon(program, lambda: program.settings)._line("http://here")
    assert "mail of The Other Shop leaves only for me@example.com" in line
    assert "me@example.com" not in str(logs)
