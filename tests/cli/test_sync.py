"""What a person writes about who is whom, and what is said where it cannot be read."""

from pathlib import Path

import pytest

from milestones.cli.sync_link import read_rows
from milestones.commands.models.sync import LinkRow
from milestones.errors import UsageError


def test_a_mapping_is_read_by_its_headings(tmp_path: Path) -> None:
    file = tmp_path / "who.csv"
    file.write_text("﻿Member, Account,Email,Name\n7,account-ada,,Ada\n8,,bo@example.com,\n", encoding="utf-8")
    assert read_rows(file) == [
        LinkRow(member="7", account="account-ada"),
        LinkRow(member="8", email="bo@example.com"),
    ]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "the first line must name the columns member"),
        (b"member\n7\n", "the first line must name the columns member"),
        (b"member,email\n7,\n", "who.csv:2: gives neither an account nor a mail address"),
        (b"member,email\n,a@example.com\n", "who.csv:2: gives no member"),
        (b"member,email\n" + b"7" * 300 + b",a@example.com\n", "who.csv:2: gives no member"),
        (b"member,email\n7,\xff\n", "is not text in UTF-8"),
        (b'member,email\n7,"a\n', "is not CSV"),
        (b"member,email\n7," + b"a" * 200_000 + b"\n", "is not CSV"),
    ],
)
def test_what_is_no_mapping_is_a_sentence(tmp_path: Path, text: bytes, sentence: str) -> None:
    file = tmp_path / "who.csv"
    file.write_bytes(text)
    with pytest.raises(UsageError, match=sentence):
        read_rows(file)
