"""The event loop of the daemon: uvloop, which costs a third of asyncio's own for each request, where there is one."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """``asyncio.run`` for what serves. On a platform that uvloop does not know, the loop is asyncio's own."""
    try:
        from uvloop import new_event_loop  # noqa: PLC0415 - only what serves needs it
    except ImportError:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(work)
