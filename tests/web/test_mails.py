import pytest

from milestones.web.mails import Mail, frame, parse
from tests.web.house import a_mail


def test_a_mail_is_taken_apart() -> None:
    mail = parse(a_mail(html="<p>Grüße</p>", text="Grüße"))
    assert mail == Mail(
        "1,000 stars",
        "The Corner Shop <hello@example.com>",
        "Anna <anna@example.net>",
        "Grüße\n",
        "<p>Grüße</p>\n",
    )


def test_a_mail_of_text_alone_is_framed_as_text() -> None:
    mail = parse(a_mail(html=None, text="1 < 2"))
    assert mail.html is None
    assert "1 &lt; 2" in frame(mail)


@pytest.mark.parametrize(
    ("html", "framed_html"),
    [
        ("<p>x</p>", '<base target="_blank"><p>x</p>'),
        ("<html><head><title>t</title></head>", '<html><head><base target="_blank"><title>t</title></head>'),
        ('<HTML><HEAD lang="de">', '<HTML><HEAD lang="de"><base target="_blank">'),
    ],
)
def test_links_open_in_a_window_of_their_own(html: str, framed_html: str) -> None:
    assert frame(Mail("", "", "", "", html)) == framed_html


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0" * 100,
        b"Subject: =?utf-8?b?////?=\r\n\r\n\xff\xfe",
        b"Content-Type: text/html; charset=nonsense\r\n\r\n<p>x",
        b"Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n",
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!",
        b"To: " + b"<" * 2000 + b"\r\n\r\nx",
    ],
)
def test_a_damaged_mail_shows_what_can_be_read(message: bytes) -> None:
    assert isinstance(frame(parse(message)), str)
