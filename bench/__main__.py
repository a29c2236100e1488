"""``python -m bench``: every benchmark, one after the other."""

import asyncio

from bench import ingest

if __name__ == "__main__":
    asyncio.run(ingest.main())
