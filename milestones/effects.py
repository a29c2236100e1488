"""The last question before an effect: may it still begin?

Whatever takes effect outside of this program awaits ``begin`` directly before its first step that cannot be undone: when
its turn has come, its connection stands and everything is prepared. What is stopped before that has done nothing.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Ask = Callable[[], Awaitable[None]]
"""Returns when the effect may begin, and has been noted to begin. Raises WithdrawnError when it may not any more."""


async def _nobody_asks() -> None:
    """Outside of a drain a person has just ordered it."""


_ASK: ContextVar[Ask] = ContextVar("ask", default=_nobody_asks)


_INTENT: ContextVar[Mapping[str, Any] | None] = ContextVar("intent", default=None)


@contextmanager
def intending(intent: Mapping[str, Any]) -> Iterator[None]:
    """Effects that begin inside have this noted in the same commit: what whoever looks for a lost one must know, such as
    the revision of an account before it was changed. It reaches ``Task.intent``.
    """
    before = _INTENT.set(intent)
    try:
        yield
    finally:
        _INTENT.reset(before)


def intent() -> Mapping[str, Any] | None:
    """What the effect that is about to begin intends; None where that needs no telling."""
    return _INTENT.get()


async def begin() -> None:
    """Ask, and note that an effect begins. An effect of several steps may ask at each.

    Raises WithdrawnError, FencedError or StoreError; whoever awaits this passes them on.
    """
    await _ASK.get()()


@contextmanager
def asking(ask: Ask) -> Iterator[None]:
    """Effects inside ask this before they begin, also those of tasks that are begun inside."""
    before = _ASK.set(ask)
    try:
        yield
    finally:
        _ASK.reset(before)
