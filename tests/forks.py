"""``milestones`` as a child of a process that has imported it already: the same program, started in a tenth of the time.

Python needs a second or two of computing to import all of the program, which a thousand starts would spend on nothing.
What the program imports when, and what an interpreter of its own changes, is tested with ``fresh=True``
(``tests.programs.started``).
"""

import asyncio
import multiprocessing
import os
import signal
import sys
from asyncio import StreamReader, StreamReaderProtocol
from collections.abc import Mapping, Sequence
from io import FileIO, TextIOWrapper
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).parent.parent
_CONTEXT = multiprocessing.get_context("forkserver")
_NOT_READ = 2**30
"""Bytes that may wait for a test to read them: so many that a child never waits for its reader."""


async def fork(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    constants: Mapping[str, object] | None = None,
) -> "ForkedProcess":
    """``milestones`` with these arguments and exactly this environment, its output on pipes.

    constants: what some of the program's own are in this process, such as ``{"milestones.outbox.rest.REST": ...}``.
    """
    _prepare()
    ends = [os.pipe(), os.pipe()]
    child = _CONTEXT.Process(
        target=_Start(arguments, environment, cwd, [end[1] for end in ends], constants or {}), daemon=True
    )
    child.start()
    for _, writing in ends:
        os.close(writing)
    return ForkedProcess(child, [await _Pipe.reading(end[0]) for end in ends])


def _prepare() -> None:
    """Start the process that children are made of, once. Its failure points are alive and nothing is armed."""
    _CONTEXT.set_forkserver_preload(["tests.preloaded", "tests.forks"])
    with patch.dict(os.environ, MILESTONES_FAILPOINT="@", PYTHONPATH=str(ROOT)):
        forkserver.ensure_running()


class _Start:
    """What a child does, as something that can be sent to it."""

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        cwd: Path,
        outputs: Sequence[int],
        constants: Mapping[str, object],
    ) -> None:
        self._arguments = list(arguments)
        self._environment = dict(environment)
        self._cwd = cwd
        self._outputs = outputs
        self._constants = dict(constants)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_outputs": [DupFd(output) for output in self._outputs]}

    def __call__(self) -> None:
        from milestones.cli.app import main

        for number, output in enumerate(self._outputs, start=1):
            received = output.detach()  # type: ignore[attr-defined]  # it was wrapped on the way here
            os.dup2(received, number)
            os.close(received)
        # What they were may have been files, in which the old ones would look for their place.
        sys.stdout, sys.stderr = _unbuffered(1, "strict"), _unbuffered(2, "backslashreplace")
        os.environ.clear()
        os.environ.update(self._environment)
        os.chdir(self._cwd)
        sys.argv = ["milestones", *self._arguments]
        for name, value in self._constants.items():
            # For good: the process ends with what is tested.
            patch(name, value).start()
        main()


def _unbuffered(descriptor: int, errors: str) -> TextIOWrapper:
    """As Python makes its own streams under PYTHONUNBUFFERED."""
    raw = FileIO(descriptor, "w", closefd=False)
    return TextIOWrapper(raw, encoding="utf-8", errors=errors, write_through=True)


class _Pipe(StreamReaderProtocol):
    """The end of a pipe that is read here; knows when the other one is closed."""

    def __init__(self, reader: StreamReader) -> None:
        super().__init__(reader)
        self.reader = reader
        self.ended = asyncio.Event()

    @classmethod
    async def reading(cls, descriptor: int) -> "_Pipe":
        reader = StreamReader(limit=_NOT_READ)
        _, pipe = await asyncio.get_running_loop().connect_read_pipe(
            lambda: cls(reader), os.fdopen(descriptor, "rb")
        )
        return pipe

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.ended.set()


class ForkedProcess:
    """What ``asyncio.subprocess.Process`` is to its caller."""

    def __init__(self, child: BaseProcess, pipes: Sequence[_Pipe]) -> None:
        assert child.pid is not None
        self.pid = child.pid
        self._child = child
        self._pipes = pipes

    @property
    def stdout(self) -> StreamReader:
        return self._pipes[0].reader

    @property
    def stderr(self) -> StreamReader:
        return self._pipes[1].reader

    @property
    def returncode(self) -> int | None:
        """Its exit code, or the number of the signal that ended it, below zero; None while it runs."""
        return self._child.exitcode

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end and for all that it said."""
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        if self.returncode is None:
            loop.add_reader(self._child.sentinel, over.set)
            try:
                await over.wait()
            finally:
                loop.remove_reader(self._child.sentinel)
        for pipe in self._pipes:
            await pipe.ended.wait()
        self._child.join()
        assert self.returncode is not None
        return self.returncode

    async def communicate(self) -> tuple[bytes, bytes]:
        """All that it said, once it has ended."""
        said = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return said[0], said[1]
