"""What people paste into a configuration is read as it was meant, or refused with a sentence; never passed on."""

from pathlib import Path

import pytest

from milestones.errors import ConfigurationError
from milestones.kinds.email.message import Mailbox
from milestones.kinds.email.rendering import Catalogue
from tests.config.conftest import BASE, Faults, Reader

GUID = "0b7c9c62-4d0e-4a55-9d0e-6a2f5f7d1c11"
BOM = "\ufeff"


@pytest.mark.parametrize(
    ("written", "name", "address"),
    [
        ("Coffee @ Home <hello@example.com>", "Coffee @ Home", "hello@example.com"),
        ("Smith, Jane & Co. <hello@example.com>", "Smith, Jane & Co.", "hello@example.com"),
        ("The Shop (Berlin) <hello@example.com>", "The Shop (Berlin)", "hello@example.com"),
        (r"\"A > \\\"B\\\"\" <hello@example.com>", 'A > "B"', "hello@example.com"),
        ("Müller <hello@müller.example>", "Müller", "hello@xn--mller-kva.example"),
        ("<hello@example.com>", "", "hello@example.com"),
    ],
)
def test_a_sender_is_what_is_written(read: Reader, written: str, name: str, address: str) -> None:
    sender = read(BASE.replace("Shop <shop@example.com>", written)).mail.sender
    assert Mailbox.parse(sender) == Mailbox(address, name)


@pytest.mark.parametrize(
    "written",
    ["A <a@b.example>, B <c@d.example>", "hello@example.com (The Shop)", "A <B> <a@b.example>", "Shop <>"],
)
def test_what_could_be_read_in_two_ways_is_no_sender(faults: Faults, written: str) -> None:
    (fault,) = faults(BASE.replace("Shop <shop@example.com>", written))
    assert "is written in quotes of its own" in fault


def test_a_domain_beyond_ascii_is_one_that_every_program_takes(read: Reader) -> None:
    settings = read(
        BASE + 'host = "smtp.müller.example"\nonly_to = ["*@müller.example"]\n'
        '[daemon]\npublic_url = "https://Straße.example:8443/ä/"\n'
    )
    assert settings.daemon.public_url == "https://xn--strae-oqa.example:8443/%C3%A4"
    assert settings.mail.host == "smtp.xn--mller-kva.example"


def test_what_nobody_sees_is_in_no_link(read: Reader) -> None:
    settings = read(BASE + '[daemon]\npublic_url = "\u200bhttps://sh\u00adop.example/\u200b"\n')
    assert settings.daemon.public_url == "https://shop.example"


@pytest.mark.parametrize("key", ["host", "only_to"])
def test_what_is_no_domain_is_refused(faults: Faults, key: str) -> None:
    value = '"xn--zzzzzz"' if key == "host" else '["*@mü*.example"]'
    assert len(faults(BASE + f"{key} = {value}\n")) == 1


@pytest.mark.parametrize(
    "written",
    [
        GUID.upper(),
        "{" + GUID + "}",
        f" {GUID}\u200b ",
        GUID.replace("-", ""),
        BOM + GUID,
        f"({GUID.upper()})",
    ],
)
def test_an_id_is_read_however_it_was_copied(read: Reader, written: str) -> None:
    text = BASE + f'[[sites]]\nname = "a"\napi_key = {{ env = "K" }}\nsite_id = "{written}"\n'
    assert read(text, {"K": "key"}).sites[0].site_id == GUID


@pytest.mark.parametrize("written", [GUID[:8] + " " + GUID[9:], "https://manage.wix.com/" + GUID, "{}"])
def test_what_is_no_id_is_refused(faults: Faults, written: str) -> None:
    text = BASE + f'[[sites]]\nname = "a"\napi_key = {{ env = "K" }}\nsite_id = "{written}"\n'
    assert "must be an id as Wix shows it" in str(faults(text, {"K": "key"}))


PASSWORD = BASE + 'username = "me"\npassword = { file = "secret" }\n'


@pytest.mark.parametrize("around", ["{}", BOM + "{}", "{}\r\n", BOM + "{}\n\n", " {} \n", "{}" + BOM])
def test_a_secret_is_read_without_what_an_editor_put_around_it(
    read: Reader, folder: Path, around: str
) -> None:
    (folder / "secret").write_bytes(around.format("hunter2").encode())
    password = read(PASSWORD).mail.password
    assert password is not None
    assert password.get_secret_value() == "hunter2"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("hunter2".encode("utf-16"), "is not in UTF-8; save it as UTF-8"),
        ("hunter2".encode("utf-16-le"), "a character that cannot be seen (U+0000)"),
        ("hun\u200bter2".encode(), "a character that cannot be seen (U+200B)"),
        ("hunter2\u00ad".encode(), "a character that cannot be seen (U+00AD)"),
        (b"hunter2\nhunter3", "holds several lines"),
        (BOM.encode(), "is empty"),
    ],
)
def test_a_secret_that_would_be_refused_elsewhere_is_refused_here(
    faults: Faults, folder: Path, data: bytes, sentence: str
) -> None:
    (folder / "secret").write_bytes(data)
    (fault,) = faults(PASSWORD)
    assert sentence in fault
    assert "hunter" not in fault


def test_a_template_is_read_without_the_mark_at_its_beginning(tmp_path: Path) -> None:
    (tmp_path / "mail").mkdir()
    (tmp_path / "layout.html").write_text(BOM + "<p>{% block content %}{% endblock %}</p>", encoding="utf-8")
    for part, text in {
        "subject.txt": "Hello",
        "body.txt": "Hi",
        "body.html": '{% extends "layout.html" %}',
    }.items():
        (tmp_path / "mail" / part).write_text(BOM + text, encoding="utf-8")
    mail = Catalogue(tmp_path).render("mail", {})
    assert BOM not in mail.subject + mail.text + mail.html
    assert (mail.subject, mail.text) == ("Hello", "Hi\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_template_in_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "mail").mkdir()
    for part in ("subject.txt", "body.txt", "body.html"):
        (tmp_path / "mail" / part).write_text(
            "Hello", encoding=encoding if part == "subject.txt" else "utf-8"
        )
    with pytest.raises(ConfigurationError, match=r"mail/subject\.txt.*is not UTF-8 text; save it as UTF-8"):
        Catalogue(tmp_path)
