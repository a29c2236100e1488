"""What a configuration says once it is read."""

import base64
import json
import shutil
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from milestones.config import Settings, load
from milestones.domain.milestone import Consent, Repeat
from milestones.domain.observation import Measure
from milestones.domain.policy import Breaker, QuietHours, Rate
from milestones.errors import ConfigurationError, UsageError
from milestones.kinds.badge.payload import Badge
from milestones.kinds.coupon.payload import Coupon, Discount
from milestones.kinds.email.payload import Email
from milestones.kinds.points.payload import Points
from milestones.kinds.webhook.payload import Webhook
from tests.config.conftest import BASE, MILESTONE, Faults, Reader

HOOK = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()


def test_durations_rates_and_hours_are_values(read: Reader) -> None:
    settings = read(
        BASE
        + '[scan]\nevery = "15m"\nsweep = "0 3 * * 0"\n'
        + '[policy]\nquiet_hours = "21:00-08:30"\nat_most = "2 per 7d"\n'
    )
    assert settings.scan.every == timedelta(minutes=15)
    assert settings.scan.sweep == "0 3 * * 0"
    assert settings.policy.at_most == Rate(2, timedelta(days=7))
    hours = settings.policy.quiet_hours
    assert isinstance(hours, QuietHours)
    assert (hours.start.hour, hours.end.minute) == (21, 30)


def test_the_policy_is_what_the_rules_know(read: Reader) -> None:
    settings = read(BASE + "[policy]\nbreaker = { share = 0.4 }\n[[sites]]\nname = 'one'\n")
    assert settings.policy.breaker == Breaker(0.4, 50)
    assert settings.for_site("any").policy.breaker == Breaker(0.4, 50)
    assert read(BASE).policy.breaker == Breaker(0.2, 50)


def test_relative_paths_start_at_the_folder_of_the_file(read: Reader, folder: Path) -> None:
    settings = read(BASE + '[sandbox]\nstate_file = "var/world.json"\n')
    assert settings.daemon.templates == folder / "templates"
    assert settings.daemon.socket == folder / "var/milestones.sock"
    assert settings.daemon.database.get_secret_value() == f"sqlite:///{folder}/var/milestones.db"
    assert settings.mail.folder == folder / "var/mail"
    assert settings.sandbox.state_file == folder / "var/world.json"


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:9090", "http://127.0.0.1:9090"),
        ("[::1]:9090", "http://[::1]:9090"),
        ("[::1]:0", "http://[::1]"),
    ],
)
def test_without_a_public_address_it_is_where_it_listens(read: Reader, listen: str, url: str) -> None:
    assert read(f"[daemon]\nlisten = '{listen}'\n{BASE}").daemon.public_url == url


def test_the_port_follows_the_encryption(read: Reader) -> None:
    smtp = BASE + 'transport = "smtp"\nhost = "127.0.0.1"\n'
    assert [read(smtp + f'tls = "{tls}"\n').mail.port for tls in ("starttls", "implicit", "none")] == [
        587,
        465,
        25,
    ]
    assert read(smtp + 'port = 2525\ntls = "none"\n').mail.port == 2525


def test_a_milestone_becomes_what_the_rules_know(read: Reader) -> None:
    settings = read(
        BASE
        + MILESTONE
        + """\
measure = "earned"
repeat = "every"
rearm_below = 400
settle_for = "14d"
near = { within = 100, template = "plain", remind_every = "3d", max_reminders = 1 }
[[milestones.rewards]]
coupon = { name = "5.50 off", money_off = 5.50, minimum_subtotal = 20, valid_for = "30d", prefix = "STAR" }
[[milestones.rewards]]
badge = "Star"
[[milestones.rewards]]
points = { amount = 10, description = "Thanks", per_account = "1 per 30d" }
[[milestones.rewards]]
email = { template = "with-coupon", consent = "service" }
[[milestones.rewards]]
webhook = { url = "https://example.com/hook", secret = { env = "HOOK" } }
""",
        {"HOOK": HOOK},
    )
    (milestone,) = settings.for_site("any").milestones
    coupon, badge, points, email, webhook = milestone.rewards
    assert milestone.measure is Measure.EARNED
    assert (milestone.repeat, milestone.rearm_below) == (Repeat.EVERY, 400)
    assert milestone.settle_for == timedelta(days=14)
    assert milestone.near is not None
    assert milestone.near.uses >= {"customer", "badge"}
    assert isinstance(coupon, Coupon)
    assert (coupon.discount, coupon.amount, coupon.minimum_subtotal) == (Discount.MONEY_OFF, "5.5", "20")
    assert badge == Badge("Star", None, create=False)
    assert points == Points(10, "Thanks", Rate(1, timedelta(days=30)))
    assert isinstance(email, Email)
    assert email.consent is Consent.SERVICE
    assert email.uses >= {"milestone", "coupon", "badge"}, "subject, text, HTML and its layout"
    assert isinstance(webhook, Webhook)
    assert webhook.secret_name == "env:HOOK"
    assert settings.webhook_secret("env:HOOK").get_secret_value() == HOOK


def test_a_webhook_secret_that_is_gone_is_missed_with_a_sentence(read: Reader) -> None:
    with pytest.raises(UsageError, match="no longer names the secret env:HOOK"):
        read(BASE).webhook_secret("env:HOOK")


def test_a_ladder_is_known_by_the_distance_of_its_rungs(read: Reader) -> None:
    settings = read(BASE + MILESTONE.replace("threshold = 1000", "every_points = 500"))
    (milestone,) = settings.for_site("any").milestones
    assert (milestone.repeat, milestone.threshold) == (Repeat.LADDER, 500)


