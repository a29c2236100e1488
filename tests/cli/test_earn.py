"""``milestones earn``: a rule tried out on a sample, and what is known of services."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from milestones.config import parse
from milestones.config.earn_presets import PRESETS
from milestones.earn.reading import Wanted, read_events
from milestones.earn.record import Recorder
from tests.builders import NOW, SITE
from tests.cli.conftest import Call
from tests.cli.filled import filled
from tests.earn.samples import SAMPLES, SECRET
from tests.shop import Shop, write_config

RULES = """
[[earn]]
name = "webinar"
preset = "zoom"
points = 20
signature.secret = { env = "ZOOM_SECRET" }

[[earn]]
name = "stars"
preset = "github"
points = 5
email = "sender.mail"
headers = { X-GitHub-Event = "star" }
signature.secret = { env = "OTHER_SECRET" }

[[earn]]
name = "follow-us"
points = 5
claim = { url = "https://example.com/us", title = "Follow us" }
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ZOOM_SECRET", SECRET)
    config = write_config(tmp_path / "shop")
    config.write_text(config.read_text() + RULES)
    return config


def sample(folder: Path, name: str = "zoom", /, **changes: object) -> Path:
    file = folder / f"{name}.json"
    file.write_text(json.dumps({**SAMPLES[name].body, **changes}))
    return file


def test_a_sample_says_what_would_become_of_it_before_there_is_a_database(
    call: Call, path: Path, tmp_path: Path
) -> None:
    called = call("earn", "test", "webinar", sample(tmp_path), "--config", path)
    assert called.code == 0, called.err
    assert "/webhooks/in/webinar\n" in called.out
    assert "Signed as the service would, in x-zm-request-timestamp, x-zm-signature: genuine.\n" in called.out
    assert "Event 1 of 1: 20 points for ada@example.com.\n" in called.out
    assert "So nobody is known.\n" in called.out
    assert called.out.endswith("Nothing was recorded.\n")
    assert SECRET not in called.out


@pytest.mark.parametrize(
    ("rule", "changes", "words"),
    [
        ("webinar", {"event": "webinar.ended"}, "nothing. It is not one that the rule asks for: event == "),
        (
            "webinar",
            {"payload": {}},
            "finds nothing, so nobody could tell whether it came before. It would be kept",
        ),
    ],
)
def test_each_no_is_a_sentence(
    call: Call, path: Path, tmp_path: Path, rule: str, changes: dict[str, object], words: str
) -> None:
    called = call("earn", "test", rule, sample(tmp_path, **changes), "--config", path)
    assert called.code == 1
    assert words in called.out


def test_a_handshake_and_a_body_that_is_none_are_told_as_such(call: Call, path: Path, tmp_path: Path) -> None:
    asked = sample(tmp_path, event="endpoint.url_validation", payload={"plainToken": "t"})
    called = call("earn", "test", "webinar", asked, "--config", path)
    assert called.code == 0
    assert 'It is a handshake, and is answered: {"plainToken": "t"' in called.out
    asked.write_bytes(b"mail=ada")
    called = call("earn", "test", "webinar", asked, "--config", path)
    assert called.code == 1
    assert "The body is not valid JSON. It would be kept, for `milestones rejected list`.\n" in called.out


