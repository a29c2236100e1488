"""The servers under measurement, each in a process of its own, as it would run: the echo, the Node handler, the daemon.

The daemon is the program itself, with its log, its figures and its outbox, which creates the coupons that are owed at
a simulated Wix in a process of its own.
"""

import asyncio
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from milestones.store import sites
from milestones.store.database import schema
from milestones.store.database.store import Store

REFERENCES = Path(__file__).parent / "references"

NODE_MODULES = Path(".venv") / "bench-node"
"""Where the Node reference is installed: with everything else that is installed, and gone with it."""

CONFIG = """
[daemon]
mode = "live"
listen = "127.0.0.1:0"
database = "sqlite:///bench.db"
templates = "{templates}"
timezone = "UTC"
socket = "bench.sock"
log = "json"

[wix]
sandbox = false
api_url = "{wix}"
app_id = "{app_id}"
app_secret = {{ file = "secret" }}
public_key = {{ file = "key.pem" }}
requests_per_minute = 100000

[[sites]]
name = "bench"
instance_id = "{instance_id}"

[mail]
transport = "folder"
folder = "mail"
sender = "Bench <bench@example.com>"

[policy]
breaker = {{ share = 1.0, floor = 1000000 }}
"""

MILESTONE = """
[[milestones]]
key = "stars-{threshold}"
title = "{threshold} stars"
measure = "balance"
threshold = {threshold}

[[milestones.rewards]]
coupon = {{ name = "10% off for {threshold} stars", percent_off = 10, scope = "stores", valid_for = "30d" }}
"""


@dataclass
class Server:
    """A server under measurement."""

    port: int
    process: int

    def cpu(self) -> float:
        """Seconds of CPU that the process has spent, user and system, all its threads."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> int:
        """Bytes that it holds in memory."""
        return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _started(
    command: list[str], folder: Path, **environment: str
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process and the first line that it prints."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}, cwd=folder
    ) as process:
        try:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], 60)
            line = process.stdout.readline() if ready else ""
            if not line:
                raise SystemExit(f"{' '.join(command)} did not start; what it said stands above.")
            yield process, line
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def echo(folder: Path) -> Iterator[Server]:
    """uvicorn on uvloop and httptools with one ASGI function."""
    here = {"PYTHONPATH": str(Path.cwd())}
    with _started([sys.executable, "-m", "bench.references.echo"], folder, **here) as (process, line):
        yield Server(int(line), process.pid)


def find_node() -> str | None:
    """Why the Node reference cannot run here; None where it can. Installs it at the first time."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return "there is no node with npm on the PATH"
    NODE_MODULES.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "handler.mjs"):
        shutil.copy(REFERENCES / name, NODE_MODULES / name)
    built = NODE_MODULES / "node_modules" / "better-sqlite3" / "build" / "Release" / "better_sqlite3.node"
    if not built.exists():
        print("Installing the Node reference (once, about a minute) ...", flush=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--no-package-lock"]
        if subprocess.run(command, cwd=NODE_MODULES, check=False).returncode or not built.exists():
            return "npm could not install it: the network, or a compiler for better-sqlite3, is missing"
    return None


@contextmanager
def node(folder: Path) -> Iterator[Server]:
    """Official SDK, express and better-sqlite3."""
    handler = NODE_MODULES.resolve() / "handler.mjs"
    with _started(["node", str(handler), str(folder)], folder) as (process, line):
        yield Server(int(line), process.pid)


@dataclass
class Wix:
    """The simulated Wix in a process of its own."""

    url: str
    credentials: dict[str, Any]

    def coupons(self) -> int:
        """How many it was asked to create and holds."""
        return len(_get(f"{self.url}/_sandbox/state?only=coupons")["coupons"])


@contextmanager
def simulated_wix(folder: Path) -> Iterator[Wix]:
    """Without customers, and without a limit on calls: the daemon's own pace is what is measured."""
    command = [sys.executable, "-m", "milestones", "sandbox", "--port", "0", "--customers", "0"]
    with _started(command, folder) as (process, line):
        assert process.stdout is not None
        serving = line if "http://" in line else process.stdout.readline()
        url = "http://" + serving.partition("http://")[2].split()[0].rstrip("/.;,")
        _send(f"{url}/_sandbox/settings", {"rate_limit_per_minute": 0, "recalculation_seconds": 0})
        yield Wix(url, _get(f"{url}/_sandbox/credentials"))


@contextmanager
def daemon(folder: Path, wix: Wix) -> Iterator[Server]:
    """The program, on a database whose site went live yesterday."""
    told = {name: wix.credentials[name] for name in ("app_id", "instance_id")}
    (folder / "secret").write_text(wix.credentials["app_secret"])
    templates = Path("templates").resolve()
    config = CONFIG.format(wix=wix.url, templates=templates, **told)
    config += "".join(MILESTONE.format(threshold=1000 * number) for number in range(1, 11))
    (folder / "config.toml").write_text(config)
    asyncio.run(_go_live(folder, wix.credentials["instance_id"]))
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("w"))
        command = [sys.executable, "-m", "milestones", "run", "--config", str(folder / "config.toml")]
        process = stack.enter_context(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        )
        stack.callback(_end, process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if "http://" not in line:
            raise SystemExit(f"The daemon did not start: {(folder / 'log').read_text()}")
        port = int(line.partition("http://")[2].split()[0].rpartition(":")[2])
        # It reads the site's accounts first, as at every start; that is not what is measured.
        time.sleep(1)
        yield Server(port, process.pid)


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)


async def _go_live(folder: Path, site_id: str) -> None:
    url = f"sqlite:///{folder / 'bench.db'}"
    await schema.prepare(url)
    store = await Store.open(url)
    yesterday = datetime.now(UTC) - timedelta(days=1)
    async with store.write() as tx:
        await sites.take_on(tx, site_id, "bench", yesterday)
        await sites.change(tx, site_id, baseline_done_at=yesterday)
    await store.close()


def _get(url: str) -> Any:
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def _send(url: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
