"""What the end-to-end tests stand on: a daemon with a folder of its own, watched for tracebacks."""

import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.crash.customers import Customer, strangers
from tests.process import STARS, Daemon, Shop, shop, until
from tests.programs import DEADLINE


def configured(
    folder: Path, wix: Shop, milestones: str = STARS, replace: Mapping[str, str] | None = None
) -> Daemon:
    """A daemon that was not started. replace: parts of the configuration, and what stands there instead."""
    folder.mkdir(parents=True, exist_ok=True)
    daemon = Daemon(folder, wix)
    daemon.configure(milestones)
    rewrite(daemon, replace or {})
    return daemon


def by_smtp(port: int) -> dict[str, str]:
    """What to replace in a configuration so that mail goes to a server on this machine."""
    smtp = f'transport = "smtp"\nhost = "127.0.0.1"\nport = {port}\ntls = "none"'
    return {'transport = "folder"\nfolder = "mail"': smtp}


def rewrite(daemon: Daemon, replace: Mapping[str, str]) -> None:
    """Edit the configuration file."""
    text = daemon.config.read_text()
    for old, new in replace.items():
        assert old in text, f"{old!r} is not in the configuration"
        text = text.replace(old, new)
    daemon.config.write_text(text)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wix(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    """A shop whose Wix tells everything at once."""
    async with shop(tmp_path_factory.mktemp("wix"), customers=300, seed=3, time_scale=3600.0) as found:
        await found.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def customers(wix: Shop) -> list[Customer]:
    """Customers far from the milestone who agreed to mail; every test takes its own off the end."""
    return await strangers(wix)


async def coupons(wix: Shop) -> int:
    """How many there are in the sandbox's own books."""
    return len((await wix.state("coupons"))["coupons"])


@asynccontextmanager
async def running(daemon: Daemon, **environment: str) -> AsyncIterator[Daemon]:
    """The daemon from its start to its end, which must be clean, and without a traceback in all it said."""
    await daemon.start(**environment)
    try:
        yield daemon
    except BaseException:
        await daemon.end(signal.SIGKILL)
        raise
    assert await daemon.end() == 0
    assert_calm("".join(daemon.log))


def assert_calm(output: str) -> None:
    assert "Traceback" not in output, output
    assert "fault of the program" not in output, output


async def live(daemon: Daemon) -> None:
    """Wait for the first scans."""

    async def scanned() -> bool:
        done = daemon.query("SELECT DISTINCT kind FROM scans WHERE state = 'finished'")
        return {kind for (kind,) in done} >= {"baseline", "reached", "near"}

    await until(scanned, "the first scans")


async def settled(daemon: Daemon, seconds: float = DEADLINE) -> None:
    """Wait until Wix has told everything and nothing is due."""
    try:
        await until(daemon.settled, "everything is told and done", seconds)
    except AssertionError as error:
        rows = daemon.query("SELECT id, kind, state, verdict, available_at, error FROM actions")
        raise AssertionError("\n".join([*map(str, rows[-20:]), *daemon.log[-20:]])) from error


def logged(daemon: Daemon, *parts: str) -> bool:
    """Whether one line of the log holds all of this."""
    return any(all(part in line for part in parts) for line in daemon.log)


async def until_logged(daemon: Daemon, *parts: str) -> None:
    async def found() -> bool:
        return logged(daemon, *parts)

    await until(found, f"the log says {parts}")


async def ready(daemon: Daemon) -> dict[str, Any]:
    """What ``/readyz`` answers."""
    async with httpx.AsyncClient() as http:
        return dict((await http.get(f"{daemon.address}/readyz")).json())


async def ordered(daemon: Daemon, *arguments: str) -> str:
    """A command that must succeed: what it prints."""
    code, out, err = await daemon.command(*arguments)
    assert code == 0, out + err
    assert_calm(out + err)
    return out


async def refused(daemon: Daemon, *arguments: str, code: int = 1) -> str:
    """A command that must fail with this exit code: what it says, on stderr alone and not as a traceback."""
    told, out, err = await daemon.command(*arguments)
    assert told == code, out + err
    assert_calm(out + err)
    assert err.strip()
    return err
