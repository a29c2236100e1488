"""Overrides from the environment."""

import pytest

from milestones.kinds.badge.table import BadgeReward
from tests.config.conftest import BASE, Faults, Reader

TEXT = (
    BASE
    + """\
[brand]
Color = "red"
[[sites]]
name = "Main Shop"
[[milestones]]
key = "stars-1000"
title = "Stars"
threshold = 1000
[[milestones.rewards]]
badge = { title = "Star" }
"""
)


def test_a_key_is_overridden_by_its_path(read: Reader) -> None:
    settings = read(
        TEXT,
        {
            "MILESTONES_DAEMON__LISTEN": "0.0.0.0:9090",
            "MILESTONES_MAIL__PER_MINUTE": "7",
            "MILESTONES_WIX__SANDBOX": "true",
            "MILESTONES_SCAN__EVERY": "0 9 * * *",
            "MILESTONES_POLICY__BREAKER__SHARE": "0.5",
            "MILESTONES_SANDBOX__EARN_PER_SECOND": "3",
            "MILESTONES_DAEMON__TEMPLATES": "123",
        },
    )
    assert settings.daemon.listen == "0.0.0.0:9090"
    assert settings.daemon.public_url == "http://0.0.0.0:9090"
    assert settings.mail.per_minute == 7
    assert settings.scan.every == "0 9 * * *"
    assert settings.policy.breaker.share == 0.5
    assert settings.sandbox.earn_per_second == 3
    assert settings.daemon.templates.name == "123"


@pytest.mark.parametrize("name", ["STARS_1000", "stars-1000", "0", "Stars_1000"])
def test_an_entry_of_a_list_is_named_by_key_or_position(read: Reader, name: str) -> None:
    settings = read(TEXT, {f"MILESTONES_MILESTONES__{name}__THRESHOLD": "900"})
    assert settings.milestones[0].threshold == 900


def test_deep_and_free_and_listed_keys_are_reached(read: Reader) -> None:
    settings = read(
        TEXT,
        {
            "MILESTONES_MILESTONES__0__REWARDS__0__BADGE__CREATE": "true",
            "MILESTONES_BRAND__COLOR": "blue",
            "MILESTONES_BRAND__WEBSITE": "12",
            "MILESTONES_SITES__MAIN_SHOP__TIMEZONE": "Europe/Paris",
            "MILESTONES_MAIL__ONLY_TO": '["*@example.com"]',
            "MILESTONES_POLICY__BREAKER": "{ share = 0.1, floor = 3 }",
        },
    )
    badge = settings.milestones[0].rewards[0].table
    assert isinstance(badge, BadgeReward)
    assert badge.create
    assert settings.brand == {"Color": "blue", "website": "12"}
    assert str(settings.sites[0].timezone) == "Europe/Paris"
    assert settings.mail.only_to == ("*@example.com",)
    assert settings.policy.breaker.floor == 3


def test_an_entry_can_be_added_behind_the_last(read: Reader) -> None:
    settings = read(
        BASE,
        {
            "MILESTONES_SITES__0__NAME": "Only here",
            "MILESTONES_SITES__0__SITE_ID": "s",
            "MILESTONES_SITES__0__API_KEY": "k",
        },
    )
    site = settings.sites[0]
    assert site.name == "Only here"
    assert site.api_key is not None
    assert site.api_key.get_secret_value() == "k"


def test_a_secret_stands_in_its_variable_or_is_referred_to(read: Reader) -> None:
    for environ in (
        {"MILESTONES_MAIL__PASSWORD": "hunter2"},
        {"MILESTONES_MAIL__PASSWORD": '{ env = "ELSEWHERE" }', "ELSEWHERE": "hunter2"},
    ):
        settings = read(BASE, {"MILESTONES_MAIL__USERNAME": "me", **environ})
        assert settings.mail.password is not None
        assert settings.mail.password.get_secret_value() == "hunter2"
        assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("password", ["{x", "[1]", "{ a =", "12", '"quoted"'])
def test_a_secret_is_itself_whatever_it_begins_with(read: Reader, password: str) -> None:
    settings = read(TEXT, {"MILESTONES_MAIL__PASSWORD": password, "MILESTONES_MAIL__USERNAME": "u"})
    assert settings.mail.password is not None
    assert settings.mail.password.get_secret_value() == password


def test_a_fault_names_the_variable(faults: Faults) -> None:
    assert faults(
        TEXT,
        {
            "MILESTONES_DAEMON__LISTEN": "everywhere",
            "MILESTONES_DAEMON__LISTN": "127.0.0.1:1",
            "MILESTONES_NOPE__X": "1",
            "MILESTONES_MILESTONES__STARS_10__THRESHOLD": "1",
            "MILESTONES_MILESTONES__STARS_1000__NEAR__WITHIN": "many",
            "MILESTONES_DAEMON__LISTEN__PORT": "1",
        },
    ) == [
        "MILESTONES_DAEMON__LISTEN__PORT: there is nothing below this key, so no 'port' either",
        "MILESTONES_DAEMON__LISTN: there is no key 'listn' here; did you mean 'listen'?",
        (
            "MILESTONES_MILESTONES__STARS_10__THRESHOLD: no entry, or more than one, is called 'stars_10'; "
            "there are: stars-1000"
        ),
        "MILESTONES_NOPE__X: there is no key 'nope' here",
        'MILESTONES_DAEMON__LISTEN: daemon.listen: must be a host and a port such as "127.0.0.1:8080"',
        "MILESTONES_MILESTONES__STARS_1000__NEAR__WITHIN: milestones[0].near.within: must be a whole number",
        "config.toml:9:3: milestones[0].near.template: is missing",
    ]


def test_what_cannot_be_an_override_is_left_alone(faults: Faults) -> None:
    # Kubernetes sets these beside a service that is called "milestones".
    assert faults(TEXT, {"MILESTONES_PORT": "tcp://10.0.0.1:80", "MILESTONES_SERVICE_HOST": "10.0.0.1"}) == []
