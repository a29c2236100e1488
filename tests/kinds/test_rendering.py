from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from milestones.domain.observation import Customer
from milestones.errors import ConfigurationError
from milestones.kinds.channel import Task
from milestones.kinds.email.claims import sample_urls
from milestones.kinds.email.rendering import PARTS, Catalogue, RenderedMail
from milestones.kinds.email.variables import Program, Site, preview_variables, variables
from tests.kinds.builders import NOW, TEMPLATES, a_grant_mail, a_reminder, write_templates

SITE = Site("The Corner Shop", brand={"website": "https://shop.example", "address": "12 Market Street"})
HOSTILE = "<script>alert('x')</script>\r\nBcc: everyone \"quoted\" & 🎉 \u202eمحمد"


@pytest.fixture(scope="module")
def shipped() -> Catalogue:
    return Catalogue(TEMPLATES)


def rendered(catalogue: Catalogue, task: Task, site: Site = SITE) -> RenderedMail:
    values = variables(
        task,
        site=site,
        program=Program("Rewards", "Stars"),
        unsubscribe_url="https://shop.example/u/token",
        claim_urls=sample_urls(["follow-us"]),
    )
    return catalogue.render(task.payload["template"], values)


def test_the_reminder_tells_how_much_is_missing_and_what_is_promised(shipped: Catalogue) -> None:
    mail = rendered(shipped, a_reminder())
    assert mail.subject == "Almost there: 40 to go until 1,000 stars"
    for body in (mail.text, mail.html):
        assert "40" in body
        assert "960 Stars" in body
        assert "10% off for 1,000 stars" in body
        assert "https://shop.example/u/token" in body
    assert mail.text.startswith("Hi Ana,\n\njust 40 more")


def test_the_reward_mail_shows_the_code_and_its_terms(shipped: Catalogue) -> None:
    mail = rendered(shipped, a_grant_mail())
    for body in (mail.text, mail.html):
        assert "AB12CD34EF56G" in body
        assert "10% off, valid until 22 December 2026, one use" in body
        assert "https://shop.example/u/token" in body
        assert "12 Market Street" in body


def test_the_reward_mail_without_a_coupon_promises_none(shipped: Catalogue) -> None:
    values = preview_variables(SITE, now=NOW)
    del values["coupon"]
    mail = shipped.render("milestone-reached", values)
    assert mail.subject == "You did it: 1,000 stars"
    assert "code" not in mail.text.lower()


def test_a_customer_without_a_name_is_greeted_all_the_same(shipped: Catalogue) -> None:
    mail = rendered(shipped, a_reminder(customer=Customer(email="ana@example.com")))
    assert mail.text.startswith("Hello,\n")
    assert ">You are almost there<" in mail.html


def test_a_hostile_name_stays_text(shipped: Catalogue) -> None:
    mail = rendered(shipped, a_grant_mail(customer=Customer(email="ana@example.com", name=HOSTILE)))
    assert "<script" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "\r" not in mail.text
    assert "\u202e" not in mail.text + mail.html


def test_a_subject_is_one_line_whatever_its_template_holds(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path, mail__subject_txt="One\r\nBcc: {{ customer.name }}\n\n\x85two\u2028three\n"
    )
    values = {**preview_variables(SITE, now=NOW), "customer": {"name": "x\r\nTo: y", "language": "en"}}
    assert Catalogue(folder).render("mail", values).subject == "One Bcc: x To: y two three"


def test_css_is_inlined_and_rules_for_dark_and_narrow_clients_stay(shipped: Catalogue) -> None:
    html = rendered(shipped, a_grant_mail()).html
    assert 'class="card center" style="' in html
    assert "prefers-color-scheme: dark" in html
    assert "max-width: 480px" in html


def test_the_brand_color_is_used(shipped: Catalogue) -> None:
    html = rendered(shipped, a_grant_mail(), Site("Shop", brand={"color": "#0a7f42"})).html
    assert "background-color: #0a7f42" in html


def test_no_shipped_mail_loads_anything(shipped: Catalogue) -> None:
    for template in shipped.templates:
        html = shipped.render(template, preview_variables(SITE, now=NOW)).html
        assert "src=" not in html
        assert "@import" not in html
        assert "<link" not in html


