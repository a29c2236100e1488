from datetime import timedelta
from typing import Any

import pytest

from milestones.domain.milestone import Milestone, Near, Repeat, Reward
from milestones.domain.observation import Customer, Measure
from milestones.kinds.badge.payload import Badge
from milestones.kinds.channel import Task
from milestones.kinds.coupon.payload import Coupon, Discount
from milestones.kinds.email.claims import sample_urls
from milestones.kinds.email.names import plain
from milestones.kinds.email.payload import Email
from milestones.kinds.email.variables import (
    VARIABLES,
    Program,
    Site,
    available_variables,
    only,
    preview_variables,
    requirements,
    variables,
)
from tests.kinds.builders import NOW, a_grant_mail, a_reminder, a_task

SITE = Site("The Corner Shop", brand={"color": "#ffdd00", "slogan": "Always open"})
COUPON = Coupon("10% off", Discount.PERCENT_OFF, "10", "stores", None, timedelta(days=30))
MAIL = Email("milestone-reached", frozenset())
NEAR = Near(100, "almost-there", frozenset(), timedelta(days=30), 2)


def values_of(task: Task, site: Site = SITE) -> dict[str, Any]:
    program = Program("Rewards", "Stars")
    return variables(
        task, site=site, program=program, unsubscribe_url="https://x/u/1", claim_urls=sample_urls(None)
    )


def paths_of(values: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    for group, value in values.items():
        if isinstance(value, dict):
            found |= {f"{group}.{name}" for name in value}
        else:
            found.add(group)
    return found


def a_milestone(*rewards: Reward, near: Near | None = None) -> Milestone:
    return Milestone("stars-1000", "1,000 stars", Measure.BALANCE, 1000, Repeat.ONCE, rewards, near)


def test_a_grant_mail_has_the_variables_that_the_check_believes_it_has() -> None:
    promised = available_variables(reminder=False, coupon=True, badge=False, brand=["slogan"])
    assert paths_of(values_of(a_grant_mail())) == promised


def test_a_reminder_has_the_variables_that_the_check_believes_it_has() -> None:
    promised = available_variables(reminder=True, coupon=True, badge=False, brand=["slogan"])
    assert paths_of(values_of(a_reminder())) == promised - {"reward"}


def test_a_preview_shows_every_variable() -> None:
    assert paths_of(preview_variables(Site("Shop"), now=NOW)) == VARIABLES - {"reward"}


def test_a_preview_without_a_coupon_has_the_group_no_more() -> None:
    paths = available_variables(reminder=False, coupon=False, badge=False)
    assert paths_of(only(preview_variables(Site("Shop"), now=NOW), paths)) == paths


def test_a_reminder_without_rewards_still_has_the_empty_promise() -> None:
    paths = available_variables(reminder=True, coupon=False, badge=False)
    assert only(preview_variables(Site("Shop"), now=NOW), paths)["reward"] == {}
    assert values_of(a_reminder(reward={}))["reward"] == {}


def test_the_coupon_of_a_mail_is_the_one_that_was_created() -> None:
    assert values_of(a_grant_mail())["coupon"] == {
        "code": "AB12CD34EF56G",
        "name": "10% off for 1,000 stars",
        "terms": "10% off, valid until 22 December 2026, one use",
        "expires": "22 December 2026",
    }


def test_the_badge_of_a_mail_is_the_one_that_was_assigned() -> None:
    task = a_task("email", {}, inputs={"badge": {"badge_id": "badge-1", "title": "Star customer"}})
    assert values_of(task)["badge"] == {"title": "Star customer"}


def test_a_template_used_twice_has_only_what_both_mails_have() -> None:
    with_coupon = a_milestone(COUPON, MAIL, near=NEAR)
    with_badge = a_milestone(Badge("Star customer", None), MAIL)
    needed = requirements([with_coupon, with_badge], ["slogan"])
    assert needed["milestone-reached"] == available_variables(
        reminder=False, coupon=False, badge=False, brand=["slogan"]
    )
    assert {"points.missing", "reward.coupon", "brand.slogan"} <= needed["almost-there"]
    assert "reward.badge" not in needed["almost-there"]


@pytest.mark.parametrize(
    ("name", "shown", "first"),
    [
        ("Ana Lima", "Ana Lima", "Ana"),
        (None, "", ""),
        ("   ", "", ""),
        ("Ana\r\nBcc: everyone", "Ana Bcc: everyone", "Ana"),
        ("Ana\u2028Lima\x00\x1b[31m", "Ana Lima [31m", "Ana"),
        ("\u202eevil\u202c Name", "evil Name", "evil"),
        ("Ana \ud800Lima", "Ana Lima", "Ana"),
        ("Zoë 🎉", "Zoë 🎉", "Zoë"),
        ("محمد علي", "محمد علي", "محمد"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("You won! http://evil.example/claim", "", ""),
        ("WWW.evil.example", "", ""),
    ],
)
def test_a_name_is_shown_as_one_harmless_line(name: str | None, shown: str, first: str) -> None:
    customer = values_of(a_grant_mail(customer=Customer(email="ana@example.com", name=name)))["customer"]
    assert (customer["name"], customer["first_name"]) == (shown, first)


def test_a_text_without_end_is_cut() -> None:
    assert len(plain("x" * 100_000)) == 200
    assert plain("x" * 100_000).endswith("…")


@pytest.mark.parametrize(
    ("color", "text"),
    [
        ("#ffdd00", "#000000"),
        ("#fff", "#000000"),
        ("#4338ca", "#ffffff"),
        ("#000000", "#ffffff"),
        ("red", "#ffffff"),
    ],
)
def test_the_text_on_the_brand_color_can_be_read(color: str, text: str) -> None:
    assert values_of(a_grant_mail(), Site("Shop", brand={"color": color}))["brand"]["text_color"] == text
