"""``[[earn]]``: what it means, and every fault of it with its place. The snippets stand below a base of six lines."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from milestones.cli.check import json_schema
from milestones.config.earn_presets import PRESETS
from milestones.domain.earn import Handshake, Once, Part, Scheme, Who
from milestones.domain.order import Create
from milestones.errors import ConfigurationError, UsageError
from tests.config.conftest import BASE, Faults, Reader

TOP = BASE + '[[sites]]\nname = "main"\n'
LINE = TOP.count("\n") + 1
SECRET = 'signature.secret = { env = "S" }\n'
ZOOM = '[[earn]]\nname = "webinar"\npreset = "zoom"\npoints = 20\n' + SECRET
CLAIM = '[[earn]]\nname = "follow-us"\npoints = 5\nclaim = { url = "https://example.com/us", title = "Follow us" }\n'
OWN = '[[earn]]\nname = "own"\npoints = 5\nemail = "mail"\n'
HMAC = 'signature = { type = "hmac", header = "X-Sign", secret = { env = "S" } }\n'
ENVIRON = {"S": "s3cret"}


def test_a_preset_fills_in_what_the_rule_does_not_say(read: Reader) -> None:
    (rule,) = read(
        TOP + ZOOM + 'path = "zoom"\nwhen = "event == \'x\'"\ncap = "60 per 30d"\n', ENVIRON
    ).list_earn_rules()
    assert (rule.name, rule.path, rule.site, rule.points, rule.description) == (
        "webinar",
        "zoom",
        "main",
        20,
        "webinar",
    )
    event = rule.event
    assert event is not None
    assert event.handshake is not None
    assert event.when is not None
    assert (event.when.text, event.who, event.create) == ("event == 'x'", Who.EMAIL, Create.ACCOUNT)
    assert (event.signature.type, event.signature.header, event.signature.prefix) == (
        Scheme.HMAC,
        "x-zm-signature",
        "v0=",
    )
    assert event.signature.secrets == (b"s3cret",)
    assert (event.handshake.type, event.handshake.answer) == (Handshake.HMAC_POST, "encryptedToken")
    assert [(cap.points, cap.period.days) for cap in rule.limits.caps] == [(60, 30)]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_becomes_a_rule_once_what_it_leaves_open_is_written(read: Reader, name: str) -> None:
    handshake = 'handshake.secret = { env = "S" }\n' if name == "meta" else ""
    user = 'signature.username = "shop"\n' if name == "basic" else ""
    text = f'[[earn]]\nname = "r"\npreset = "{name}"\npoints = "amount"\nemail = "mail"\n{SECRET}{user}{handshake}'
    (rule,) = read(TOP + text, {"S": "whsec_c2VjcmV0"}).list_earn_rules()
    assert rule.event is not None
    assert (rule.event.who, rule.event.points and rule.event.points.text) == (Who.EMAIL, "amount")


def test_who_is_written_takes_the_place_of_the_presets(read: Reader) -> None:
    (rule,) = read(TOP + ZOOM + 'contact_id = "payload.contact"\n', ENVIRON).list_earn_rules()
    assert rule.event is not None
    assert (rule.event.who, str(rule.event.person)) == (Who.CONTACT, "payload.contact")


def test_a_claim_works_once_for_each_customer(read: Reader) -> None:
    settings = read(TOP + CLAIM)
    (rule,) = settings.list_earn_rules()
    assert rule.claim is not None
    assert (rule.limits.once, rule.description, rule.claim.url) == (
        Once.CUSTOMER,
        "Follow us",
        "https://example.com/us",
    )
    assert [list(site.claims) for site in settings.list_sites()] == [["follow-us"]]
    two = TOP.replace('"main"', '"main"\ninstance_id = "a"') + '[[sites]]\nname = "b"\ninstance_id = "b"\n'
    of_one = read(two + CLAIM.replace("points", 'site = "b"\npoints'))
    assert [dict(site.claims).keys() for site in of_one.list_sites()] == [set(), {"follow-us"}]
    assert of_one.for_site("another").claims == {}


def test_places_secrets_and_limits_may_be_one_or_several(read: Reader) -> None:
    text = OWN + (
        'signature = { type = "hmac", header = "X-Sign", secret = [{ env = "S" }, { env = "T" }] }\n'
        'id = ["a", { body = "b" }]\nonce_per = "customer and webinar.id"\ncap = ["5 per 1d", "20 per 7d"]\n'
        'headers = { X-Topic = ["a", "b"], X-Other = "c" }\n'
    )
    settings = read(TOP + text, {"S": "1", "T": "2"})
    (rule,) = settings.list_earn_rules()
    assert rule.event is not None
    assert rule.event.signature.secrets == (b"1", b"2")
    assert [place.part for place in rule.event.id] == [Part.EVENT, Part.BODY]
    assert rule.event.headers == {"x-topic": ("a", "b"), "x-other": ("c",)}
    assert rule.limits.value is not None
    assert (rule.limits.once, rule.limits.value.text) == (Once.CUSTOMER_AND_VALUE, "webinar.id")
    assert [cap.points for cap in rule.limits.caps] == [5, 20]
    assert settings.hash == read(TOP + text, {"S": "3", "T": "4"}).hash
    assert settings.hash != read(TOP + text.replace("webinar.id", "webinar.no"), {"S": "1", "T": "2"}).hash


def test_a_command_that_needs_no_secret_reads_the_rules_without(read: Reader) -> None:
    settings = read(TOP + ZOOM + CLAIM, secrets=False)
    assert list(settings.list_sites()[0].claims) == ["follow-us"]
    with pytest.raises(UsageError, match="environment variable S"):
        settings.list_earn_rules()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (OWN, "earn[0].signature: is missing: write one, or a preset (standard-webhooks, "),
        (ZOOM.replace("zoom", "zum"), "earn[0].preset: must be 'standard-webhooks', "),
        (ZOOM.replace(SECRET, ""), "earn[0].signature.secret: is missing; write { env"),
        (ZOOM + 'path = "Zoom/x"\n', "earn[0].path: must be 1 to 50 small letters"),
        (
            ZOOM + 'site = "maine"\n',
            "earn[0].site: 'maine' is the name of none of [[sites]]; did you mean 'main'?",
        ),
        (ZOOM + '[[sites]]\nname = "second"\n', "earn[0].site: is missing, and there are several [[sites]]"),
        (ZOOM + 'when = "event =="\n', "earn[0].when: is no expression in JMESPath: incomplete expression"),
        (
            ZOOM + 'when = "contain(a, b)"\n',
            "earn[0].when: has the function contain, which JMESPath does not have",
        ),
        (ZOOM + 'when = "contains(a)"\n', "earn[0].when: gives contains 1 values; it takes 2"),
        (ZOOM + "id = []\n", "earn[0].id: must not be an empty list"),
        (ZOOM + 'id = { heder = "a" }\n', "earn[0].id: must be an expression in quotes, { header"),
        (ZOOM + 'id = { header = "x-id" }\n', "earn[0].id: names the header x-id, which is not signed"),
        (ZOOM.replace("20", "0"), "earn[0].points: must be 1 to 9999999"),
        (ZOOM.replace("20", "true"), "earn[0].points: must be a number of points, or"),
        (ZOOM + 'contact_id = "a"\naccount_id = "b"\n', "earn[0].account_id: cannot be had with contact_id"),
        (ZOOM + 'external_id = "a"\n', "earn[0].people: is missing; external_id is looked up"),
        (ZOOM + 'people = "no.csv"\n', "earn[0].external_id: is missing; people is looked up"),
        (
            ZOOM + 'external_id = "a"\npeople = "no.csv"\n',
            "earn[0].people: names no.csv, which is no file there",
        ),
        (ZOOM + 'once_per = "custmer"\n', 'earn[0].once_per: must be "event", "customer", or'),
        (ZOOM + 'cap = "60 for 30d"\n', 'earn[0].cap: must be a rate such as "1 per 7d"'),
        (ZOOM + 'cap = ["40 per 1d", "19 per 30d"]\n', "earn[0].cap: is less than one event gives"),
        (ZOOM + 'description = " "\n', "earn[0].description: must be a text for customers"),
        (ZOOM + ZOOM, "earn[1].name: 'webinar' is used twice; earn[0] has it too"),
        (
            ZOOM + ZOOM.replace("webinar", "other") + 'path = "webinar"\n',
            "earn[1].path: 'webinar' is the address of earn[0] too",
        ),
        (
            OWN + HMAC.replace("secret", "signed = 'body', secret"),
            "earn[0].signature.signed: must have {body} in it",
        ),
        (OWN + HMAC.replace("secret", "signed = '{boddy}{body}', secret"), "did you mean 'body'?"),
        (
            OWN + HMAC.replace("secret", "signed = '{id}{body}', secret"),
            "earn[0].signature.id_header: is missing",
        ),
        (
            OWN + HMAC.replace("secret", "id_header = 'i', secret"),
            "earn[0].signature.signed: has no {id} in it",
        ),
        (OWN + HMAC.replace('header = "X-Sign", ', ""), "earn[0].signature.header: is missing"),
        (OWN + HMAC.replace("secret", "key = 'base64', secret"), "earn[0].signature.secret: is no base64"),
        (OWN + 'preset = "basic"\n' + SECRET, "earn[0].signature.username: is missing"),
        (
            OWN + 'preset = "meta"\n' + SECRET,
            "earn[0].handshake.secret: is missing; the word that you wrote there too",
        ),
        (
            OWN
            + 'preset = "bearer"\nhandshake = { type = "hmac_get", token = "t", answer = "a" }\n'
            + SECRET,
            "is answered with the key of an hmac",
        ),
        (CLAIM + 'when = "a"\n', "earn[0].when: is for events, and a claim is a link"),
        (CLAIM + 'preset = "zoom"\n', "earn[0].preset: is for events"),
        (CLAIM.replace("5", '"amount"'), "earn[0].points: must be a number: a click says nothing"),
        (CLAIM.replace("https://example.com/us", "us"), "earn[0].claim.url: must be a web address"),
    ],
)
def test_each_fault_is_told_with_its_place(faults: Faults, text: str, fault: str) -> None:
    told = faults(TOP + text, {"S": "no base64!"})
    assert any(fault in one for one in told), told
    assert len(told) <= 2
    assert all(one.startswith("config.toml:") for one in told)


def test_mails_that_leave_carry_claims_only_to_a_public_address(faults: Faults) -> None:
    mail = 'transport = "smtp"\nhost = "smtp.example.com"\nonly_to = ["*@example.com"]\nunsubscribe = "wix"\n'
    text = TOP.replace("[[sites]]", mail + "[[sites]]") + CLAIM
    assert any(
        "daemon.public_url: must be a public https:// address, since mails carry links" in one
        for one in faults(text)
    )
    assert faults('[daemon]\npublic_url = "https://m.example.com"\n' + text) == []


def test_a_secret_that_is_missing_is_one_fault_of_the_rule_that_names_it(read: Reader) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(TOP + ZOOM)
    assert [fault.partition("earn[0]")[2] for fault in caught.value.faults] == [
        ".signature.secret: refers to the environment variable S, which is not set"
    ]


def test_what_is_probably_not_meant_is_told(read: Reader) -> None:
    bearer = OWN + 'preset = "bearer"\n' + SECRET
    settings = read(TOP + ZOOM + bearer.replace("[[earn]]\n", "[[earn]]\n", 1), ENVIRON)
    notes = [note.partition("earn[")[2] for note in settings.warnings if "earn[" in note]
    assert notes == ["1].signature: signs nothing: whoever knows its secret may send anything"]
    real = TOP.replace("sandbox = true", "sandbox = false").replace(
        '"main"\n', '"main"\napi_key = { env = "S" }\nsite_id = "a"\n'
    )
    assert any(
        "no service and no customer reaches [[earn]]" in note for note in read(real + CLAIM, ENVIRON).warnings
    )
    public = '[daemon]\npublic_url = "https://m.example.com"\n' + real
    assert not any("[[earn]]" in note for note in read(public + CLAIM, ENVIRON).warnings)


def test_the_schema_takes_what_the_program_takes() -> None:
    validator = jsonschema_rs.validator_for(json.dumps(json_schema()))
    rules = [
        {"name": "webinar", "preset": "zoom", "points": 20, "signature": {"secret": {"env": "S"}}},
        {
            "name": "x",
            "preset": "x",
            "points": "n",
            "id": ["a", {"header": "b"}],
            "cap": ["1 per 1d"],
            "signature": {"secret": [{"env": "S"}]},
        },
        {"name": "follow-us", "points": 5, "claim": {"url": "https://example.com", "title": "Follow us"}},
    ]
    base = {"mail": {"sender": "a@example.com"}, "earn": rules}
    assert [error.message for error in validator.iter_errors(base)] == []
    assert not validator.is_valid(base | {"earn": [{"name": "a", "points": 0}]})


def examples() -> list[str]:
    """What a shop copies: from config.toml, and from the pages."""
    root = Path(__file__).parents[2]
    shipped = (root / "config.toml").read_text().partition("# Points for what happens elsewhere")[2]
    lines = shipped.partition("\n\n")[0].splitlines()
    found = ["\n".join(line.removeprefix("# ") for line in lines if not line.startswith("# in mails"))]
    found[0] = found[0].partition("\n")[2]
    for page in ("outside-events.md", "tutorial-events.md"):
        text = (root / "docs" / page).read_text()
        found += re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return found


@pytest.mark.parametrize("example", examples())
def test_the_examples_that_a_shop_copies_are_sound(faults: Faults, example: str) -> None:
    secrets = dict.fromkeys(("ZOOM_SECRET", "JUDGEME_TOKEN", "COURSE_SECRET"), "s3cret")
    assert "[[earn]]" in example
    assert faults(TOP + example, secrets) == []
