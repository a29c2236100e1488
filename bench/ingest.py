"""Acknowledged webhooks a second, beside the fastest bare echo and beside a naive handler in Node.

Each round starts all of them anew on an empty database, one after the other, so that a machine that slows down slows
all of them down. The figure is the median of the rounds. What was acknowledged is then counted in the database.
"""

import argparse
import itertools
import os
import platform
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import uvloop

from bench import servers
from bench.load import Load, requests, send
from bench.webhooks import ACCOUNTS, new_key, public_pem, signed

NAMES = {
    "echo": "bare echo (uvicorn, uvloop, httptools)",
    "node": "Node (Wix SDK, express, better-sqlite3)",
    "ours": "milestones, coupons drained beside",
}


@dataclass
class Round:
    """One server in one round. cpu: seconds that it spent while the load ran. coupons: created meanwhile."""

    load: Load
    cpu: float
    coupons: int = 0

    @property
    def cpu_each(self) -> float:
        """Microseconds for each acknowledged event."""
        return self.cpu / self.load.acknowledged * 1e6


@dataclass
class Results:
    """By server, round by round. missing: why a server could not run."""

    rounds: dict[str, list[Round]] = field(default_factory=lambda: {name: [] for name in NAMES})
    missing: dict[str, str] = field(default_factory=dict)

    def rate(self, name: str) -> float:
        return median(one.load.rate for one in self.rounds[name])

    def table(self) -> str:
        """In Markdown."""
        best = self.rate("echo") if self.rounds["echo"] else float("nan")
        lines = [
            "| handler | acknowledged/s | of the echo | CPU each | half within | 99 of 100 within | over 1.25 s | coupons/s |",
            "|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for name, rounds in self.rounds.items():
            if not rounds:
                lines.append(
                    f"| {NAMES[name]} | not run: {self.missing.get(name, 'not asked for')} | | | | | | |"
                )
                continue
            half, most = (median(one.load.wait(percent) for one in rounds) * 1000 for percent in (50, 99))
            late = sum(wait > 1.25 for one in rounds for wait in one.load.waits)
            cpu = median(one.cpu_each for one in rounds)
            drained = median(one.coupons / one.load.seconds for one in rounds)
            lines.append(
                f"| {NAMES[name]} | {self.rate(name):,.0f} | {self.rate(name) / best:.3f} | {cpu:.0f} µs "
                f"| {half:.1f} ms | {most:.1f} ms | {late} | {drained:.0f} |"
            )
        return "\n".join(lines)


def measure(options: argparse.Namespace) -> Results:
    """Run the rounds."""
    results = Results()
    if "node" in options.only and (why := servers.find_node()):
        results.missing["node"] = why
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=options.folder))).resolve()
        key = new_key()
        (folder / "key.pem").write_text(public_pem(key))
        wix = stack.enter_context(servers.simulated_wix(folder))
        wire = requests(signed(key, options.events, wix.credentials["instance_id"]))
        for number in range(options.rounds):
            for name in NAMES:
                if name in options.only and name not in results.missing:
                    place = folder / f"{name}-{number}"
                    place.mkdir()
                    (place / "key.pem").write_text(public_pem(key))
                    results.rounds[name].append(_round(name, place, wire, wix, options))
    return results


def _round(
    name: str, folder: Path, wire: list[bytes], wix: servers.Wix, options: argparse.Namespace
) -> Round:
    # What is answered without being kept may come again and again.
    told = iter(wire) if name == "ours" else itertools.cycle(wire)
    with ExitStack() as stack:
        match name:
            case "echo":
                server = stack.enter_context(servers.echo(folder))
            case "node":
                server = stack.enter_context(servers.node(folder))
            case _:
                server = stack.enter_context(servers.daemon(folder, wix))
        uvloop.run(send(server.port, itertools.islice(told, ACCOUNTS), connections=64, seconds=60))
        before, coupons = server.cpu(), wix.coupons()
        load = uvloop.run(send(server.port, told, connections=options.connections, seconds=options.seconds))
        found = Round(load, server.cpu() - before, wix.coupons() - coupons)
    if set(load.statuses) != {200}:
        raise SystemExit(f"{NAMES[name]} answered {dict(load.statuses)}.")
    if name == "ours":
        _require_durable(load, folder)
    return found


def _require_durable(load: Load, folder: Path) -> None:
    """Every acknowledged state of an account must be in its history, and nothing may be granted twice."""
    with closing(sqlite3.connect(folder / "bench.db")) as database:
        states = database.execute("SELECT sum(json_array_length(stamps)) FROM observations").fetchone()[0]
        twice = database.execute(
            "SELECT count(*) FROM (SELECT 1 FROM grants GROUP BY site_id, account_id, milestone HAVING count(*) > 1)"
        ).fetchone()[0]
    acknowledged = ACCOUNTS + load.acknowledged
    if states != acknowledged or twice:
        raise SystemExit(f"{acknowledged} acknowledged, {states} stored, {twice} granted twice.")


def options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """arguments: instead of those of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--folder", default=".", help="on the disk that is to be measured")
    parser.add_argument("--only", nargs="*", default=list(NAMES), choices=list(NAMES))
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> str:
    """The table of one run."""
    chosen = options(arguments)
    about = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, SQLite "
        f"{sqlite3.sqlite_version}; load before: {os.getloadavg()[0]:.1f}; {chosen.rounds} rounds of up to "
        f"{chosen.seconds:g} s, {chosen.connections} connections"
    )
    return f"{about}\n\n{measure(chosen).table()}\n"


if __name__ == "__main__":
    print(main())
