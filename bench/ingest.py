"""Acknowledged webhooks a second, beside a bare echo and beside a commit for each request.

Each round starts all three anew on an empty database, one after the other, so that a machine that slows down slows
all of them down. The figure is the median of the rounds. What was acknowledged is then counted in the database.
"""

import argparse
import asyncio
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.load import Load, send
from bench.webhooks import new_key, public_pem, signed

KINDS = {
    "echo": "bare ASGI echo",
    "naive": "a commit for each request",
    "ours": "group commit (the product)",
}


async def main(arguments: Sequence[str] | None = None) -> None:
    """arguments: instead of those of the command line."""
    options = _options(arguments)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
    key = new_key()
    bodies = signed(key, options.events)
    print(
        f"{options.rounds} rounds of up to {options.seconds:g} s; {options.connections} connections; "
        f"{len(bodies)} different events of {len(bodies[0])} bytes\n"
    )
    loads: dict[str, list[Load]] = {kind: [] for kind in KINDS}
    for _ in range(options.rounds):
        for kind, results in loads.items():
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                (Path(folder) / "key.pem").write_text(public_pem(key))
                with _server(kind, folder) as served:
                    load = await send(
                        served.port, bodies, connections=options.connections, seconds=options.seconds
                    )
                load.cpu = served.cpu
                results.append(load)
                if kind != "echo":
                    _require_durable(load, Path(folder))
    _report(loads)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--events", type=int, default=12_000)
    parser.add_argument("--folder", default=".", help="on the disk that is to be measured")
    return parser.parse_args(arguments)


@dataclass
class Served:
    """A server under measurement; ``cpu`` is known when it has ended."""

    port: int
    cpu: float = 0.0


@contextmanager
def _server(kind: str, folder: str) -> Iterator[Served]:
    command = [sys.executable, "-m", "bench.serving", kind, folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        port = process.stdout.readline()
        if not port:
            raise SystemExit(f"The server `{kind}` did not start; what it said stands above.")
        served = Served(int(port))
        yield served
        process.stdin.close()
        served.cpu = float(process.stdout.readline())
        process.wait(30)


def _require_durable(load: Load, folder: Path) -> None:
    """Every acknowledged state of an account must be in its history, and nothing may be granted twice."""
    with closing(sqlite3.connect(folder / "bench.db")) as database:
        states = database.execute("SELECT sum(json_array_length(stamps)) FROM observations").fetchone()[0]
        twice = database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM grants GROUP BY site_id, account_id, milestone HAVING count(*) > 1)"
        ).fetchone()[0]
    if set(load.statuses) != {200} or states != load.acknowledged or twice:
        raise SystemExit(
            f"Answers {load.statuses}, {load.acknowledged} acknowledged, {states} stored, {twice} granted twice."
        )


def _report(loads: dict[str, list[Load]]) -> None:
    best = median(load.rate for load in loads["echo"])
    print(
        "| handler | acknowledged/s | of the echo | CPU each | half within | 99 of 100 within | over 1.25 s |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|")
    for kind, results in loads.items():
        rate = median(load.rate for load in results)
        half, most = (median(load.wait(percent) for load in results) * 1000 for percent in (50, 99))
        late = sum(wait > 1.25 for load in results for wait in load.waits)
        share, cpu = rate / best, median(load.cpu / load.acknowledged for load in results) * 1000
        print(
            f"| {KINDS[kind]} | {rate:,.0f} | {share:.0%} | {cpu:.2f} ms | {half:.1f} ms | {most:.1f} ms | {late} |"
        )


if __name__ == "__main__":
    asyncio.run(main())
