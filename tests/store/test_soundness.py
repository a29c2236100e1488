"""Whatever contradicts itself in a database is named, with its number and examples."""

import asyncio
from pathlib import Path

import pytest

from milestones.store.database import schema
from milestones.views.database import Finding, examine
from tests.store import first_release
from tests.store.test_schema import changed


async def wrong(text_url: str) -> list[Finding]:
    return [finding for finding in await examine(text_url) if not finding.ok]


@pytest.mark.parametrize(
    ("statement", "what", "sentence"),
    [
        (
            "DELETE FROM sites",
            "accounts",
            "4 account(s) belong to no known site (given, half-given, held, near).",
        ),
        (
            "UPDATE accounts SET run = 99 WHERE id = 'near'",
            "accounts",
            "1 account(s) lack the newest stretch of their history (near).",
        ),
        (
            "UPDATE accounts SET balance = 1 WHERE id = 'near'",
            "accounts",
            "1 account(s) stand at other points than their history ends with (near).",
        ),
        (
            "UPDATE grants SET account_id = 'nobody' WHERE id = 1",
            "grants",
            "1 grant(s) belong to no known account (1).",
        ),
        (
            "UPDATE reminders SET version = 77",
            "grants",
            "1 reminder(s) were made under a definition that is not known (1).",
        ),
        ("DELETE FROM reminders", "actions", "1 action(s) belong to no grant, reminder or order (7)."),
        (
            "UPDATE actions SET state = 'dreaming' WHERE id = 1",
            "actions",
            "1 action(s) are of a kind or in a state that only another version knows (1).",
        ),
        (
            """UPDATE actions SET waits_for = '["nobody"]' WHERE id = 6""",
            "actions",
            "1 action(s) wait for one that does not exist (6).",
        ),
        (
            "UPDATE actions SET waits_for = '[]' WHERE id = 6",
            "actions",
            "1 action(s) wait for nothing that will come; `milestones outbox hold` and `release` free them (6).",
        ),
        (
            "UPDATE actions SET state = 'done' WHERE id = 4",
            "actions",
            "1 action(s) wait for nothing that will come; `milestones outbox hold` and `release` free them (6).",
        ),
        (
            "UPDATE actions SET state = 'held', verdict = 'scan_under_way' WHERE id = 7",
            "actions",
            "1 action(s) wait for the end of a scan that is over; `milestones outbox hold` and `release` free them (7).",
        ),
    ],
)
async def test_a_contradiction_is_named_with_its_rows(
    empty_database_url: str, statement: str, what: str, sentence: str
) -> None:
    await asyncio.to_thread(first_release.fill, empty_database_url)
    assert await wrong(empty_database_url) == []
    changed(empty_database_url, statement)
    found = await wrong(empty_database_url)
    assert any(finding.what == what and sentence in finding.told for finding in found), found


async def test_of_many_only_some_are_named(empty_database_url: str) -> None:
    await asyncio.to_thread(first_release.fill, empty_database_url)
    changed(empty_database_url, "UPDATE actions SET milestone = 'unheard-of'")
    [finding] = await wrong(empty_database_url)
    assert finding.told == "10 action(s) belong to no grant, reminder or order (1, 2, 3, 4, 5, ...)."


async def test_tables_that_were_altered_are_named_and_nothing_is_asked_of_them(
    empty_database_url: str,
) -> None:
    await schema.prepare(empty_database_url)
    changed(empty_database_url, "DROP TABLE observations")
    [finding] = await wrong(empty_database_url)
    assert finding == Finding("tables", False, "The table observations is missing. Restore a backup.")


async def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "milestones.db"
    url = f"sqlite:///{path}"
    await asyncio.to_thread(first_release.fill, url)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size - 2 * 4096)
        file.write(b"\x0d" + b"\xee" * 4095)
    assert {finding.what for finding in await wrong(url)} == {"file"}