def test_a_mail_waits_only_for_what_its_template_shows(shipped: Catalogue) -> None:
    assert shipped.templates == {"almost-there", "milestone-reached", "badge-earned"}
    assert {"coupon", "badge"} & shipped.uses("milestone-reached") == {"coupon"}
    assert {"coupon", "badge"} & shipped.uses("badge-earned") == {"badge"}
    assert {"coupon", "badge"} & shipped.uses("almost-there") == set()


def test_the_uses_of_a_layout_count(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path, __layout_html="{{ badge.title }}", mail__body_html="{% extends 'layout.html' %}"
    )
    assert Catalogue(folder).uses("mail") == {"badge", "unsubscribe_url"}


def test_numbers_have_the_separators_of_the_language(tmp_path: Path) -> None:
    folder = write_templates(tmp_path, mail__body_txt="{{ milestone.threshold | number }}")
    values = preview_variables(Site("Laden", language="de"), now=NOW)
    assert Catalogue(folder).render("mail", values).text == "1.000\n"


def test_a_broken_template_is_told_when_the_catalogue_is_made(tmp_path: Path) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html="\n{% if %}")
    with pytest.raises(ConfigurationError, match=r"^templates/mail/body\.html:2: "):
        Catalogue(folder)


def test_a_template_that_fails_is_named_without_any_value(tmp_path: Path) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html="Hi\n{{ customer.name | int / 0 }}")
    values = preview_variables(SITE, now=NOW)
    with pytest.raises(ConfigurationError) as caught:
        Catalogue(folder).render("mail", values)
    assert str(caught.value) == "templates/mail/body.html:2: cannot be rendered (ZeroDivisionError)."


def test_a_template_cannot_leave_its_sandbox(tmp_path: Path) -> None:
    folder = write_templates(tmp_path, mail__body_html="{{ customer.name.__class__.__mro__ }}")
    with pytest.raises(ConfigurationError, match="unsafe"):
        Catalogue(folder).render("mail", preview_variables(SITE, now=NOW))


def test_an_unknown_template_is_a_sentence(shipped: Catalogue) -> None:
    with pytest.raises(ConfigurationError, match="no template 'nothing'"):
        shipped.render("nothing", {})
    with pytest.raises(ConfigurationError, match="no template 'nothing'"):
        shipped.uses("nothing")


@pytest.mark.parametrize(
    "style",
    [
        '<style>p { color: red }</style><p style="*zoom:1">',
        '<style>p { color: red }</style><p style="color">',
    ],
)
def test_css_that_cannot_be_read_is_a_fault_of_the_template_with_its_place(
    tmp_path: Path, style: str
) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html=style)
    with pytest.raises(ConfigurationError, match=r"templates/mail/body\.html: its CSS cannot be read"):
        Catalogue(folder).render("mail", preview_variables(SITE, now=NOW))


def test_half_a_character_keeps_no_mail_back(tmp_path: Path) -> None:
    values = {**preview_variables(SITE, now=NOW), "points": {"name": "Stars \ud83d"}}
    folder = write_templates(tmp_path, mail__body_html="{{ points.name }} {{ unsubscribe_url }}")
    assert Catalogue(folder).render("mail", values).html.encode()


def test_a_file_is_parsed_and_compiled_once_until_it_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    def counted(step: str) -> Callable[..., Any]:
        original = getattr(Environment, step)

        def count(made: Environment, source: str, file: str, *more: Any, **named: Any) -> Any:
            done.append(f"{step} {file}")
            return original(made, source, file, *more, **named)

        return count

    for step in ("parse", "compile"):
        monkeypatch.setattr(Environment, step, counted(step))
    write_templates(tmp_path, once__subject_txt="Dear {{ customer.name }}")
    for _ in range(2):
        Catalogue(tmp_path)
    assert sorted(done) == [
        *(f"compile once/{part}" for part in sorted(PARTS)),
        *(f"parse once/{part}" for part in sorted(PARTS)),
    ]
    done.clear()
    write_templates(tmp_path, once__subject_txt="Hi {{ customer.name }}")
    assert Catalogue(tmp_path).render("once", preview_variables(SITE, now=NOW)).subject.startswith("Hi ")
    assert sorted(done) == ["compile once/subject.txt", "parse once/subject.txt"]