SITES = """\
[brand]
color = "red"
font = "serif"
[[sites]]
name = "one"
instance_id = "i-1"
timezone = "Asia/Tokyo"
[sites.mail]
sender = "One <one@example.com>"
[sites.brand]
color = "blue"
[sites.policy]
breaker = { floor = 3 }
[[sites.milestones]]
key = "own"
title = "Own"
threshold = 10
[[sites]]
name = "two"
instance_id = "i-2"
[policy]
at_most = "1 per 7d"
breaker = { share = 0.4, floor = 9 }
"""


def test_a_site_overrides_only_what_it_names(read: Reader) -> None:
    settings = read(BASE + SITES + MILESTONE)
    one, two, other = settings.for_site("i-1"), settings.for_site("i-2"), settings.for_site("i-9")
    assert one.mail.sender == "One <one@example.com>"
    assert one.mail.folder == two.mail.folder
    assert one.brand == {"color": "blue", "font": "serif"}
    assert (one.policy.breaker.share, one.policy.breaker.floor) == (0.4, 3)
    assert one.policy.at_most == two.policy.at_most
    assert (one.timezone, two.timezone) == (ZoneInfo("Asia/Tokyo"), settings.daemon.timezone)
    assert [milestone.key for milestone in one.milestones] == ["own"]
    assert [milestone.key for milestone in two.milestones] == ["m"]
    assert (other.name, other.milestones) == ("", two.milestones)
    assert settings.for_site("i-1") is one


def test_on_the_sandbox_the_entry_without_an_id_is_its_site(read: Reader) -> None:
    assert read(BASE + '[[sites]]\nname = "Shop"\n').for_site("whatever").name == "Shop"


def test_a_copy_with_changes_works_everything_out_anew(read: Reader) -> None:
    settings = read(BASE + MILESTONE)
    assert settings.for_site("s").milestones
    first = settings.hash
    copied = settings.model_copy(update={"milestones": ()})
    assert copied.for_site("s").milestones == ()
    assert copied.hash != first


def test_the_hash_is_that_of_the_meaning(
    read: Reader, folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = BASE + 'username = "me"\npassword = { env = "P" }\n' + MILESTONE
    settings = read(text, {"P": "one"})
    assert read("# a remark\n" + text + "measure = 'balance'\n", {"P": "one"}).hash == settings.hash
    assert read(text, {"P": "two"}).hash == settings.hash, "a secret's value is not part of it"
    assert read(text.replace("1000", "1001"), {"P": "one"}).hash != settings.hash
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "config.toml"
    elsewhere.write_text(text)
    assert load(elsewhere, {"P": "one"}).hash == settings.hash, "another machine has other folders"


def test_points_must_be_bounded_where_something_repeats(faults: Faults) -> None:
    once = MILESTONE + '[[milestones.rewards]]\npoints = { amount = 5, description = "d" }\n'
    repeating = '[[milestones]]\nkey = "r"\ntitle = "R"\nmeasure = "tier_points"\nevery_points = 100\n'
    capped = once.replace('"d"', '"d", per_account = "1 per 30d"')
    assert faults(BASE + once) == []
    assert faults(BASE + capped + repeating) == []
    assert faults(BASE + once + repeating) == [
        (
            "config.toml:10:1: milestones[0].rewards[0].points: can reach the repeating milestone 'r' again and again; "
            'bound them with per_account = "1 per 30d"'
        )
    ]


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"there is no such file\. `milestones init` writes one"):
        load(tmp_path / "config.toml", {})


def test_a_file_that_is_not_utf_8_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigurationError, match="byte 5 is not UTF-8"):
        load(tmp_path / "config.toml", {})


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_file_from_another_system_is_read(tmp_path: Path, ends: str) -> None:
    text = ends.join(["[wix]", "sandbox = true", "[mail]", "sender = 's@example.com'", "oops = 1", ""])
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf" + text.encode())
    with pytest.raises(ConfigurationError) as error:
        load(tmp_path / "config.toml", {})
    assert error.value.faults == [f"{tmp_path}/config.toml:5:1: mail.oops: unknown key"]


DEEP = "[" * 5000 + "]" * 5000


@pytest.mark.parametrize(
    "text", [f"a = {'9' * 5000}", f"a = {DEEP}", f"sites = {DEEP}", "a." * 5000 + "b = 1"]
)
def test_what_the_parser_gives_up_on_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"config\.toml"):
        load(tmp_path / "config.toml", {})


@pytest.mark.parametrize("value", ["9" * 5000, DEEP])
def test_an_override_that_the_parser_gives_up_on_is_a_sentence(faults: Faults, value: str) -> None:
    (fault,) = faults(BASE, {"MILESTONES_DAEMON__SAME_MACHINE": value})
    assert fault == "MILESTONES_DAEMON__SAME_MACHINE: daemon.same_machine: must be true or false"


def test_settings_can_be_built_in_code() -> None:
    settings = Settings.model_validate({"mail": {"sender": "s@example.com"}})
    assert settings.for_site("s").milestones == ()
    assert json.loads(settings.model_dump_json())["scan"]["every"] == "1h"


def test_what_was_read_needs_its_files_no_more(read: Reader, folder: Path) -> None:
    settings = read(BASE + MILESTONE + 'near = { within = 100, template = "plain" }\n')
    shutil.rmtree(folder / "templates")
    (milestone,) = settings.for_site("any").milestones
    assert milestone.near is not None
    assert "customer" in milestone.near.uses
