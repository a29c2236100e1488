"""The storm: Wix recalculates tiers every 15 minutes and tells of every account again, unchanged.

A site of a million accounts is told of 1,111 times a second, for ever. Here so many accounts as fit are told of at that
very rate, again and again, and in the midst of it one customer crosses. What an event costs grows with the number of
accounts only by the depth of the database's trees, so the share of a core is the arithmetic of these figures.
"""

import argparse
import itertools
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import uvloop

from bench import servers
from bench.load import requests, send
from bench.webhooks import ACCOUNTS, crossing, new_key, public_pem, signed

RATE = 1_000_000 / (15 * 60)


@dataclass
class Storm:
    """What a storm cost. core: the share of one core. acted_after: seconds from the crossing's event to its coupon."""

    told: int
    seconds: float
    cpu_each: float
    most: float
    core: float
    acted_after: float
    memory: int

    def table(self) -> str:
        """In Markdown."""
        return "\n".join(
            [
                "| the storm | |",
                "|---|---:|",
                f"| accounts told of again, unchanged | {ACCOUNTS:,}, {self.told:,} times in {self.seconds:.0f} s |",
                f"| events a second | {self.told / self.seconds:,.0f} (a million in 15 minutes is {RATE:,.0f}) |",
                f"| CPU each | {self.cpu_each * 1e6:.0f} µs |",
                f"| of a core at {RATE:,.0f} a second | {self.core:.2f} |",
                f"| 99 of 100 answered within | {self.most * 1000:.1f} ms |",
                f"| from a crossing in its midst to its coupon | {self.acted_after:.2f} s |",
                f"| memory of the daemon | {self.memory / 2**20:.0f} MiB |",
            ]
        )


def measure(seconds: float, folder: str) -> Storm:
    """Raise a storm of so many seconds."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder))).resolve()
        key = new_key()
        (place / "key.pem").write_text(public_pem(key))
        wix = stack.enter_context(servers.simulated_wix(place))
        site_id = wix.credentials["instance_id"]
        wire = requests(signed(key, ACCOUNTS, site_id))
        below, above = requests(crossing(key, site_id))
        server = stack.enter_context(servers.daemon(place, wix))
        uvloop.run(send(server.port, iter([*wire, below]), connections=64, seconds=120))
        before, watch = server.cpu(), Watch(wix)
        again = itertools.cycle(wire)
        told = itertools.chain(itertools.islice(again, int(RATE * seconds / 4)), watch.note(above), again)
        load = uvloop.run(send(server.port, told, connections=64, seconds=seconds, rate=RATE))
        cpu, memory = server.cpu() - before, server.memory()
        watch.wait()
    if set(load.statuses) != {200}:
        raise SystemExit(f"The daemon answered {dict(load.statuses)}.")
    each = cpu / load.acknowledged
    return Storm(load.acknowledged, load.seconds, each, load.wait(99), each * RATE, watch.acted_after, memory)


class Watch:
    """Asks the simulated Wix whether the coupon is there, beside the load."""

    def __init__(self, wix: servers.Wix) -> None:
        self._wix = wix
        self._before = wix.coupons()
        self._sent = 0.0
        self.acted_after = float("inf")
        self.thread = Thread(target=self._look)

    def note(self, request: bytes) -> Iterator[bytes]:
        """The request, from whose sending on it is looked for."""
        self._sent = time.perf_counter()
        self.thread.start()
        yield request

    def wait(self) -> None:
        """Until it is there, a minute at most."""
        if not self._sent:
            raise SystemExit(
                "So few were answered that the crossing was never sent: this machine is too busy."
            )
        self.thread.join(60)

    def _look(self) -> None:
        while self._wix.coupons() == self._before and time.perf_counter() < self._sent + 60:
            time.sleep(0.05)
        self.acted_after = time.perf_counter() - self._sent


def main(arguments: Sequence[str] | None = None) -> str:
    """The table of one storm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--folder", default=".", help="on the disk that is to be measured")
    options = parser.parse_args(arguments)
    return measure(options.seconds, options.folder).table() + "\n"


if __name__ == "__main__":
    print(main())
