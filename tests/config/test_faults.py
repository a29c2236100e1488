"""Each fault is a sentence with its place. The snippets stand below a base of four lines."""

from pathlib import Path

import pytest

from tests.config.conftest import BASE, Faults

M = '[[milestones]]\nkey = "m"\ntitle = "M"\n'
R = M + "threshold = 100\n[[milestones.rewards]]\n"
PLAIN_MAIL = '[mail]\nsender = "s@example.com"\n'

ONE_FAULT = [
    # Keys and kinds of value
    (M + "treshold = 1000\n", "8:1: milestones[0].treshold: unknown key; did you mean 'threshold'?"),
    ("[scann]\n", "5:2: scann: unknown key; did you mean 'scan'?"),
    ("[policy]\nzzz = 1\n", "6:1: policy.zzz: unknown key"),
    (M, "5:3: milestones[0].threshold: is missing; or give every_points for a ladder"),
    (M.replace('title = "M"\n', "threshold = 9\n"), "5:3: milestones[0].title: is missing"),
    (M + 'threshold = "1000"\n', "8:1: milestones[0].threshold: must be a whole number"),
    (M + "threshold = true\n", "8:1: milestones[0].threshold: must be a whole number"),
    (M + "threshold = 0\n", "8:1: milestones[0].threshold: must be 1 or more"),
    ("[daemon]\nmode = 'life'\n", "6:1: daemon.mode: must be 'live' or 'shadow'"),
    ("daemon = 3\n", "5:1: mail.daemon: unknown key"),
    ("[milestones]\nkey = 'a'\n", "5:2: milestones: must be a list; begin each entry with [[milestones]]"),
    ("[brand]\ncolor = 3\n", "6:1: brand.color: must be text in quotes"),
    ("[sandbox]\ncustomers = -1\n", "6:1: sandbox.customers: must be 0 or more"),
    (
        "[daemon]\nsocket = ''\n",
        "6:1: daemon.socket: must name a file or folder, in characters that can be seen",
    ),
    (
        "[daemon]\ntemplates = ' '\n",
        "6:1: daemon.templates: must name a file or folder, in characters that can be seen",
    ),
    (
        '[daemon]\npassword_file = "a\\u0000b"\n',
        "6:1: daemon.password_file: must name a file or folder, in characters that can be seen",
    ),
    (
        '[[sites]]\nname = "a"\ninstance_id = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c1"\n',
        (
            "7:1: sites[0].instance_id: must be an id as Wix shows it, such as "
            '"0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"'
        ),
    ),
    (
        '[[sites]]\nname = "a"\nsite_id = "s"\napi_key = { file = "a\\u0000b" }\n',
        (
            "8:1: sites[0].api_key: refers to a name that holds a character that cannot be seen; "
            'write { env = "NAME" } or { file = "path" }'
        ),
    ),
    # Durations, times, rates, zones
    (
        "[scan]\nevery = '1 hour'\n",
        (
            "6:1: scan.every: is no cron expression that can be used: it has 2 fields and needs 5: minute, hour, "
            "day of the month, month, day of the week"
        ),
    ),
    (
        "[scan]\nevery = 'often'\n",
        '6:1: scan.every: must be a duration such as "1h", or a cron expression such as "0 9 * * *"',
    ),
    (
        "[scan]\nsweep = '61 * * * *'\n",
        (
            "6:1: scan.sweep: is no cron expression that can be used: '61' in the minutes: must be from 0 to 59"
        ),
    ),
    (
        "[daemon]\nresume_gap = 6\n",
        '6:1: daemon.resume_gap: must be a duration such as "30s", "15m", "1h" or "7d"',
    ),
    (
        "[retention]\nobservations = '2d'\n",
        (
            '6:1: retention.observations: must be at least "3d": Wix repeats an event for two days, '
            "and what is told late is held against this log"
        ),
    ),
    (
        "[daemon]\ntimezone = 'Mars/Olympus'\n",
        '6:1: daemon.timezone: is no time zone that this machine knows; write one such as "Europe/Berlin"',
    ),
    (
        "[policy]\nquiet_hours = '25:00-08:00'\n",
        '6:1: policy.quiet_hours: must be two times of day such as "21:00-08:00"',
    ),
    (
        "[policy]\nquiet_hours = '08:00-08:00'\n",
        "6:1: policy.quiet_hours: start and end are the same, so it is never or always quiet; leave it out for never",
    ),
    ("[policy]\nat_most = '1 a week'\n", '6:1: policy.at_most: must be a rate such as "1 per 7d"'),
    ("[policy]\nbreaker = { share = 2.0 }\n", "6:13: policy.breaker.share: must be 1 or less"),
    # Addresses
    ("[daemon]\nlisten = '8080'\n", '6:1: daemon.listen: must be a host and a port such as "127.0.0.1:8080"'),
    (
        "[daemon]\npublic_url = 'https://shop..example'\n",
        "6:1: daemon.public_url: has a host that is no domain",
    ),
    (
        "[daemon]\npublic_url = 'https://-shop.example'\n",
        "6:1: daemon.public_url: has a host that is no domain",
    ),
    (
        "[daemon]\npublic_url = 'https://shop.example\\\\x'\n",
        '6:1: daemon.public_url: must be a web address such as "https://milestones.example.com"',
    ),
    (
        "[daemon]\npublic_url = 'https://example.com/?shop=1'\n",
        "6:1: daemon.public_url: must end with its path, since more is written behind it: no ? and no #",
    ),
    (
        "[daemon]\npublic_url = 'example.com'\n",
        '6:1: daemon.public_url: must be a web address such as "https://milestones.example.com"',
    ),
    (
        "[daemon]\ndatabase = 'mysql://x/y'\n",
        '6:1: daemon.database: must be "sqlite:///path" or "postgresql://user@host/name"',
    ),
    (
        "[daemon]\ndatabase = 'postgresql://me:hunter2@db/name'\n",
        (
            "6:1: daemon.database: holds a password, which is never written here; "
            'write { env = "NAME" } for the whole address'
        ),
    ),
    # Secrets
    (
        'username = "me"\npassword = "hunter2"\n',
        '6:1: mail.password: a secret is never written here; write { env = "NAME" } or { file = "path" }',
    ),
    (
        'username = "me"\npassword = { env = "NOT_SET" }\n',
        "6:1: mail.password: refers to the environment variable NOT_SET, which is not set",
    ),
    (
        'username = "me"\npassword = { file = "nowhere" }\n',
        "6:1: mail.password: refers to the file nowhere, which cannot be read (No such file or directory)",
    ),
    ('username = "me"\n', "3:2: mail.password: is missing; there is a username"),
    # Mail that leaves
    ('transport = "smtp"\n', "3:2: mail.host: is missing; smtp needs the name of a mail server"),
    (
        'transport = "smtp"\nhost = "smtp.example.com"\nunsubscribe = "wix"\n',
        (
            "5:1: mail.transport: would mail the invented customers of the sandbox; "
            "use folder, a host on this machine, or only_to"
        ),
    ),
    (
        'transport = "smtp"\nhost = "smtp.example.com"\nonly_to = ["*@example.com"]\n',
        (
            "1:1: daemon.public_url: must be a public https:// address, since mail carries our own link to unsubscribe; "
            'or set mail.unsubscribe = "wix"'
        ),
    ),
    (
        'transport = "smtp"\nhost = "smtp.example.com"\nonly_to = ["everybody"]\nunsubscribe = "wix"\n',
        '7:12: mail.only_to[0]: must be an address or a pattern such as "*@example.com"',
    ),
    (
        (
            'transport = "smtp"\nhost = "smtp.example.com"\nonly_to = ["a@example.com"]\nunsubscribe = "wix"\n'
            'tls = "none"\nusername = "me"\npassword = { env = "HOOK" }\n'
        ),
        "9:1: mail.tls: would send the password in the clear; use starttls or implicit",
    ),
    # Sites
    (
        "[[sites]]\nname = 'a'\napi_key = { env = 'HOOK' }\n",
        "5:3: sites[0].site_id: is missing; an API key is used with the id of the site",
    ),
    (
        "[[sites]]\nname = 'a'\nsite_id = 's'\n",
        "5:3: sites[0].api_key: is missing; a site_id is used with an API key",
    ),
    (
        "[[sites]]\nname = 'a'\nsite_id = 's'\ninstance_id = 'i'\napi_key = { env = 'HOOK' }\n",
        "9:1: sites[0].api_key: cannot be had with instance_id; a site is reached in one of two ways",
    ),
    (
        "[[sites]]\nname = 'a'\n[[sites]]\nname = 'b'\n",
        "7:3: sites[1]: is the second site without an id; the sandbox has only one",
    ),
    (
        "[[sites]]\nname = 'a'\ninstance_id = 'i'\n[[sites]]\nname = 'a'\ninstance_id = 'j'\n",
        "9:1: sites[1].name: 'a' is used twice; sites[0] has it too",
    ),
    (
        "[[sites]]\nname = 'a'\n[sites.mail]\nlanguage = 'xx-nope'\n",
        '8:1: sites[0].mail.language: must be a language such as "en", "de" or "en-GB"',
    ),
]


