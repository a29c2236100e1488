"""``claim_url`` in templates: each customer's own link, and a fault in `check` for a rule that there is not."""

from datetime import timedelta
from pathlib import Path

import pytest
from jinja2.exceptions import UndefinedError

from milestones.domain import keys
from milestones.domain.keys import Claim
from milestones.kinds.email.claims import SAMPLE, SiteClaims, sample_urls
from milestones.kinds.email.rendering import Catalogue
from milestones.kinds.email.template_check import faults
from milestones.kinds.email.variables import Site, available_variables, preview_variables
from tests.builders import NOW, SECRET

CLAIMS = SiteClaims("https://m.example.com", SECRET, {"follow-us": timedelta(days=90)})


def template(folder: Path, text: str) -> Path:
    (folder / "mail").mkdir()
    (folder / "mail" / "subject.txt").write_text("Hello")
    for part in ("body.txt", "body.html"):
        (folder / "mail" / part).write_text(f"{text}\n{{{{ unsubscribe_url }}}}")
    return folder


@pytest.mark.parametrize("account", ["0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11", "é/b", "A" * 16])
def test_a_link_names_its_rule_its_account_and_its_last_day(account: str) -> None:
    url = CLAIMS.of(account, NOW)("follow-us")
    assert url.startswith("https://m.example.com/e/follow-us.")
    token = url.rpartition("/")[2]
    claim = Claim("follow-us", account, (NOW + timedelta(days=90)).date())
    assert keys.open_claim(SECRET, token) == claim
    for damaged in (f"{token}.", f"<{token}>)", f"{token[:40]}=\r\n{token[40:]}"):
        assert keys.open_claim(SECRET, damaged) == claim
    for forged in (
        token[:-1],
        token.replace("follow-us", "follow-me"),
        token.replace(".2", ".3"),
        f"{token}A",
        "",
    ):
        assert keys.open_claim(SECRET, forged) is None
    assert keys.open_claim(b"another", token) is None
    assert keys.open_token(SECRET, token) is None


def test_a_mail_shows_the_link_escaped_and_a_sample_is_nobodys(tmp_path: Path) -> None:
    folder = template(tmp_path, '<a href="{{ claim_url("follow-us") }}">Follow us</a>')
    values = preview_variables(Site("Shop"), now=NOW)
    assert f'href="{SAMPLE}"' in Catalogue(folder).render("mail", values).html
    values["claim_url"] = CLAIMS.of("a" * 16, NOW)
    assert 'href="https://m.example.com/e/follow-us.t' in Catalogue(folder).render("mail", values).html


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            '{{ claim_url("folow-us") }}',
            "body.txt:1: cannot be rendered: there is no claim 'folow-us' among [[earn]] of the site; did you mean 'follow-us'?",
        ),
        (
            "{{ claim_url(milestone.key) }}",
            "there is no claim 'stars-1000' among [[earn]] of the site; there are follow-us",
        ),
        ("{{ claim_url }}", 'claim_url needs the name of a rule: {{ claim_url("follow-us") }}'),
        ("{{ claim_link('follow-us') }}", "claim_link is not a variable; did you mean claim_url?"),
    ],
)
def test_what_is_no_claim_is_a_fault_with_its_place(tmp_path: Path, text: str, fault: str) -> None:
    folder = template(tmp_path, text)
    mail = available_variables(reminder=True, coupon=False, badge=False, claims=["follow-us"])
    for needed in ({"mail": mail}, {}):
        assert any(fault in one for one in faults(folder, needed, ["follow-us"])), faults(
            folder, needed, ["follow-us"]
        )


def test_a_claim_of_another_site_is_none_here(tmp_path: Path) -> None:
    folder = template(tmp_path, '{{ claim_url("follow-us") }}')
    mail = available_variables(reminder=True, coupon=False, badge=False)
    assert any("there are none" in one for one in faults(folder, {"mail": mail}, ["follow-us"]))
    assert faults(folder, {}, ["follow-us"]) == []
    # Where the configuration cannot be read, nobody knows what there is.
    assert faults(folder, {}) == []


def test_the_sample_knows_what_it_may_link() -> None:
    with pytest.raises(UndefinedError, match="there are none"):
        sample_urls([])("x")
