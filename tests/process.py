"""The program and the sandbox as processes: started, asked, killed, and started again."""

import asyncio
import json
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from tests.ports import free_port
from tests.programs import DEADLINE, ROOT, Running, address, announced, ended, started

QUICK_SYNCS: Mapping[str, object] = {
    "milestones.kinds.external.channel.SHOWS_AFTER": timedelta(0),
    "milestones.maintenance.syncs.SETTLING": 0.1,
    "milestones.maintenance.syncs.IDLE": 0.3,
    "milestones.maintenance.syncs.TROUBLE": 0.3,
    "milestones.maintenance.syncs.BURST": 0.05,
}
"""For a daemon that looks at another program a hundred times as often."""

IMPATIENT: Mapping[str, object] = {
    "milestones.outbox.rest.REST": timedelta(seconds=2),
    "milestones.outbox.act.REST": timedelta(seconds=2),
    "milestones.kinds.email.refusals.SECOND_LOOKS": (timedelta(seconds=1),) * 5,
}
"""Constants of a daemon whose channels rest, and whose refused mails wait, for moments: a test waits for the end of it."""


async def until(true: Callable[[], Awaitable[bool]], what: str, seconds: float = DEADLINE) -> None:
    """Poll until something holds. The sleep only spares the machine: the condition decides."""
    end = time.monotonic() + seconds
    while not await true():
        assert time.monotonic() < end, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.05)


@dataclass
class Shop:
    """A running sandbox."""

    process: Running
    http: httpx.AsyncClient
    credentials: Mapping[str, str]
    daemons: list[Running] = field(default_factory=list)

    async def state(self, *only: str) -> dict[str, Any]:
        """The sandbox's own books, or those that are named: the whole is large."""
        answer = await self.http.get("/_sandbox/state", params={"only": ",".join(only)} if only else {})
        return dict(answer.raise_for_status().json())

    async def settings(self, **changes: Any) -> None:
        (await self.http.post("/_sandbox/settings", json=changes)).raise_for_status()

    async def fault(self, method: str, path: str, effect: str, **more: Any) -> None:
        fault = {"match": {"method": method, "path": path}, "effect": effect, "times": 1, **more}
        (await self.http.post("/_sandbox/faults", json=fault)).raise_for_status()

    async def traffic(self, earn_per_second: float, seconds: float, redeem_share: float = 0.0) -> None:
        order = {"earn_per_second": earn_per_second, "seconds": seconds, "redeem_share": redeem_share}
        (await self.http.post("/_sandbox/traffic", json=order)).raise_for_status()

    async def quiet(self) -> bool:
        """Whether every event was delivered."""
        return bool((await self.state("events"))["events"]["pending"] == 0)

    async def token(self) -> str:
        """A token such as the program uses, for calls that a test makes itself."""
        wanted = {
            "grant_type": "client_credentials",
            "client_id": self.credentials["app_id"],
            "client_secret": self.credentials["app_secret"],
            "instance_id": self.credentials["instance_id"],
        }
        return str((await self.http.post("/oauth2/token", json=wanted)).json()["access_token"])

    async def adjust(self, account_id: str, balance: int) -> None:
        """Set a balance, as somebody in the shop would."""
        headers = {"Authorization": await self.token()}
        path = f"/loyalty-accounts/v1/accounts/{account_id}"
        account = (await self.http.get(path, headers=headers)).json()["account"]
        body = {"balance": balance, "description": "by hand", "revision": account["revision"]}
        (await self.http.post(f"{path}/adjust-points", headers=headers, json=body)).raise_for_status()


@asynccontextmanager
async def shop(folder: Path, *, customers: int = 200, seed: int = 1, **settings: Any) -> AsyncIterator[Shop]:
    """The sandbox as a process of its own, so that killing the daemon does not touch it."""
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    config = folder / "sandbox.toml"
    config.write_text(
        '[mail]\nsender = "shop@example.com"\n[wix]\nsandbox = true\n[[sites]]\nname = "main"\n[sandbox]\n'
        + "\n".join(lines)
    )
    command = [
        "sandbox",
        "--port",
        "0",
        "--customers",
        str(customers),
        "--seed",
        str(seed),
        "-c",
        str(config),
    ]
    process = await started(command, {})
    found: Shop | None = None
    try:
        base_url = address(await announced(process, "http://"))
        async with httpx.AsyncClient(base_url=base_url, timeout=30) as http:
            credentials = (await http.get("/_sandbox/credentials")).json()
            await http.post("/_sandbox/settings", json={"rate_limit_per_minute": 0})
            found = Shop(process, http, credentials)
            yield found
    finally:
        # A test that failed leaves its daemon running.
        for daemon in found.daemons if found is not None else []:
            await ended(daemon, signal.SIGKILL)
        await ended(process, signal.SIGTERM)


