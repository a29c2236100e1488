"""Ports to listen on."""

import contextlib
import random
import socket

_CHANCE = random.SystemRandom()


def free_port() -> int:
    """A port that is free, from below those that systems hand out by themselves: one of these may belong to any
    connection of a neighbour by the time that somebody listens on it.
    """
    while True:
        port = _CHANCE.randrange(10_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
