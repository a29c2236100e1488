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


REMINDER = available_variables(reminder=True, coupon=False, badge=False)
ONE_WORD = "for a customer whose name is one word"
NAMELESS = "for a customer without a name"


@pytest.mark.parametrize(
    ("body", "available", "line", "whom"),
    [
        ("Hi {{ customer.name.split(' ')[1] }}", GRANT, 1, ONE_WORD),
        ("a\nb\n{{ customer.name.split(' ')[-2] }}", GRANT, 3, ONE_WORD),
        ("{{ customer.name[0] }}", GRANT, 1, "for a customer without a name"),
        ("{{ customer.first_name | first | upper }}", GRANT, 1, NAMELESS),
        ("{% if not customer.name %}{{ 1 / 0 }}{% endif %}", GRANT, 1, NAMELESS),
        ("{{ customer.first_name[1] }}", GRANT, 1, "for a customer without a name"),
        (
            "{% if customer.name %}{{ customer.first_name[0] }}{% endif %}",
            GRANT,
            1,
            "for a customer with a name without a first name",
        ),
        ("{% if customer.name | length > 40 %}{{ 1 / 0 }}{% endif %}", GRANT, 1, "a very long name"),
        ("{{ (coupon.expires.split(' '))[2] }}", GRANT, 1, "for a coupon that never ends"),
        ("{{ 100 // (points.value - milestone.threshold) }}", PLAIN, 1, "for 1,000 points of 1,000"),
        ("{{ 100 // points.value }}", REMINDER, 1, "for 0 points of 1,000"),
        ("{{ 7 // (points.missing - 1) }}", REMINDER, 1, "for 999 points of 1,000"),
        ("{% if points.value > 5000 %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "points of 1"),
        ("{% if customer.language == 'de' %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "for the language de"),
        ("{% if customer.language == 'ja' %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "for the language ja"),
        ("{% if customer.language in ['ja', 'ko'] %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "the language ja"),
        ("{% if milestone.key == 'gold' %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "for milestone.key being gold"),
        ("{% if points.measure == 'earned' %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "for a milestone on earned"),
        ("{% if brand.logo_url %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "a shop with all texts of its brand"),
        ("{% if coupon is defined %}{{ 1 / 0 }}{% endif %}", PLAIN, 1, "for a mail with a coupon"),
        ("{% if reward.coupon is defined %}{{ 1 / 0 }}{% endif %}", REMINDER, 1, "a coupon that is promised"),
        (
            "{% if badge is defined %}{% if coupon is defined %}{{ 1 / 0 }}{% endif %}{% endif %}",
            PLAIN,
            1,
            "for a mail with a coupon, a mail with a badge",
        ),
        (
            "{% if not customer.name and customer.language == 'fr' %}{{ 1 / 0 }}{% endif %}",
            PLAIN,
            1,
            "for a customer without a name, the language fr",
        ),
        (
            "{% for word in customer.name.split() %}{{ 1 // (loop.length - 4) }}{% endfor %}",
            PLAIN,
            1,
            "four words",
        ),
        ("{% macro hi(n) %}{{ n[0] }}{% endmacro %}\n{{ hi(customer.first_name) }}", PLAIN, 1, NAMELESS),
        ("{% include customer.language ~ '.html' %}", PLAIN, 1, ""),
    ],
)
def test_whom_a_template_fails_is_told_before_a_mail_is_due(
    tmp_path: Path, body: str, available: frozenset[str], line: int, whom: str
) -> None:
    told = found(tmp_path, body, available)[0]
    assert told.startswith(f"templates/mail/body.html:{line}: cannot be rendered")
    assert whom in told


def test_a_fault_of_a_layout_shows_in_the_layout_and_for_whom(tmp_path: Path) -> None:
    folder = write_templates(
        tmp_path / "templates",
        __layout_html="<b>\n{{ customer.first_name[0] }}</b>{% block content %}{% endblock %}",
        mail__body_html="{% extends 'layout.html' %}{% block content %}" + LINK + "{% endblock %}",
    )
    assert faults(folder, {"mail": GRANT}) == [
        f"templates/layout.html:2: cannot be rendered: str object has no element 0, {NAMELESS}."
    ]


@pytest.mark.parametrize(
    ("body", "whom"),
    [
        ("{% if customer.first_name %}Hi " + LINK + "{% else %}Hello!{% endif %}", NAMELESS),
        ("{% if customer.first_name %}Hi{% else %}Hello! " + LINK + "{% endif %}", ""),
        ("{% for word in customer.name.split() %}" + LINK + "{% endfor %}", NAMELESS),
        ("{% if customer.language != 'it' %}" + LINK + "{% endif %}", "for the language it"),
        ("{% if coupon.expires %}" + LINK + "{% endif %}", "for a coupon that never ends"),
        ("<!-- " + LINK + " -->", ""),
    ],
)
def test_a_mail_without_a_way_out_names_whom_it_would_reach(tmp_path: Path, body: str, whom: str) -> None:
    folder = write_templates(tmp_path / "templates", mail__body_html=body)
    (told,) = faults(folder, {"mail": GRANT})
    assert told.startswith("templates/mail/body.html: the link to unsubscribe is not in every mail")
    assert whom in told


@pytest.mark.parametrize(
    ("subject", "whom"),
    [
        ("", ""),
        ("{% if customer.first_name %}Hi {{ customer.first_name }}{% endif %}", NAMELESS),
        ("{{ coupon.expires }}", "for a coupon that never ends"),
        ("\n \u200b"[:2], ""),
    ],
)
def test_an_empty_subject_is_told(tmp_path: Path, subject: str, whom: str) -> None:
    folder = write_templates(tmp_path / "templates", mail__subject_txt=subject)
    (told,) = faults(folder, {"mail": GRANT})
    assert told.startswith("templates/mail/subject.txt: the subject is empty")
    assert whom in told


@pytest.mark.parametrize("guard", ["", "{% if not customer.name %}", "{% if coupon is defined %}"])
def test_a_style_that_cannot_be_inlined_is_a_fault_of_the_template(tmp_path: Path, guard: str) -> None:
    hack = '<style>p { color: red }</style><p style="*zoom:1">x</p>'
    (told,) = found(tmp_path, f"{guard}{hack}{'{% endif %}' if guard else ''}", PLAIN)
    assert told.startswith("templates/mail/body.html: its CSS cannot be read")


def test_a_template_of_many_conditions_is_tried_in_pairs_within_a_moment(tmp_path: Path) -> None:
    many = "".join(
        f"{{% if {condition} %}}x{{% else %}}y{{% endif %}}"
        for condition in (
            "customer.name",
            "customer.language == 'de'",
            "coupon is defined",
            "badge is defined",
            "points.value > 7",
            "points.measure == 'earned'",
            "brand.logo_url",
            "milestone.key in ['a', 'b', 'c']",
            "milestone.title == 'x'",
        )
    )
    pair = "{% if milestone.key == 'b' and not customer.name %}{{ 1 / 0 }}{% endif %}"
    assert found(tmp_path, many, PLAIN) == []
    (told,) = found(tmp_path, many + pair, PLAIN)
    assert NAMELESS in told
    assert "milestone.key being b" in told
