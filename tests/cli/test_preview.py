"""``milestones preview``."""

import re
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.cli.conftest import Call
from tests.cli.filled import filled
from tests.shop import write_config


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_config(tmp_path / "shop")


def test_a_sample_needs_no_database(call: Call, path: Path) -> None:
    called = call("preview", "almost-there", "--config", path)
    assert called.code == 0, called.err
    assert called.out.startswith("Subject: Almost there: 40 to go until 1,000 stars\n")
    assert "Hi Robin," in called.out


@pytest.mark.parametrize("template", ["almost-there", "milestone-reached", "badge-earned"])
def test_every_template_that_ships_can_be_looked_at(
    call: Call, path: Path, tmp_path: Path, template: str
) -> None:
    html = tmp_path / "mail.html"
    called = call("preview", template, "--html", html, "--config", path)
    assert called.code == 0, called.err
    assert "<html" in html.read_text()


def test_what_a_milestone_gives_is_shown_as_it_is_configured(call: Call, path: Path) -> None:
    text = path.read_text().replace('valid_for = "30d"', 'valid_for = "14d", prefix = "STAR"')
    path.write_text(text.replace("percent_off = 10", "percent_off = 15"))
    reached = call("preview", "milestone-reached", "--config", path).out
    assert "This is for you: 10% off for 1,000 stars\n" in reached
    assert re.search(r"^ {4}STAR[0-9A-Z]{12,16}$", reached, re.MULTILINE)
    assert "15% off, valid until" in reached
    near = call("preview", "almost-there", "--config", path).out
    assert "this is waiting for you: 10% off for 1,000 stars." in near
    assert 'the badge "Star customer"' in near


def test_a_real_customer_has_their_own_points(call: Call, tmp_path: Path) -> None:
    called = call(
        "preview", "almost-there", "--customer", "bob@example.com", "--config", filled(tmp_path / "shop")
    )
    assert "50 to go" in called.out


def test_a_mail_of_one_site_alone_is_that_site_s(call: Call, path: Path) -> None:
    text = path.read_text().replace(
        'email = "milestone-reached"', "points = { amount = 5, description = 'd', per_account = '1 per 1d' }"
    )
    path.write_text(f"""{text}
[[sites]]
name = "The Other Shop"
instance_id = "elsewhere"
[[sites.milestones]]
key = "vip"
title = "Very important"
threshold = 5000
rewards = [
    {{ coupon = {{ name = "A fiver", money_off = 5, scope = "stores" }} }},
    {{ email = "milestone-reached" }},
]
""")
    shown = call("preview", "milestone-reached", "--config", path).out
    assert "you have reached Very important" in shown
    assert "This is for you: A fiver" in shown


def test_it_is_sent_to_oneself(call: Call, path: Path) -> None:
    called = call("preview", "milestone-reached", "--send-to", "me@example.com", "--config", path)
    assert called.code == 0, called.err
    (file,) = (path.parent / "var" / "mail").glob("*.eml")
    message = message_from_bytes(file.read_bytes())
    assert message["To"] == "me@example.com"
    assert message["Subject"].startswith("[Preview] ")


def test_it_obeys_only_to(call: Call, path: Path) -> None:
    path.write_text(path.read_text().replace("[mail]", '[mail]\nonly_to = ["*@shop.example"]'))
    called = call("preview", "almost-there", "--send-to", "me@example.com", "--config", path)
    assert called.code == 2
    assert "only for *@shop.example" in called.err
    assert not list(path.parent.glob("var/mail/*"))


def test_an_unknown_template_or_address_is_a_sentence(call: Call, path: Path) -> None:
    called = call("preview", "almost", "--config", path)
    assert (called.code, called.out) == (2, "")
    assert "there are almost-there, badge-earned, milestone-reached." in called.err
    assert call("preview", "almost-there", "--send-to", "me", "--config", path).code == 2
