"""What docs/sandbox.md promises to whoever tests an app of their own."""

import asyncio
import contextlib
import io
import re
from pathlib import Path
from typing import Any

from wixsandbox.control import _BODIES, _CONTROLS
from wixsandbox.server import serve
from wixsandbox.settings import SandboxSettings, Switches

PAGE = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")


async def test_the_example_of_the_page_runs_as_it_stands() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    printed = io.StringIO()
    async with serve(SandboxSettings(port=0)) as running:
        code = example.replace("http://127.0.0.1:8090", running.base_url).replace(
            "127.0.0.1:9000", "127.0.0.1:1"
        )
        names: dict[str, Any] = {}
        with contextlib.redirect_stdout(printed):
            await asyncio.to_thread(exec, code, names)
        names["wix"].close()
        purchase, *_ = running.sandbox.world.transactions
    assert purchase.amount == 100
    assert purchase.id in printed.getvalue()


def test_every_order_is_on_the_page_and_no_other() -> None:
    table = PAGE.partition("| order | what it does |")[2].partition("\n\n")[0]
    orders = re.findall(r"`((?:GET|PUT|POST|DELETE) [a-z-]+)`", table)
    assert set(orders) == {f"{method} {name}" for method, name in _CONTROLS if name}


def test_the_fields_of_every_order_are_on_the_page() -> None:
    written = set(re.findall(r"`([a-z_]+)`", PAGE)) | set(re.findall(r'"([a-z_]+)"', PAGE))
    for model in _BODIES.values():
        fields = set(model.model_fields)
        if model is not Switches:
            assert fields - {"status", "seconds", "body", "content_type"} <= written, model
    switches = PAGE.partition("**Switches.**")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z_]+)`", switches)) <= set(Switches.model_fields)
