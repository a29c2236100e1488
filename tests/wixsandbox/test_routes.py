import json
from pathlib import Path

import pytest

from wixsandbox.routes import OPERATIONS, route

ROWS = json.loads((Path(__file__).parent / "operations.json").read_text())
# the vendor announced the end of API v3 badges for a date that has passed; tokens are served before identities
ELSEWHERE = {"members.badges-v3", "identity.oauth"}
GUID = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"
SERVED = [row for row in ROWS if row["module"] not in ELSEWHERE]


def concrete(path: str) -> str:
    return "/".join(GUID if part.startswith("{") else part for part in path.split("/"))


@pytest.mark.parametrize("row", SERVED, ids=lambda row: f"{row['module']}.{row['operation']}")
def test_every_operation_of_the_fact_sheet_is_served_under_its_path(row: dict[str, str]) -> None:
    found = route(row["method"], concrete(row["path"]))
    assert found is not None
    assert found[0].name == row["operation"]


def test_nothing_is_served_that_the_fact_sheet_does_not_list() -> None:
    listed = {(row["operation"], row["method"]) for row in SERVED}
    assert {(one.name, one.method) for one in OPERATIONS} <= listed
    assert len(OPERATIONS) == len(SERVED)


@pytest.mark.parametrize(
    "path",
    [
        "/loyalty-earning-rules/v1/earning-rules",
        "/loyalty-imports/v1/loyalty-imports",
        "/loyalty/v1/program",
        "/members/v3/badges",
        "/loyalty-accounts/v1/accounts/",
        "/",
    ],
)
def test_paths_that_wix_does_not_have_lead_nowhere(path: str) -> None:
    assert route("GET", path) is None
    assert route("POST", path) is None
