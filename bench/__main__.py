"""``python -m bench``: every benchmark, one after the other; the tables are printed and kept in ``bench/results.md``."""

import os
import platform
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from bench import ingest, storm

RESULTS = Path(__file__).parent / "results.md"


def main() -> None:
    """Measure, and say what could not be measured."""
    about = (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {platform.machine()}, {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, SQLite {sqlite3.sqlite_version}; load before: {os.getloadavg()[0]:.1f} "
        "(on a machine that does other things, only the CPU for each event tells something)."
    )
    parts = ["# Results", about, "What is measured, and how, stands in [README.md](README.md)."]
    for title, measure in (("Ingest", ingest.main), ("The storm", storm.main)):
        parts += [f"## {title}", measure([]).strip()]
        print(parts[-1], end="\n\n", flush=True)
        RESULTS.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
