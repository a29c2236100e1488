"""The daemon as a child of a process that has imported it already: the same program, started in a fifth of the time.

Python needs a second or two to import the program. Tests that kill it a hundred times would do little else.
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest.mock import patch

from milestones.cli.app import main
from tests.process import DEADLINE, ROOT, Daemon

_CONTEXT = multiprocessing.get_context("forkserver")


def _prepare() -> None:
    """Start the process that children are made of, once. Its failure points are alive and nothing is armed."""
    _CONTEXT.set_forkserver_preload(["milestones.cli.run", "tests.crash.forked"])
    with patch.dict(os.environ, MILESTONES_FAILPOINT="@"):
        forkserver.ensure_running()


def _run(config: Path, environment: Mapping[str, str], log: Path) -> None:
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    for name in [name for name in os.environ if name.startswith("MILESTONES_")]:
        del os.environ[name]
    os.environ.update(environment)
    os.chdir(ROOT)
    sys.argv = ["milestones", "run", "-c", str(config)]
    main()


@dataclass
class ForkedDaemon(Daemon):
    """As ``Daemon``; only the way in which it is started differs."""

    child: BaseProcess | None = None

    @property
    def _told(self) -> list[str]:
        return (self.folder / "daemon.log").read_text().splitlines(keepends=True)

    async def start(self, **environment: str) -> None:
        """Start and wait until it serves; Wix is told its address."""
        _prepare()
        log = self.folder / "daemon.log"
        log.write_bytes(b"")
        secrets = {"WIX_APP_SECRET": self.shop.credentials["app_secret"]}
        told = {**secrets, **self.environment, **environment}
        self.child = _CONTEXT.Process(target=_run, args=(self.config, told, log), daemon=True)
        self.child.start()
        async with asyncio.timeout(DEADLINE):
            while not (serving := [line for line in self._told if "serves at http" in line]):
                if not self.child.is_alive():
                    raise AssertionError("".join(self._told))
                await asyncio.sleep(0.01)
        self.line = serving[0]
        self.address = self.line.partition("serves at ")[2].split()[0]
        hook = {"url": f"{self.address}/webhooks/wix"}
        (await self.shop.http.put("/_sandbox/webhook", json=hook)).raise_for_status()

    async def end(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; its exit code."""
        assert self.child is not None
        if self.child.is_alive():
            assert self.child.pid is not None
            os.kill(self.child.pid, with_signal)
        await self.died()
        assert self.child.exitcode is not None
        return self.child.exitcode

    async def died(self) -> None:
        """Wait for its end."""
        assert self.child is not None
        async with asyncio.timeout(DEADLINE):
            while self.child.is_alive():  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        self.log += self._told
