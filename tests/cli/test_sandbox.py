"""``milestones sandbox``."""

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx


async def started(*arguments: str) -> tuple[asyncio.subprocess.Process, str, str]:
    """The process, its first two lines, and the address in the second."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "milestones", "sandbox", *arguments, stdout=PIPE, stderr=PIPE
    )
    assert program.stdout is not None
    try:
        async with asyncio.timeout(60):
            greeting = (await program.stdout.readline() + await program.stdout.readline()).decode()
        return program, greeting, re.findall(r"http://\S+", greeting)[0]
    except BaseException:
        program.kill()
        raise


async def stopped(program: asyncio.subprocess.Process) -> str:
    """What it said on stderr, after a SIGTERM."""
    program.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        _, err = await program.communicate()
    assert program.returncode == 0
    return err.decode()


async def test_it_serves_says_how_to_stop_and_stops(tmp_path: Path) -> None:
    program, greeting, url = await started("--port", "0", "--customers", "12", "--seed", "7")
    try:
        async with httpx.AsyncClient(base_url=url) as http:
            credentials = (await http.get("/_sandbox/credentials")).json()
            state = (await http.get("/_sandbox/state")).json()
    finally:
        said = await stopped(program)
    assert "Ctrl-C stops it." in greeting
    assert "/_sandbox/credentials" in greeting
    assert credentials["app_id"]
    assert len(state["accounts"]) <= 12
    assert said == ""


async def test_a_configuration_gives_what_is_not_said(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        '[mail]\nsender = "s@example.com"\n[wix]\nsandbox = true\n[sandbox]\ncustomers = 3\nport = 1\n'
    )
    program, greeting, _ = await started("--port", "0", "--config", str(config))
    await stopped(program)
    assert "serves 3 customers" in greeting
