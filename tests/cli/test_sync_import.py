"""``sync import`` as a person calls it, without a daemon."""

import csv
import io
import json
from pathlib import Path

import pytest

from milestones.domain.policy import Breaker
from tests.builders import CONTACT
from tests.cli.conftest import Call
from tests.cli.filled import filled


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada has 1,010 points, and Bob 950."""
    return filled(tmp_path_factory.mktemp("shop"))


def a_file(folder: Path, *lines: str, name: str = "points.csv") -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_dry_run_shows_the_reading_above_what_would_happen_and_records_nothing(
    tmp_path: Path, call: Call, config: Path
) -> None:
    file = a_file(
        tmp_path,
        "Email,Points,Subscribed,Points pending,Phone,Tier",
        'ada@example.com,"2,000",no,5,+14155550100,Gold',
        '"bob@example,com",7,yes,,+14155550101,',
        "bob@example.com,960,yes,,,",
    )
    told = call("sync", "import", file, "--dry-run", "-c", config)
    assert told.code == 1, told.err
    lines = " ".join(told.out.split())
    before, _, after = lines.partition("is read as")
    assert "Each balance is SET to the points in 'Points'" in before
    assert "a comma groups thousands (line 2)" in before
    for part in (
        "Not imported: Tier.",
        "1,010 2,000",
        "950 960",
        "2 customers would be set to 2,960 points",
        "1 address wants no mail",
        "1 agreed to mail of another program. That is no consent here",
        "1 row is left out",
    ):
        assert part in after
    with (tmp_path / "points.rejected.csv").open(newline="") as rejected:
        headings, row = csv.reader(rejected)
    assert headings == ["line", "why", "Email", "Points", "Subscribed", "Points pending", "Phone", "Tier"]
    assert row[0] == "3"
    assert row[2:] == ["bob@example,com", "7", "yes", "", "+14155550101", ""]
    told = call("sync", "import", file, "--dry-run", "--json", "-c", config)
    counts = json.loads(told.out)
    assert (counts["new"], counts["known"], counts["rejected"], counts["mode"]) == (2, 0, 1, "set")


def test_who_says_no_changes_nothing_and_who_says_yes_does(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = filled(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    file = a_file(tmp_path, "Email,Points,Subscribed", "ada@example.com,2000,no")
    told = call("sync", "import", file, "-c", config)
    assert told.code == 1
    assert "Change the points of 1 customer?" in told.err
    assert call("optout", "export", "-", "-c", config).out.count("\n") == 1
    told = call("sync", "import", file, "--yes", "-c", config)
    assert told.code == 0, told.err
    assert "1 customer recorded" in told.out
    assert "No daemon is running" in told.out
    assert call("optout", "export", "-", "-c", config).out.count("\n") == 2
    told = call("sync", "import", file, "--yes", "-c", config)
    assert "1 row imported before: 1 available." in told.out


@pytest.mark.parametrize(
    ("arguments", "typed", "held"),
    [(["--yes"], "", 1), (["--yes", "--let-pass"], "", 0), ([], "y\n", 0)],
    ids=["nobody was asked", "a person lets it pass", "a person was asked"],
)
def test_past_the_breaker_goes_what_a_person_saw(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, arguments: list[str], typed: str, held: int
) -> None:
    config = filled(tmp_path)
    monkeypatch.setattr(Breaker, "limit", lambda _self, _accounts: 1)
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    file = a_file(tmp_path, "Email,Points", "ada@example.com,2000", "bob@example.com,3000")
    told = call("sync", "import", file, *arguments, "-c", config)
    assert told.code == held, told.err
    assert "The breaker lets 1 pass today, so 1 would be held" in " ".join(told.out.split())
    assert ("That is 1 more than the breaker lets pass today" in told.err) is bool(typed)
    assert ("The breaker holds 1 order, and nothing is done" in told.err) is bool(held)
    assert (
        "outbox release --source import --verdict breaker` lets them go. Another time" in told.err
    ) is bool(held)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--column", "balance"], "write FIELD=HEADING"),
        (["--column", "stars=Points"], "The fields are mail, phone"),
        (["--column", "mail=Email", "--column", "mail=Points"], "each field once"),
        (["--region", "XX"], "no country of two letters"),
        (["--sum"], "give --add too"),
        (["--sheet", "Customers"], "is a text and has no sheets"),
        (["--site", "nowhere"], "There is no site 'nowhere'"),
    ],
)
def test_what_cannot_be_meant_is_a_sentence(
    tmp_path: Path, call: Call, config: Path, arguments: list[str], sentence: str
) -> None:
    file = a_file(tmp_path, "Email,Points", "ada@example.com,5")
    told = call("sync", "import", file, "--dry-run", *arguments, "-c", config)
    assert told.code == 2
    assert sentence in told.err


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path, call: Call, config: Path) -> None:
    told = call("sync", "import", tmp_path / "missing.csv", "--dry-run", "-c", config)
    assert (told.code, "missing.csv: No such file" in told.err) == (2, True)
    told = call("sync", "import", tmp_path, "--dry-run", "-c", config)
    assert (told.code, "Is a directory" in told.err) == (2, True)


def test_cells_that_a_spreadsheet_would_carry_out_are_harmless_among_what_is_left_out(
    tmp_path: Path, call: Call, config: Path
) -> None:
    file = a_file(tmp_path, "Email,Name,Points", "nobody,=1+1,5", "nobody,@SUM(A1),-5")
    assert call("sync", "import", file, "--dry-run", "-c", config).code == 1
    rejected = (tmp_path / "points.rejected.csv").read_text()
    assert ",'=1+1," in rejected
    assert ",'@SUM(A1),-5" in rejected


def test_rows_in_different_words_that_are_of_one_account_are_compared(
    tmp_path: Path, call: Call, config: Path
) -> None:
    file = a_file(
        tmp_path,
        "contactId,Email,Points",
        ",bob@example.com,5",
        f"{CONTACT},,6",
        ",ada@example.com,7",
    )
    told = call("sync", "import", file, "--dry-run", "--json", "-c", config)
    counts = json.loads(told.out)
    assert (counts["new"], [row["line"] for row in counts["rejected_rows"]]) == (1, [3, 4])
    assert "in the lines 3, 4" in counts["rejected_rows"][0]["why"]


def test_a_history_is_known_by_its_dates_and_how_to_add_it_up_is_said(
    tmp_path: Path, call: Call, config: Path
) -> None:
    file = a_file(
        tmp_path,
        "Email,Points amount,Applied at",
        "ada@example.com,5,2026-01-01",
        "ada@example.com,7,2026-01-02",
    )
    told = call("sync", "import", file, "--dry-run", "-c", config)
    assert "`--add --sum` adds up" in " ".join(told.out.split())
    told = call("sync", "import", file, "--add", "--sum", "--dry-run", "-c", config)
    assert told.code == 0
    assert "1,022 (+12)" in told.out
