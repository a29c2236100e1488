import pytest

from milestones.kinds.email.smtp_replies import Stage, refusal

PERMANENT = (True, False)
TRANSIENT = (False, False)
OF_ALL = (False, True)


@pytest.mark.parametrize(
    ("code", "words", "stage", "expected"),
    [
        # Of one recipient
        (550, "5.1.1 <ana@example.com>: no such user", Stage.RECIPIENT, PERMANENT),
        (550, "5.2.1 disabled", Stage.RECIPIENT, PERMANENT),
        (552, "5.2.2 full", Stage.RECIPIENT, PERMANENT),
        (452, "4.2.2 full", Stage.RECIPIENT, TRANSIENT),
        (450, "4.2.0 greylisted, come back", Stage.RECIPIENT, TRANSIENT),
        (451, "4.7.1 try later", Stage.RECIPIENT, TRANSIENT),
        (550, "no enhanced code", Stage.RECIPIENT, PERMANENT),
        (450, "no enhanced code", Stage.RECIPIENT, TRANSIENT),
        (550, "5.7.1 relaying denied", Stage.RECIPIENT, PERMANENT),
        (550, "#5.1.0 address rejected", Stage.RECIPIENT, PERMANENT),
        (550, "host 4.16.20.9 does not know <a5.1.8@example.com>", Stage.RECIPIENT, PERMANENT),
        (550, "5.3.0 other mail system problem", Stage.RECIPIENT, PERMANENT),
        # Where the two codes disagree, the gentler one counts
        (550, "4.2.1 later perhaps", Stage.RECIPIENT, TRANSIENT),
        (450, "5.1.1 never", Stage.RECIPIENT, TRANSIENT),
        # Of the message
        (554, "5.7.1 looks like spam", Stage.DATA, PERMANENT),
        (552, "5.3.4 too big", Stage.DATA, PERMANENT),
        (451, "4.3.0 lookup failed", Stage.DATA, TRANSIENT),
        # Of the connection, the login or the sender
        (421, "4.3.2 shutting down", Stage.RECIPIENT, OF_ALL),
        (421, "too many messages", Stage.DATA, OF_ALL),
        (452, "4.3.1 disk full", Stage.RECIPIENT, OF_ALL),
        (530, "5.7.0 authentication required", Stage.SENDER, OF_ALL),
        (530, "5.7.0 authentication required", Stage.RECIPIENT, OF_ALL),
        (535, "5.7.8 wrong password", Stage.LOGIN, OF_ALL),
        (554, "5.7.1 no service for you", Stage.CONNECT, OF_ALL),
        (550, "5.7.1 not your address", Stage.SENDER, OF_ALL),
        (550, "5.1.8 sender's domain not found", Stage.RECIPIENT, OF_ALL),
        (550, "5.7.26 not authenticated", Stage.DATA, OF_ALL),
    ],
)
def test_a_refusal_says_of_whom_it_speaks_and_whether_it_is_for_good(
    code: int, words: str, stage: Stage, expected: tuple[bool, bool]
) -> None:
    error = refusal(code, words, stage)
    assert (error.permanent, error.connection_wide) == expected
    assert not error.lost


def test_a_refusal_never_shows_what_the_server_wrote() -> None:
    error = refusal(550, "5.1.1 <ana@example.com> Ana Lima is not here", Stage.RECIPIENT)
    assert str(error) == "The mail server refused the recipient (550 5.1.1: there is no such mailbox)."


def test_a_refused_login_says_what_to_check() -> None:
    assert "mail.password" in str(refusal(535, "5.7.8 no", Stage.LOGIN))
