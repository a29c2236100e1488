"""A customer may call himself anything: what a mail shows of it is a name, or nothing."""

# ruff: noqa: RUF001 - characters that look like others are what is tried

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from milestones.domain.observation import customer_name
from milestones.kinds.email.names import first_name, person


@pytest.mark.parametrize(
    "name",
    [
        "evil.com", "Win at evil.example now", "Anna (evil.com)", "ev\u200bil.com", "evil\u00ad.com", "evil。com", "ｅｖｉｌ．ｃｏｍ",
        "evil\u2024com", "WWW evil", "anna@example.com", "anna＠example", "@anna", "mailto:x", "tel:123", "javascript:alert(1)",
        "http:x", "//evil", "\\\\server\\share", "192.168.0.1", "+49 170 1234567", "0900-123-456", "john.smith", "evil.com/x",
    ],
)  # fmt: skip
def test_nothing_that_a_mail_program_links_is_a_name(name: str) -> None:
    assert person(name) == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3164",
        "\u00ad",
        "\u2800 \u2800",
        "\u200d",
        "\u115f\u1160",
        "\ufe0f",
        "...",
        "-",
        "\u0301",
        "\x00\x1b",
        "\u2066",
    ],
)
def test_what_nobody_sees_is_no_name(name: str) -> None:
    assert person(name) == ""


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Ana\u3164 Lima\u00ad", "Ana Lima"),
        ("J.R.R.Tolkien", "J. R. R. Tolkien"),
        ("Dr.Li", "Dr. Li"),
        ("نامه\u200cای", "نامه\u200cای"),
        ("👩\u200d🚀 Jo", "👩\u200d🚀 Jo"),
        ("A\u200dna", "Ana"),
        ("Gal·la O'Hara-Lima, Jr.", "Gal·la O'Hara-Lima, Jr."),
        ("x" * 500, "x" * 79 + "…"),
    ],
)
def test_a_name_is_shown_as_it_is_read(name: str, shown: str) -> None:
    assert person(name) == shown


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("Ana Lima", "Ana"), ("Doe, Jane", "Jane"), ("Doe,Jane", "Jane"), ("Doe， Jane", "Jane"), ("Doe, Jane Mary", "Jane"),
        ("Dr. Jane Doe", "Jane"), ("Doe, Dr. Jane", "Jane"), ("Prof. Dr. Jane Doe", "Jane"), ("Herr Dr. Müller", ""),
        ("Mr. Smith", ""), ("Jane Doe, Jr.", "Jane"), ("Smith, John, PhD", "John"), ("Jane Doe, M.D.", "Jane"), ("Jane Doe, Ph.D.", "Jane"),
        ("Doe,", "Doe"), (", Jane", "Jane"), ('"Jane" Doe', "Jane"), ("(Jane) Doe", "Jane"), ("- Jane", "Jane"), ("J. Doe", "J."),
        ("Jean-Luc Picard", "Jean-Luc"), ("O'Hara", "O'Hara"), ("山田太郎", "山田太郎"), ("🌸", ""), ("Cher", "Cher"), ("", ""),
        ("Mr. & Mrs. Smith", ""), ("Herr und Frau Müller", ""), ("Mr. and Mrs. John Smith", "John"), ("Dr. E Lima", "E"),
    ],
)  # fmt: skip
def test_a_customer_is_greeted_by_the_first_name(name: str, first: str) -> None:
    assert first_name(person(name)) == first


@given(st.text(max_size=60))
def test_no_name_holds_a_link_or_is_unseen(name: str) -> None:
    shown = person(name)
    assert not re.search(r"[@\\]|//|[^\s.]\.[^\W_]", shown)
    first = first_name(shown)
    assert not first or first.strip(".") in shown


@pytest.mark.parametrize(
    ("name", "display_name", "called"),
    [
        ("Anna B", "anna99", "Anna B"),
        (None, "anna99", "anna99"),
        (" \u200b", "Anna", "Anna"),
        ("", None, None),
    ],
)
def test_an_account_shows_two_names_and_is_read_in_one_way(
    name: str | None, display_name: str | None, called: str | None
) -> None:
    assert customer_name(name, display_name) == called
