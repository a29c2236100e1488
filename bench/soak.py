"""``make soak``: kills, faults and seeded histories for some minutes; then what was lost and what was given twice.

Two things at once. Processes of their own try histories of accounts through the real pipeline and store (`histories`).
Meanwhile a busy simulated shop tells a daemon of its sales, doubled and out of order, and loses answers, while the daemon
is killed with SIGKILL again and again, half of the times at a named failure point; after each round everybody's books
are compared with the shop's book of transactions (`tests.crash.storm`).

The histories' databases lie on a memory disk where there is one: they ask what is decided, not what a disk keeps. The
daemon that is killed has its database where temporary files are, with full durability.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import histories
from bench.histories import Histories
from tests.crash.storm import GaveUpError, Tally, storm

SCALE = 300.0
"""How much faster than Wix's own the shop repeats an event: it gives up after ten minutes, not after two days."""

MEMORY_DISK = Path("/dev/shm")


@dataclass
class Kills:
    """What all rounds together came to. void: rounds that cannot be judged, and are not in the tally."""

    rounds: int = 0
    void: int = 0
    seconds: float = 0.0
    tally: Tally = field(default_factory=Tally)


async def _kills(options: argparse.Namespace, end: float, root: Path) -> Kills:
    found, began = Kills(), time.monotonic()
    while found.tally.kills < options.kills and time.monotonic() < end:
        number = found.rounds + found.void
        folder, seed = root / f"round-{number}", options.seed + number
        folder.mkdir()
        most = min(options.kills_a_round, options.kills - found.tally.kills)
        try:
            tally = await _round(options, folder, seed, most, end)
        except GaveUpError as error:
            found.void += 1
            print(f"seed {seed} cannot be judged: {error}", file=sys.stderr, flush=True)
            continue
        finally:
            found.seconds = time.monotonic() - began
        found.rounds += 1
        found.tally.add(tally)
        if not tally.clean:
            print(f"seed {seed}: {tally}", file=sys.stderr, flush=True)
        print(
            f"round {found.rounds}: {found.tally.kills} kills, {found.tally.grants} grants, "
            f"lost {found.tally.lost.total()}, doubled {found.tally.doubled.total()}",
            file=sys.stderr,
            flush=True,
        )
    return found


async def _round(options: argparse.Namespace, folder: Path, seed: int, kills: int, end: float) -> Tally:
    async with storm(folder, seed, options.customers, scale=SCALE) as raging:
        await raging.rage(options.purchases, kills, end)
        await raging.settle(600.0)
        return await raging.tally()


def _added(several: list[Histories]) -> Histories:
    whole = Histories(seconds=max((one.seconds for one in several), default=0.0))
    for one in several:
        whole.tried += one.tried
        whole.told += one.told
        whole.grants += one.grants
        whole.lost += one.lost
        whole.doubled += one.doubled
        whole.examples += one.examples
    return whole


def _told(seed: int, tried: Histories, killed: Kills, where: str) -> dict[str, Any]:
    return {
        "seed": seed,
        "histories": {
            "tried": tried.tried,
            "observations": tried.told,
            "grants": tried.grants,
            "lost": tried.lost,
            "doubled": tried.doubled,
            "examples": tried.examples,
            "per_second": round(tried.tried / tried.seconds, 1) if tried.seconds else 0.0,
            "seconds": round(tried.seconds, 1),
            "databases": where,
        },
        "daemon": {
            "rounds": killed.rounds,
            "rounds_that_cannot_be_judged": killed.void,
            "seconds": round(killed.seconds, 1),
            **killed.tally.told(),
            "load_average": [round(load, 1) for load in os.getloadavg()],
        },
    }


def _print(told: dict[str, Any]) -> None:
    tried, killed = told["histories"], told["daemon"]
    print(f"seed                 {told['seed']}")
    print(f"histories            {tried['tried']:,} ({tried['per_second']:,} a second, {tried['databases']})")
    print(f"  observations told  {tried['observations']:,}")
    print(f"  grants owed        {tried['grants']:,}")
    print(f"  lost, doubled      {tried['lost']}, {tried['doubled']}")
    for example in tried["examples"]:
        print(f"    {example}")
    print(f"process kills        {killed['kills']:,} ({killed['kills_at_failpoints']:,} at failure points)")
    print(f"  rounds             {killed['rounds']}, and {killed['rounds_that_cannot_be_judged']} not judged")
    print(f"  webhooks sent      {killed['events']:,}")
    print(f"  faults of Wix      {killed['faults']:,}")
    print(f"  grants owed        {killed['grants']:,}")
    print(f"  mails              {killed['mails']:,}, and {killed['mails_unknown']} shown as unknown")
    print(f"  lost               {killed['lost']}")
    print(f"  doubled            {killed['doubled']}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=100_000, help="end the killing after so many")
    parser.add_argument("--kills-a-round", type=int, default=50)
    parser.add_argument("--histories", type=int, default=10_000_000, help="for each worker at most")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 2) - 1))
    parser.add_argument("--customers", type=int, default=120)
    parser.add_argument("--purchases", type=float, default=8.0, help="a second")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Returns 1 if anything was lost or doubled, and 2 if nothing was tried that could tell."""
    options = _options()
    seconds = options.minutes * 60
    where = str(MEMORY_DISK) if MEMORY_DISK.is_dir() else tempfile.gettempdir()
    spawn = multiprocessing.get_context("spawn")
    with (
        tempfile.TemporaryDirectory(prefix="soak-") as root,
        ProcessPoolExecutor(max(1, options.workers), mp_context=spawn) as pool,
    ):
        trying: list[Future[Histories]] = [
            pool.submit(histories.worker, f"{options.seed}/{number}", options.histories, seconds, where)
            for number in range(options.workers)
        ]
        killed = asyncio.run(_kills(options, time.monotonic() + seconds, Path(root)))
        tried = _added([one.result() for one in trying])
    told = _told(options.seed, tried, killed, f"SQLite in {where}")
    if options.json:
        print(json.dumps(told, indent=2))
    else:
        _print(told)
    if tried.lost or tried.doubled or not killed.tally.clean:
        return 1
    judged = (killed.rounds or not options.kills) and (tried.tried or not options.workers)
    return 0 if judged else 2


if __name__ == "__main__":
    sys.exit(main())
