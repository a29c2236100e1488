"""The machine's own Chromium, started once for each process of tests: a start takes a second of computing."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, async_playwright

OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

IN_THE_BROWSER = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.xdist_group("browser")]
"""The marks of every test that asks for ``chromium_page``: it runs on the browser's loop, as its async fixtures must
(``loop_scope="session"``), and in the process that has one.
"""


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """Without a window. Skips the test where there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("No Chromium on the PATH; install the package `chromium`.")
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=list(OPTIONS))
        yield started
        await started.close()
