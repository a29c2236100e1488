"""Whatever the answer to what nobody could verify about Wix: answers are lost, and everybody is given everything once."""

from pathlib import Path
from typing import Any

import pytest

from tests.crash.giving import giving
from wixsandbox.faults import Fault
from wixsandbox.settings import Switches

NUMBERS: dict[str, tuple[Any, ...]] = {
    "query_lag_seconds": (20, 0, 50),
    "earn_key_seconds": (5, 0),
    "rate_limit_per_minute": (0, 30),
    "rate_limit_seconds": (60, 10),
    "email_filter_limit": (1, 100),
    "email_page_limit": (1, 100, 3),
    "jwt_key_id": (None, "k1"),
    "duplicate_coupon_code": ("ALREADY_EXISTS", "DUPLICATE", "FAILED_PRECONDITION"),
}
PROVOKED = {"paid_plan", "redeem_outcome", "event_spelling"}
"""What is known of Wix, and here would only take away what is given."""


def values() -> dict[str, tuple[Any, ...]]:
    """What each switch takes."""
    found = dict(NUMBERS)
    for name, schema in Switches.model_json_schema()["properties"].items():
        if "enum" in schema:
            found[name] = tuple(schema["enum"])
        elif schema.get("type") == "boolean":
            found[name] = (False, True)
    return {name: several for name, several in found.items() if name not in PROVOKED}


RUNS = max(len(several) for several in values().values())
"""So many, and each value of each switch was in force in one of them."""


@pytest.mark.parametrize("run", range(RUNS))
async def test_under_each_value_of_each_switch_everything_is_given_once(tmp_path: Path, run: int) -> None:
    switches = {name: several[run % len(several)] for name, several in values().items()}
    async with giving(tmp_path, **switches) as shop, shop.started():
        for path in ("^/stores/v2/coupons$", "^/badges/v4/assignments$", "^.*/earn-points$"):
            shop.fault("POST", path, Fault(effect="drop_after"))
        await shop.crossing()
        await shop.finish()
        await shop.crossing()
        await shop.finish()
        await shop.assert_everything_once()
