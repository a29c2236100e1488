"""The daemon as a whole, in this process, on the simulated Wix."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from milestones import config
from milestones.app import daemon
from milestones.app.build import open_runtime
from milestones.app.daemon import Daemon
from milestones.app.runtime import Runtime
from milestones.config import Settings
from milestones.domain import keys
from milestones.domain.keys import Claim
from milestones.errors import ConfigurationError, StoreUnavailableError
from milestones.kinds.email.folder import FolderTransport
from milestones.store import sites
from tests.ingest import tokens
from tests.shop import write_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = write_config(tmp_path / "shop")
    found.write_text(f"{found.read_text()}\n[sandbox]\nport = 0\ncustomers = 3\n")
    return found


@pytest.fixture
async def runtime(path: Path) -> AsyncIterator[Runtime]:
    with capture_logs():
        async with open_runtime(config.load(path, {})) as found:
            yield found


@pytest.fixture
def running(path: Path, runtime: Runtime) -> Daemon:
    """One that does not serve yet, and reads the configuration anew for a reload."""
    return Daemon(runtime, lambda: config.load(path, {}))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


async def visit(running: Daemon, page: str = "/happenings") -> httpx.Response:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(running._app()), base_url="http://127.0.0.1:8080"
    ) as visitor:
        return await visitor.get(page)


async def test_a_callback_that_is_mistyped_is_a_notice_on_the_page(running: Daemon, runtime: Runtime) -> None:
    runtime.wix.public_key = tokens.private_key().public_key()
    app = httpx.ASGITransport(running._app())
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8080") as peer:
        for forged in (b"no webhook", tokens.token({}, tokens.private_key("another"))):
            await peer.post("/webhook/wix", content=forged)
        assert running.mistyped_callbacks() == 0
        assert "Correct the callback" not in (await visit(running)).text
        assert (await peer.post("/webhook/wix", content=tokens.genuine(b"[]"))).status_code == 200
    assert running.mistyped_callbacks() == 1
    assert "Correct the callback in Wix" in (await visit(running)).text


async def test_a_reload_that_cannot_be_stored_changes_nothing(
    path: Path, runtime: Runtime, running: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = runtime.settings

    async def full(*_: object) -> None:
        raise StoreUnavailableError("The disk is full.")

    rewrite(path, "threshold = 1000", "threshold = 900")
    monkeypatch.setattr(sites, "define", full)
    with capture_logs() as logs, pytest.raises(StoreUnavailableError):
        await running.reload()
    assert runtime.settings is former
    (told,) = logs
    assert (told["event"], told["faults"]) == ("configuration_refused", ["The disk is full."])
    monkeypatch.undo()
    assert await running.reload() == runtime.settings.hash != former.hash


def _drop(path: Path, written: str) -> None:
    """What the file says already of the key that is to be written."""
    key = written.rpartition("\n")[2].split(" ")[0]
    if "\n" in written:
        lines = path.read_text().splitlines()
        path.write_text("\n".join(line for line in lines if not line.startswith(f"{key} =")))


def _in_force(running: Daemon) -> list[object]:
    runtime = running.runtime
    assembly = runtime.assembly
    jobs = [(job.id, str(job.trigger)) for job in running.scanning.timetable._scheduler.get_jobs()]
    return [
        runtime.settings,
        runtime.wix.public_key,
        assembly._catalogue,
        dict(assembly._parts),
        running._access,
        jobs,
    ]


BREAKS = {
    "keys": ("milestones.app.reload.read_public_key", ConfigurationError(["wix.public_key: is broken"])),
    "templates": ("milestones.app.reload.Catalogue", ConfigurationError(["templates: are broken"])),
    "mail": ("milestones.app.assembly._carrier", ConfigurationError(["mail: cannot be made"])),
    "credentials": ("milestones.app.assembly.Assembly._credentials", ConfigurationError(["sites: no key"])),
    "pages": ("milestones.app.web.read_access", ConfigurationError(["daemon.password_file: is broken"])),
    "definitions": ("milestones.store.sites.define", StoreUnavailableError("The disk is full.")),
    "timetable": (
        "milestones.store.scans.find_last_finished",
        StoreUnavailableError("The database is gone."),
    ),
}


@pytest.mark.parametrize("what", BREAKS)
async def test_whatever_cannot_be_built_nothing_of_a_refused_configuration_is_in_force(
    path: Path, runtime: Runtime, running: Daemon, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    (site_id,) = runtime.site_ids
    runtime.assembly.parts(site_id)
    running.scanning.timetable.start()
    await running.scanning.reschedule()
    before, asked = _in_force(running), []
    place, error = BREAKS[what]

    def breaks(*_args: object, **_more: object) -> object:
        asked.append(_in_force(running) == before)
        raise error

    # On the sandbox the key is its own; what is tried here is that of a real Wix.
    monkeypatch.setattr(runtime.wix, "sandbox", None if what == "keys" else runtime.wix.sandbox)
    monkeypatch.setattr(place, breaks)
    rewrite(path, "threshold = 1000", "threshold = 500")
    rewrite(path, 'transport = "folder"', 'transport = "smtp"\nhost = "localhost"\ntls = "none"')
    with capture_logs() as logs, pytest.raises(type(error)):
        await running.reload()
    monkeypatch.undo()
    assert asked == [True], "and not for a moment"
    assert _in_force(running) == before
    assert [line["event"] for line in logs] == ["configuration_refused"]
    async with runtime.store.read() as tx:
        site = await sites.find_site(tx, site_id)
    assert site is not None
    assert site.definitions == 1, "no definition was added"
    await running.reload()
    assert _in_force(running) != before
    running.scanning.timetable.stop()


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[daemon]", '[daemon]\nlisten = "127.0.0.1:1"', "daemon.listen"),
        ("[daemon]", '[daemon]\nsocket = "elsewhere.sock"', "daemon.socket"),
        ("[daemon]", '[daemon]\nlog = "json"', "daemon.log"),
        ("customers = 3", "customers = 4", "sandbox"),
    ],
)
async def test_what_is_read_at_the_start_only_says_so(
    path: Path, running: Daemon, old: str, new: str, key: str
) -> None:
    before = _in_force(running)
    _drop(path, new)
    rewrite(path, old, new)
    with pytest.raises(ConfigurationError, match=f"{key}: was changed, and is read at the start only"):
        await running.reload()
    assert _in_force(running) == before


async def test_a_reload_is_read_beside_the_loop_and_one_at_a_time(path: Path, runtime: Runtime) -> None:
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

    running = Daemon(runtime, load)
    with capture_logs():
        assert set(await asyncio.gather(running.reload(), running.reload())) == {runtime.settings.hash}
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


RULES = """
[[earn]]
name = "webinar"
preset = "bearer"
points = 20
email = "mail"
signature.secret = { file = "word" }

