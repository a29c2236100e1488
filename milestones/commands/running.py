"""Commands that are being carried out. Each is a task of its own: whoever gave it may leave, and it is done all the same."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import structlog

from milestones.commands.host import Host
from milestones.commands.models.command import A, Command, P, Report
from milestones.commands.registry import HANDLERS, Handler
from milestones.errors import MilestonesError

_CUT_SHORT = "The daemon stopped before it was done. What was recorded until then is kept: look with `milestones status`."

_log = structlog.get_logger(__name__)


Around = Callable[[Callable[[], Awaitable[A]]], Awaitable[A]]
"""Takes what carries a command out, and does so, or knows the answer."""


class FaultError(MilestonesError):
    """A fault of the program, which the log tells more of."""


class CutShortError(MilestonesError):
    """The daemon stopped before it was done."""


class Running:
    """Carries out commands on a host, in tasks that it holds until they end."""

    def __init__(self, host: Host, handlers: Mapping[type[Command[Any, Any]], Handler] = HANDLERS) -> None:
        self._host = host
        self._handlers = handlers
        self._tasks: set[asyncio.Task[Any]] = set()

    @property
    def commands(self) -> Iterable[type[Command[Any, Any]]]:
        """Those that it carries out."""
        return self._handlers.keys()

    def begin(
        self, command: Command[A, P], report: Report[P], around: Around[A] | None = None
    ) -> asyncio.Task[A]:
        """Begin to carry it out, within ``around`` if given. The task raises nothing but MilestonesError."""
        task = asyncio.create_task(self._carry_out(command, report, around))
        self._tasks.add(task)
        task.add_done_callback(self._on_end)
        return task

    async def finish(self) -> None:
        """Wait until nothing is under way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def cut_short(self) -> None:
        """End what is under way where it stands; whoever waits for it is told so."""
        for task in self._tasks:
            task.cancel()
        await self.finish()

    def _on_end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # Asked for, so that asyncio does not complain of an error that nobody is there to hear.
        if not task.cancelled():
            task.exception()

    async def _carry_out(self, command: Command[A, P], report: Report[P], around: Around[A] | None) -> A:
        perform = partial(self._handlers[type(command)], self._host, command, report)
        try:
            answer: A = await (perform() if around is None else around(perform))
        except MilestonesError:
            raise
        except asyncio.CancelledError:
            raise CutShortError(_CUT_SHORT) from None
        except Exception as error:  # noqa: BLE001 - a fault in one command must not end the daemon
            _log.exception("command_failed", command=command.path)
            raise FaultError(
                f"This is a fault of the program ({type(error).__name__} in {command.path}); the daemon's log has more."
            ) from None
        return answer