@dataclass
class Daemon:
    """``milestones run`` on a shop, with a folder of its own. ``start`` and ``kill`` as often as you like.

    database: a PostgreSQL URL; without one, a SQLite file in the folder. fresh, behind, constants: see ``started``.
    """

    folder: Path
    shop: Shop
    environment: dict[str, str] = field(default_factory=dict)
    database: str = "sqlite:///milestones.db"
    fresh: bool = False
    behind: Sequence[str] = ()
    constants: Mapping[str, object] = field(default_factory=dict)
    line: str = ""
    process: Running | None = None
    address: str = ""
    log: list[str] = field(default_factory=list)
    _reading: asyncio.Task[None] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    def configure(self, milestones: str, **sections: str) -> None:
        """Write the configuration; ``sections`` are added to or replace those of ``_BASE``."""
        told = self.shop.credentials
        (self.folder / "key.pem").write_text(told["public_key"])
        base = _BASE.format(
            api_url=str(self.shop.http.base_url).rstrip("/"),
            app_id=told["app_id"],
            instance_id=told["instance_id"],
            templates=ROOT / "templates",
            port=free_port(),
            database=self.database,
        )
        self.config.write_text(base + milestones + "".join(f"\n[{k}]\n{v}\n" for k, v in sections.items()))

    async def start(self, **environment: str) -> None:
        """Start and wait until it serves; Wix is told its new address."""
        secrets = {"WIX_APP_SECRET": self.shop.credentials["app_secret"]}
        self.process = await started(
            ["run", "-c", str(self.config)],
            {**secrets, **self.environment, **environment},
            fresh=self.fresh,
            behind=self.behind,
            constants=self.constants,
        )
        self.shop.daemons.append(self.process)
        self._reading = asyncio.create_task(self._read_log(self.process))
        try:
            self.line = await announced(self.process, "http://")
            self.address = address(self.line)
        except AssertionError as error:
            await self._reading
            raise AssertionError("".join(self.log)) from error
        hook = {"url": f"{self.address}/webhooks/wix"}
        (await self.shop.http.put("/_sandbox/webhook", json=hook)).raise_for_status()

    async def _read_log(self, process: Running) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self.log.append(line.decode())

    async def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(with_signal)
        async with asyncio.timeout(DEADLINE):
            code = await self.process.wait()
        if self._reading is not None:
            await self._reading
        return code

    async def kill(self) -> None:
        """SIGKILL: nothing of it is finished."""
        await self.end(signal.SIGKILL)

    async def died(self) -> None:
        """Wait for a process that a failure point kills."""
        assert self.process is not None
        async with asyncio.timeout(DEADLINE):
            await self.process.wait()
        if self._reading is not None:
            await self._reading

    async def is_frozen(self) -> bool:
        """Whether it is stopped (SIGSTOP), as a failure point of the form ``name stop`` does."""
        assert self.process is not None
        return _state(self.process.pid) in "Tt"

    async def command(self, *arguments: str) -> tuple[int, str, str]:
        """Another command on the same configuration: exit code, stdout, stderr."""
        secrets = {"WIX_APP_SECRET": self.shop.credentials["app_secret"]}
        process = await started(
            [*arguments, "-c", str(self.config)],
            {**secrets, **self.environment},
            fresh=self.fresh,
            behind=self.behind,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def settled(self) -> bool:
        """Whether Wix has told everything and nothing is under way or due."""
        return await self.shop.quiet() and not self.query(
            "SELECT 1 FROM actions WHERE state IN ('available', 'running') LIMIT 1"
        )

    def query(self, sql: str) -> list[Any]:
        """Read the daemon's database beside it."""
        if not self.database.startswith("sqlite"):
            with psycopg.connect(self.database) as connection:
                return connection.execute(sql.encode()).fetchall()
        with closing(
            sqlite3.connect(f"file:{self.folder / 'milestones.db'}?mode=ro", uri=True)
        ) as connection:
            return connection.execute(sql).fetchall()


def _state(pid: int) -> str:
    """One letter, as the system tells it: R runs, S sleeps, T is stopped ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


_BASE = """\
[daemon]
mode = "live"
listen = "127.0.0.1:{port}"
database = "{database}"
templates = "{templates}"
socket = "milestones.sock"

[wix]
api_url = "{api_url}"
app_id = "{app_id}"
app_secret = {{ env = "WIX_APP_SECRET" }}
public_key = {{ file = "key.pem" }}
requests_per_minute = 100000
query_lag = "2s"

[[sites]]
name = "main"
instance_id = "{instance_id}"

[mail]
transport = "folder"
folder = "mail"
sender = "The Corner Shop <hello@example.com>"

[policy]
breaker = {{ share = 1.0, floor = 100000 }}

[scan]
every = "1h"
lag = "1m"
"""

STARS = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[[milestones.rewards]]
coupon = { name = "For 1,000 stars", percent_off = 10, scope = "stores" }

[[milestones.rewards]]
badge = { title = "Star customer", create = true }

[[milestones.rewards]]
email = "milestone-reached"
"""