[[earn]]
name = "follow-us"
points = 50
claim = { url = "https://network.example/us", title = "Follow us" }
"""


async def test_rules_for_events_and_links_hold_from_a_reload_on_and_no_longer_when_they_are_removed(
    path: Path, runtime: Runtime, running: Daemon
) -> None:
    token = keys.claim_token(runtime.rules.secret, Claim("follow-us", "account", date(2999, 1, 1)))
    for name in ("word", "another"):
        (path.parent / name).write_text(name)
    app = httpx.ASGITransport(running._app())
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8080") as peer:

        async def answers(secret: str) -> tuple[int, int]:
            headers = {"Authorization": f"Bearer {secret}"}
            event = await peer.post("/webhooks/in/webinar", content=b"{}", headers=headers)
            return event.status_code, (await peer.get(f"/e/{token}")).status_code

        assert await answers("word") == (404, 410)
        rewrite(path, "[sandbox]", f"{RULES}[sandbox]")
        await running.reload()
        assert (await answers("word"), await answers("another")) == ((200, 200), (401, 200))
        rewrite(path, 'file = "word"', 'file = "another"')
        await running.reload()
        assert (await answers("word"), await answers("another")) == ((401, 200), (200, 200))
        rewrite(path, RULES.replace('file = "word"', 'file = "another"'), "")
        await running.reload()
        assert await answers("another") == (404, 410)


async def test_the_bounds_of_the_api_hold_from_a_reload_on(path: Path, running: Daemon) -> None:
    app, wrong = httpx.ASGITransport(running._app()), {"Authorization": "Bearer wrong"}
    async with httpx.AsyncClient(transport=app, base_url="http://127.0.0.1:8080") as peer:

        async def tries() -> list[int]:
            return [(await peer.get("/api/v1/status", headers=wrong)).status_code for _ in range(3)]

        assert await tries() == [401, 401, 401]
        rewrite(path, "[sandbox]", "[api]\nwrong_tokens_per_minute = 1\n[sandbox]")
        await running.reload()
        assert 429 in await tries()


async def test_an_erasure_finds_mails_of_before_a_server_took_them(
    path: Path, runtime: Runtime, running: Daemon
) -> None:
    folder = runtime.settings.mail.folder
    await FolderTransport(folder).send(b"Dear Ada", message_id="<1@shop>", sender="", recipient="")
    rewrite(path, 'transport = "folder"', 'transport = "smtp"\nhost = "localhost"\ntls = "none"')
    await running.reload()
    (site_id,) = runtime.site_ids
    for _ in range(2):
        await runtime.forget_mail(site_id, "<1@shop>")
        assert list(folder.iterdir()) == []


async def test_what_is_late_at_the_end_is_cut_short_and_said() -> None:
    async def endless() -> None:
        await asyncio.Event().wait()

    async def short() -> None:
        pass

    tasks = [asyncio.create_task(endless()), asyncio.create_task(short())]
    with capture_logs() as logs:
        await daemon._wait_for(tasks, asyncio.get_running_loop().time() + 0.05)
        await daemon._wait_for(tasks[1:], 0.0)
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
        async with open_runtime(config.load(path_of_two, {})) as runtime:
            line = await Daemon(runtime, lambda: runtime.settings)._line("http://here")
    assert "mail of The Other Shop leaves only for me@example.com" in line
    assert "me@example.com" not in str(logs)


async def test_a_drain_works_by_the_mode_in_force_from_the_moment_of_the_reload(
    path: Path, runtime: Runtime, running: Daemon
) -> None:
    [site_id] = runtime.site_ids
    assert not runtime.assembly.parts(site_id).work.shadow
    rewrite(path, 'mode = "live"', 'mode = "shadow"')
    await running.reload()
    assert runtime.assembly.parts(site_id).work.shadow
    assert await runtime.engine.drain(site_id) is None


SMILE = '\n[[external]]\nname = "smile"\npreset = "smile"\nbase_url = "http://127.0.0.1:{}"\n'


@pytest.mark.parametrize("after", ["", SMILE.format(2)], ids=["it is taken out", "it is described anew"])
async def test_a_reload_ends_the_turn_with_a_program_as_it_was(
    path: Path, runtime: Runtime, after: str
) -> None:
    running = Daemon(runtime, lambda: config.load(path, {"SMILE_API_KEY": "x"}))
    rewrite(path, "\n[sandbox]", f"{SMILE.format(1)}\n[sandbox]")
    await running.reload()
    (site_id,) = runtime.site_ids
    work = running.sync_work(site_id, "smile")
    await running.reload()
    assert not work.stopping()
    running._turns.reloaded.clear()
    rewrite(path, SMILE.format(1), after)
    await running.reload()
    assert work.stopping()
    assert running._turns.reloaded.is_set()
    assert [name for _, name in running._turns.get_works()] == ["smile"] * bool(after)
