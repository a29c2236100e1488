from pathlib import Path

import pytest

from milestones.kinds.email.template_check import faults
from milestones.kinds.email.variables import available_variables
from tests.kinds.builders import TEMPLATES, write_templates

GRANT = available_variables(reminder=False, coupon=True, badge=False)
LINK = "{{ unsubscribe_url }}"
PLAIN = available_variables(reminder=False, coupon=False, badge=False)


def found(folder: Path, body: str, available: frozenset[str] = GRANT) -> list[str]:
    folder = folder / "templates"
    write_templates(folder, mail__body_html=body + LINK)
    return faults(folder, {"mail": available})


@pytest.mark.parametrize(
    "body",
    [
        "{{ coupon.code }} {{ coupon['terms'] }} {{ customer.name.upper() }} {{ unsubscribe_url }}",
        "{% if badge is defined %}{{ badge.title }}{% endif %}",
        "{% if badge is not defined %}none{% else %}{{ badge.title }}{% endif %}",
        "{% if badge is undefined %}none{% elif badge.title %}{{ badge.title }}{% endif %}",
        "{% if badge is defined and badge.title == 'x' %}{{ badge.title }}{% endif %}",
        "{% if badge is not defined or badge.title %}x{% endif %}",
        "{{ badge.title if badge is defined else 'none' }}",
        "{% if points.missing is defined %}{{ points.missing }}{% endif %}",
        "{{ points.missing | default('') }} {{ points.missing | d(coupon.code) }}",
        "{% set share = points.value %}{% for i in range(3) %}{{ i + share }}{{ loop.index }}{% endfor %}",
        "{% macro line(text) %}{{ text }}{% endmacro %}{{ line(coupon.code) }}",
        "{% if coupon %}{{ coupon.code }}{% endif %}",
        "{{ points.value | number }}",
    ],
)
def test_a_sound_template_has_no_faults(tmp_path: Path, body: str) -> None:
    assert found(tmp_path, body) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("{{ coupon.cod }}", "1: coupon.cod is not a variable; did you mean coupon.code?"),
        ("a\nb {{ coupn.code }}", "2: coupn.code is not a variable; did you mean coupon.code?"),
        ("{{ zzzzzz }}", "1: zzzzzz is not a variable."),
        ("{{ custmer }}", "1: custmer is not a variable; did you mean customer?"),
        ("{% if coupon.cod is defined %}{% endif %}", "1: coupon.cod is not a variable; did you mean"),
        ("{{ coupon['cod'] }}", "1: coupon.cod is not a variable; did you mean coupon.code?"),
        ("{{ badge.title }}", "1: badge.title is not there in every mail made from this template"),
        ("{{ points.missing }}", "put {% if points.missing is defined %} around it."),
        ("{% if badge is defined %}x{% else %}{{ badge.title }}{% endif %}", "1: badge.title is not there"),
        ("{% if badge %}x{% endif %}", "1: badge is not there in every mail"),
        ("{% if badge.title is defined %}x{% endif %}", "1: badge.title is not there in every mail"),
        ("line\n{% if coupon %}", "2: Unexpected end of template."),
        ("{{ coupon.code | shout }}", "1: No filter named 'shout'."),
        (
            "\n{% include 'parts/box.html' %}",
            "2: it refers to 'parts/box.html', which is not among the templates.",
        ),
        ("{{ points.value + 'a' }}", "1: cannot be rendered (TypeError)."),
        ("{{ customer.name.__class__ }}", "1: cannot be rendered: access to attribute '__class__'"),
    ],
)
def test_a_fault_is_told_with_file_line_and_advice(tmp_path: Path, body: str, fault: str) -> None:
    (told,) = found(tmp_path, body)
    assert told.startswith("templates/mail/body.html:")
    assert fault in told


def test_a_fault_in_a_layout_is_told_where_it_is(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path / "templates",
        __layout_html="<p>{{ brand.colour }}</p>\n{% block content %}{% endblock %}",
        mail__body_html="{% extends 'layout.html' %}{% block content %}{{ coupon.code }}{% endblock %}",
    )
    (told,) = faults(folder, {"mail": GRANT})
    assert told == "templates/layout.html:1: brand.colour is not a variable; did you mean brand.color?"


def test_a_guard_reaches_into_what_it_includes(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path / "templates",
        __box_html="{{ badge.title }}",
        mail__body_html="{% if badge is defined %}{% include 'box.html' %}{% endif %}" + LINK,
    )
    assert faults(folder, {"mail": PLAIN}) == []


@pytest.mark.parametrize("part", ["body_txt", "body_html"])
@pytest.mark.parametrize(
    "body",
    ["Hello", "{# unsubscribe_url #}", "{% if coupon is defined %}{{ unsubscribe_url }}{% endif %}"],
)
def test_a_mail_without_a_way_out_is_told(tmp_path: Path, part: str, body: str) -> None:
    folder = write_templates(tmp_path / "templates", **{f"mail__{part}": body})
    (told,) = faults(folder, {"mail": PLAIN})
    file = part.replace("_", ".")
    assert told.startswith(f"templates/mail/{file}: the link to unsubscribe is not in every mail")


def test_a_brand_may_have_names_of_its_own(tmp_path: Path) -> None:
    branded = available_variables(reminder=False, coupon=False, badge=False, brand=["slogan"])
    assert found(tmp_path, "{{ brand.slogan }}", branded) == []
    assert "brand.slogan is not a variable" in found(tmp_path, "{{ brand.slogan }}", PLAIN)[0]


def test_a_missing_template_is_named_with_the_nearest_one(tmp_path: Path) -> None:
    folder = write_templates(tmp_path / "templates", milestone_reached__body_html="Hello")
    assert faults(folder, {"milestone-reachd": GRANT}) == [
        "templates/milestone-reachd: there is no such template; did you mean 'milestone-reached'?"
    ]
    assert "make it with subject.txt" in faults(folder, {"zzz": GRANT})[0]


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html="Hello")
    (folder / "mail" / "body.txt").unlink()
    (told,) = faults(folder, {"mail": GRANT})
    assert told.startswith("templates/mail/body.txt: the file is missing")


def test_a_missing_folder_is_one_fault(tmp_path: Path) -> None:
    (told,) = faults(tmp_path / "nowhere", {"mail": GRANT})
    assert "does not exist" in told


def test_a_file_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html="Hello")
    (folder / "mail" / "body.txt").write_bytes(b"caf\xe9")
    assert faults(folder, {"mail": GRANT}) == [
        "templates/mail/body.txt: is not UTF-8 text; save it as UTF-8."
    ]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path / "templates",
        mail__body_html="{{ coupon.cod }}\n{{ coupon.trems }}",
        mail__subject_txt="{{ milestone.titel }}",
    )
    assert len(faults(folder, {"mail": GRANT, "other": GRANT})) == 4


def test_the_shipped_templates_fit_every_milestone() -> None:
    needed = {
        "almost-there": available_variables(reminder=True, coupon=False, badge=False),
        "milestone-reached": PLAIN,
        "badge-earned": available_variables(reminder=False, coupon=False, badge=True),
    }
    assert faults(TEMPLATES, needed) == []
