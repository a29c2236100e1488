"""What can be read and is probably not meant."""

from pathlib import Path

import pytest

from milestones.config import templates
from tests.config.conftest import BASE, MILESTONE, Reader


def test_what_is_probably_not_meant_is_a_warning(read: Reader) -> None:
    settings = read(
        BASE
        + 'only_to = ["a@example.com"]\n[daemon]\nmode = "shadow"\n'
        + MILESTONE
        + 'measure = "tier_points"\nnear = { within = 1000, template = "plain" }\n'
    )
    assert [warning.split(": ", 1)[1] for warning in settings.warnings] == [
        "mail.only_to: mail leaves for these addresses alone",
        "daemon.mode: is shadow: everything is decided and recorded, and nothing is sent",
        "milestones[0].measure: tier_points cannot be searched for: only webhooks and the sweep tell of them",
        "milestones[0].near: a scan cannot find who is near in tier_points; only the sweep will remind",
        "milestones[0].near.within: takes in every customer, down to no points at all",
    ]


def test_a_doubt_about_a_site_stands_at_the_site_and_what_it_inherits_is_told_once(read: Reader) -> None:
    sites = """
[[sites]]
name = "a"
[sites.mail]
language = "de"
[[sites]]
name = "b"
instance_id = "b"
[sites.mail]
only_to = ["b@example.com"]
"""
    settings = read(BASE + 'only_to = ["a@example.com"]\n' + MILESTONE + sites)
    assert [warning.split(": ", 1)[1].split(",")[0] for warning in settings.warnings] == [
        "daemon.mode: is shadow: everything is decided and recorded",
        "mail.only_to: mail leaves for these addresses alone",
        "milestones[0]: gives nothing and reminds nobody",
        "sites[1].instance_id: is asked of the simulated Wix",
        "sites[1].mail.only_to: mail leaves for these addresses alone",
    ]


def test_a_thousand_sites_read_a_template_once(read: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    near = 'near = { within = 100, template = "plain" }\n'
    text = BASE + MILESTONE + near
    for number in range(10):
        text += f'[[sites]]\nname = "s{number}"\ninstance_id = "i{number}"\n'
        if number % 2:
            text += (MILESTONE + near).replace("[[milestones]]", "[[sites.milestones]]")
    asked: list[str] = []

    def counted(_templates: Path, name: str) -> frozenset[str]:
        asked.append(name)
        return frozenset()

    monkeypatch.setattr(templates, "groups", counted)
    settings = read(text)
    assert len(settings.list_sites()) == 10
    assert asked == ["plain"]
