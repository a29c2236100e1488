from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from milestones.kinds.email.message import Mailbox, Unsubscribe, build_message
from milestones.kinds.email.rendering import RenderedMail
from milestones.kinds.email.smtp_dialogue import on_the_wire
from tests.kinds.builders import NOW

MAIL = RenderedMail("You did it", "Hello\n.\nFrom here\n", "<p>Hello</p>\n")
ANA = Mailbox("ana@example.com", "Ana Lima")
SHOP = Mailbox("hello@example.com", "The Corner Shop")


def read(raw: bytes) -> RenderedMail:
    """What a reader's program makes of it."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    bodies = {
        part.get_content_subtype(): part.get_content().replace("\r\n", "\n") for part in message.iter_parts()
    }
    return RenderedMail(message["Subject"], bodies["plain"], bodies["html"])


def built(
    mail: RenderedMail = MAIL,
    *,
    recipient: Mailbox = ANA,
    one_click: bool = True,
) -> bytes:
    return build_message(
        mail,
        sender=SHOP,
        recipient=recipient,
        message_id="<abc@example.com>",
        unsubscribe=Unsubscribe("https://shop.example/u/token,with;marks", one_click),
        now=NOW,
        language="en",
    )


def parsed(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def test_a_message_has_the_headers_that_mail_programs_look_for() -> None:
    message = parsed(built())
    assert message["From"] == "The Corner Shop <hello@example.com>"
    assert message["To"] == "Ana Lima <ana@example.com>"
    assert message["Subject"] == "You did it"
    assert message["Date"].datetime == NOW
    assert message["Message-ID"] == "<abc@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] == "<https://shop.example/u/token,with;marks>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["MIME-Version"] == "1.0"


def test_a_link_that_asks_for_confirmation_is_not_announced_as_one_click() -> None:
    assert "List-Unsubscribe-Post" not in parsed(built(one_click=False))


def test_text_and_html_are_alternatives_with_the_richer_one_last() -> None:
    message = parsed(built())
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    "text",
    [
        "Hello\n",
        "Grüße, Zoë 🎉\n",
        "محمد\n",
        "x" * 5000 + "\n",
        "trailing  \n=3D\n\tTab\n",
        "--=_boundary\n",
        ".\n..\n",
    ],
)
def test_contents_survive_the_journey(text: str) -> None:
    mail = read(built(RenderedMail("Subject", text, f"<p>{text}</p>\n")))
    assert mail.text == text
    assert mail.html == f"<p>{text}</p>\n"


def test_every_line_is_ascii_short_and_ends_with_crlf() -> None:
    raw = built(
        RenderedMail("Ü" * 200, "é" * 3000 + "\n", "<p>" + "é" * 3000 + "</p>\n"),
        recipient=Mailbox("a@b.example", "🎉" * 200),
    )
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    "hostile",
    [
        "Ana\r\nBcc: all@example.com",
        "Ana\nX-Evil: 1",
        "Ana\r\n\r\nbody",
        "Ana\u2028Bcc: x",
        'Ana" <evil@example.com>',
        "Ana <evil@example.com>, other@example.com",
        "=?utf-8?q?Ana=0D=0ABcc:_all@example.com?=",
        "Zoë\r\nBcc: all@example.com",
        "\x00\x07Ana",
    ],
)
def test_a_name_cannot_write_headers_or_recipients(hostile: str) -> None:
    message = parsed(built(recipient=Mailbox("ana@example.com", hostile)))
    assert [address.addr_spec for address in message["To"].addresses] == ["ana@example.com"]
    assert message["Bcc"] is None
    assert message["X-Evil"] is None
    assert len(message.keys()) == len(set(message.keys())) == 11


@pytest.mark.parametrize(
    "subject", ["Grüße 🎉", "=?utf-8?q?not_encoded?=", "x" * 200, "a, b; c", "محمد " * 30]
)
def test_a_subject_reads_as_it_was_written(subject: str) -> None:
    assert parsed(built(RenderedMail(subject, "", "")))["Subject"].strip() == subject.strip()


@pytest.mark.parametrize(
    ("url", "header"),
    [
        ("https://shop.example/u/a.b-c_d?x=1&y=%20", "https://shop.example/u/a.b-c_d?x=1&y=%20"),
        ("https://shop.example/>\r\nBcc: x", "https://shop.example/%3E%0D%0ABcc:%20x"),
        ("https://shop.example/ü", "https://shop.example/%C3%BC"),
    ],
)
def test_a_link_of_another_maker_cannot_break_the_header(url: str, header: str) -> None:
    raw = build_message(
        MAIL,
        sender=SHOP,
        recipient=ANA,
        message_id="<abc@example.com>",
        unsubscribe=Unsubscribe(url, one_click=False),
        now=NOW,
        language="en",
    )
    message = parsed(raw)
    assert message["List-Unsubscribe"] == f"<{header}>"
    assert message["Bcc"] is None


def test_every_kind_of_line_end_becomes_that_of_smtp() -> None:
    raw = built(RenderedMail("Subject", "one\rtwo\r\nthree\nfour\n", "<p></p>"))
    assert read(raw).text == "one\ntwo\nthree\nfour\n"
    assert b"\r" not in raw.replace(b"\r\n", b"")


def test_a_sender_is_read_from_the_configuration() -> None:
    assert Mailbox.parse("The Corner Shop <hello@example.com>") == SHOP
    assert Mailbox.parse("hello@example.com").domain == "example.com"
    with pytest.raises(ValueError, match="must be a mailbox"):
        Mailbox.parse("The Corner Shop")


_ANY = st.text(st.characters(exclude_categories=()), max_size=300)
_LONG = st.sampled_from(
    ["<p>" + "x" * 3000 + "</p>", "ü" * 1200, "a b " * 500, "\x00\r\r\n\n.\n", "\ud83d", ".", "", " "]
)


@settings(deadline=None, max_examples=60)
@given(subject=_ANY | _LONG, text=_ANY | _LONG, html=_ANY | _LONG, name=_ANY | _LONG, path=_LONG)
def test_whatever_a_mail_shows_its_lines_are_those_of_the_wire(
    subject: str, text: str, html: str, name: str, path: str
) -> None:
    raw = build_message(
        RenderedMail(subject, text, html),
        sender=Mailbox("hello@example.com", name),
        recipient=Mailbox("ana@example.com", name),
        message_id="<abc@example.com>",
        unsubscribe=Unsubscribe(
            "https://shop.example/u/" + path.encode(errors="replace").hex(), one_click=True
        ),
        now=NOW,
        language="en",
    )
    for sent in (raw, on_the_wire(raw)):
        assert sent.isascii()
        assert b"\0" not in sent
        assert sent.count(b"\r\n") == sent.count(b"\r") == sent.count(b"\n")
        assert all(len(line) <= 998 for line in sent.split(b"\r\n"))
    lines = on_the_wire(raw).split(b"\r\n")
    assert lines[-2:] == [b".", b""]
    assert all(line.startswith(b"..") for line in lines[:-2] if line.startswith(b"."))


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        (b"one\r\n", b"one\r\n.\r\n"),
        (b"one", b"one\r\n.\r\n"),
        (b"one\ntwo\rthree\r\n", b"one\r\ntwo\r\nthree\r\n.\r\n"),
        (b".\n.one\n", b"..\r\n..one\r\n.\r\n"),
        (b"one\r.\rtwo", b"one\r\n..\r\ntwo\r\n.\r\n"),
        (b"", b"\r\n.\r\n"),
    ],
)
def test_what_goes_over_the_wire_ends_its_lines_with_both_and_has_one_lone_dot(
    message: bytes, sent: bytes
) -> None:
    assert on_the_wire(message) == sent