@pytest.mark.parametrize(("snippet", "sentence"), ONE_FAULT)
def test_a_fault_is_a_sentence_with_its_place(faults: Faults, snippet: str, sentence: str) -> None:
    assert faults(BASE + snippet, {"HOOK": "whsec_" + "QUJD" * 8}) == [f"config.toml:{sentence}"]


WITHOUT_SANDBOX = [
    (
        PLAIN_MAIL,
        (
            "1:1: wix: leads nowhere; give app_id, app_secret and public_key, "
            "or a [[sites]] entry with api_key and site_id, or set sandbox = true"
        ),
    ),
    (
        PLAIN_MAIL + "[wix]\napp_id = 'a'\napp_secret = { env = 'S' }\n",
        "3:2: wix.public_key: is missing; an app needs it beside app_id",
    ),
    (
        PLAIN_MAIL + "[[sites]]\nname = 'a'\n",
        "3:3: sites[0]: needs instance_id, or api_key and site_id",
    ),
    (
        PLAIN_MAIL + "[[sites]]\nname = 'a'\ninstance_id = 'i'\n",
        "5:1: sites[0].instance_id: needs wix.app_id, wix.app_secret and wix.public_key",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WITHOUT_SANDBOX)
def test_without_the_sandbox_wix_must_be_reachable(faults: Faults, text: str, sentence: str) -> None:
    assert faults(text, {"S": "x"}) == [f"config.toml:{sentence}"]


SYNTAX = [
    ("a = 'x\n", "1:7: is not valid TOML: "),
    ("[mail]\nsender = \n", "2:10: is not valid TOML: "),
    ("a = 1\nb = [1,", "2:8: is not valid TOML: "),
    ("a = 1\na = 2\n", "2:6: is not valid TOML: "),
]


@pytest.mark.parametrize(("text", "beginning"), SYNTAX)
def test_a_syntax_error_has_its_place(faults: Faults, text: str, beginning: str) -> None:
    (fault,) = faults(text)
    assert fault.startswith(f"config.toml:{beginning}")


def test_every_fault_is_told_in_one_go(faults: Faults) -> None:
    found = faults(
        BASE
        + """\
host = "smtp.example.com"
transport = "smtp"
password = "hunter2"
[daemon]
mode = "life"
timezone = "Nowhere"
[[milestones]]
key = "a"
title = "A"
threshold = 50
oops = 1
near = { within = 100, template = "nope" }
[[milestones.rewards]]
cupon = 3
[[milestones.rewards]]
points = { amount = 10, description = "d" }
[[milestones]]
key = "a"
title = ""
every_points = 100
"""
    )
    assert [fault.split(": ")[1] for fault in found] == [
        "mail.transport",
        "mail.password",
        "daemon.public_url",
        "daemon.mode",
        "daemon.timezone",
        "milestones[0].oops",
        "milestones[0].near.within",
        "milestones[0].near.template",
        "milestones[0].rewards[0].cupon",
        "milestones[0].rewards[1].points",
        "milestones[1].key",
        "milestones[1].title",
    ]


@pytest.mark.parametrize(
    "sender", ["Shop", "shop@example..com", "shop@-example.com", "jos\u00e9@example.com"]
)
def test_a_sender_that_no_mail_server_takes_is_a_fault(faults: Faults, sender: str) -> None:
    (fault,) = faults(BASE.replace("Shop <shop@example.com>", sender))
    assert fault == (
        'config.toml:4:1: mail.sender: must be a mailbox such as "The Corner Shop <hello@example.com>"'
    )


def test_a_fault_that_a_site_inherits_is_told_once(faults: Faults) -> None:
    text = BASE + 'language = "zz-zz"\n[[sites]]\nname = "a"\n[sites.mail]\ncurrency = "EUR"\n'
    assert [fault.split(": ")[1] for fault in faults(text)] == ["mail.language"]


def test_a_template_with_wrong_syntax_is_found_with_its_line(faults: Faults, folder: Path) -> None:
    (folder / "templates" / "plain" / "body.txt").write_text("\n{% if %}")
    (fault,) = faults(BASE + R + "email = 'plain'\n")
    assert "milestones[0].rewards[0].email: uses the template templates/plain/body.txt:2: " in fault
