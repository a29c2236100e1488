"""SIGHUP before the daemon can reload: by default it would end the process, while the program is still being imported."""

import signal

_came: list[int] = []


def catch() -> None:
    """From now on remember SIGHUP instead of dying of it."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda number, _frame: _came.append(number))


def came() -> bool:
    """Whether one has come since ``catch``, or since this was last asked."""
    found = bool(_came)
    _came.clear()
    return found