def test_headers_may_be_given_and_the_secret_of_this_rule_alone_is_needed(
    call: Call, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    star = sample(tmp_path, "github")
    called = call("earn", "test", "stars", star, "--config", path)
    assert called.code == 2
    assert "OTHER_SECRET" in called.err
    monkeypatch.setenv("OTHER_SECRET", SECRET)
    called = call("earn", "test", "stars", star, "--config", path)
    assert called.code == 1
    assert "The header x-github-event is none of those that the rule asks for (headers)." in called.out
    called = call(
        "earn", "test", "stars", star, "--header", "X-GitHub-Event=star", "--json", "--config", path
    )
    assert called.code == 0, called.out
    told = json.loads(called.out)
    assert [(one["outcome"], one["points"]) for one in told["events"]] == [("earned", 5)]


def test_what_is_known_of_the_customer_is_shown(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOOM_SECRET", SECRET)
    path = tmp_path / "shop" / "config.toml"
    rules = RULES.replace("points = 20", 'points = 20\ncap = "30 per 3650d"', 1)

    async def earn(shop: Shop) -> None:
        text = path.read_text() + rules
        rule = parse(text, path, {}, secrets=False).find_earn_rule("webinar")
        assert rule is not None
        (reading,) = read_events(rule, SAMPLES["zoom"].body, {})
        assert isinstance(reading, Wanted)
        other = replace(reading, id=("another",), points=20)
        results = await Recorder(shop.store, shop.rules).record(SITE, rule, [other], NOW)
        assert [result.outcome for result in results] == ["earned"]

    filled(path.parent, earn)
    path.write_text(path.read_text() + rules)
    called = call("earn", "test", "webinar", sample(tmp_path), "--config", path)
    assert called.code == 1
    assert "Event 1 of 1: no 20 points for ada@example.com. The customer has had as many points" in called.out
    called = call("earn", "test", "webinar", sample(tmp_path), "--email", "bob@example.com", "--config", path)
    assert called.code == 0, called.out
    assert "Event 1 of 1: 20 points for bob@example.com.\n  The account account-bob has it.\n" in called.out
    assert "  The order would be earn webinar:" in called.out
    called = call("earn", "test", "webinar", sample(tmp_path), "--email", "new@example.com", "--config", path)
    assert "Nobody is known by that here, so the contact is looked for in Wix" in called.out
    nameless = sample(
        tmp_path, event="webinar.registration_created", payload={"object": {"id": 1, "registrant": {"id": 2}}}
    )
    assert "(email) finds nothing" in call("earn", "test", "webinar", nameless, "--config", path).out
    quoted = "o`neil@example.com"
    called = call("earn", "test", "webinar", nameless, "--email", quoted, "--config", path)
    assert f"20 points for {quoted}." in called.out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("test", "webinr", "x.json"),
            "There is no rule 'webinr' among [[earn]]; there are webinar, stars, follow-us.",
        ),
        (("test", "follow-us", "x.json"), "The rule follow-us is a claim: a link that customers click."),
        (("test", "webinar", "x.json", "--email", "ada"), "--email is no mail address."),
        (("test", "webinar", "x.json", "--header", "star"), "--header is written NAME=VALUE"),
        (("test", "webinar", "x.json"), "x.json: No such file or directory."),
        (("show", "zom"), "There is no preset 'zom'; there are standard-webhooks,"),
    ],
)
def test_a_mistake_is_a_sentence(call: Call, path: Path, arguments: tuple[str, ...], sentence: str) -> None:
    where = () if arguments[0] == "show" else ("--config", path)
    called = call("earn", *arguments, *where)
    assert called.code in {1, 2}
    assert sentence in called.err


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_printed_as_it_would_stand_in_the_file(call: Call, preset: str) -> None:
    called = call("earn", "show", preset)
    assert called.code == 0
    assert tomllib.loads(called.out) == PRESETS[preset].keys
    assert called.out.startswith("# Known from ")


@pytest.mark.parametrize(("new_sites", "code"), [("observe", 0), ("active", 2)])
def test_a_mail_may_link_a_claim_where_every_site_that_is_mailed_has_it(
    call: Call, path: Path, monkeypatch: pytest.MonkeyPatch, new_sites: str, code: int
) -> None:
    monkeypatch.setenv("OTHER_SECRET", SECRET)
    body = path.parent / "templates" / "almost-there" / "body.txt"
    body.write_text(body.read_text().replace("{% endblock %}", '{{ claim_url("follow-us") }}{% endblock %}'))
    text = path.read_text().replace("sandbox = true", f'sandbox = true\nnew_sites = "{new_sites}"', 1)
    text = text.replace('name = "The Corner Shop"', 'name = "The Corner Shop"\ninstance_id = "a"', 1)
    path.write_text(text)
    called = call("check", "--config", path)
    assert called.code == code, called.err
    assert ("there is no claim 'follow-us'" in called.err) == bool(code)
