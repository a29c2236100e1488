"""The program as a process: started, and what it says first."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.forks import ForkedProcess, fork

Running = Process | ForkedProcess


ROOT = Path(__file__).parent.parent


DEADLINE = 120.0
"""Seconds after which a state is not waited for any more: so many that a slow machine reaches it too."""


async def started(
    arguments: list[str],
    environment: Mapping[str, str],
    cwd: Path = ROOT,
    *,
    fresh: bool = False,
    behind: Sequence[str] = (),
    constants: Mapping[str, object] | None = None,
) -> Running:
    """``milestones`` with these arguments, and of the environment's own settings only those that are given here.

    It is forked from a process that has imported it, which takes a tenth of the time. fresh: it gets an interpreter of
    its own, where its start is the point. behind: as that, and run by another program. constants: see ``fork``.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MILESTONES_")}
    told = {**clean, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT), **environment}
    if not fresh and not behind:
        return await fork(arguments, told, cwd, constants)
    assert not constants, "an interpreter of its own has its own"
    return await asyncio.create_subprocess_exec(
        *behind, sys.executable, "-m", "milestones", *arguments, cwd=cwd, env=told, stdout=PIPE, stderr=PIPE
    )


async def announced(process: Running, mark: str) -> str:
    """The line with which a program says that it serves, from its address on."""
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        while line := (await process.stdout.readline()).decode():
            if mark in line:
                return mark + line.partition(mark)[2].rstrip()
    raise AssertionError("it ended before it served")


def address(line: str) -> str:
    """The address with which a line begins."""
    return line.split(maxsplit=1)[0].rstrip(".,)")


async def ended(process: Running, with_signal: signal.Signals) -> int:
    """Stop a process, if it still runs; its exit code."""
    if process.returncode is None:
        process.send_signal(with_signal)
    async with asyncio.timeout(DEADLINE):
        return await process.wait()
