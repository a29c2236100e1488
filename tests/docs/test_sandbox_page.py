"""What docs/sandbox.md promises to whoever tests an app of their own."""

import asyncio
import contextlib
import io
import json
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


def test_the_table_of_what_is_unverified_says_what_each_switch_takes_and_how_it_stands() -> None:
    table = PAGE.partition("| fact | switch | values | default |")[2].partition("\n\n")[0]
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()[2:]]
    schema = Switches.model_json_schema()["properties"]
    for _, switch, values, default in rows:
        name = switch.strip("`")
        known = schema[name].get("enum") or ([True, False] if schema[name].get("type") == "boolean" else None)
        if known is not None:
            assert [value.strip("` ") for value in values.split(",")] == [_spelled(one) for one in known], (
                name
            )
        assert default.strip("`") == _spelled(Switches().model_dump()[name]), name
    switches = {row[1] for row in rows}
    assert len(switches) == len(rows)
    assert {f"`{name}`" for name in schema.keys() - PROVOKED} == switches


PROVOKED = {
    "duplicate_probability",
    "reorder_window",
    "webhook_timeout_seconds",
    "webhook_connections",
    "event_spelling",
    "recalculation_seconds",
    "token_seconds",
    "paid_plan",
    "redeem_outcome",
    "job_seconds",
}
"""Switches for what is known of Wix, and may be told to happen."""


def _spelled(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)
