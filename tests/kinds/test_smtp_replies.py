import pytest

from milestones.kinds.email.smtp_replies import Stage, refusal

PERMANENT = (True, False)
TRANSIENT = (False, False)
OF_ALL = (False, True)
OF_ALL_FOR_GOOD = (True, True)


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
        (550, "5.7.1 policy", Stage.RECIPIENT, PERMANENT),
        (550, "rejected by MailFilter 2.4.6: no such user", Stage.RECIPIENT, PERMANENT),
        (550, "mail.example.com 4.7.1 said no", Stage.RECIPIENT, PERMANENT),
        (552, "5.2.2 over the mailbox's daily quota", Stage.RECIPIENT, PERMANENT),
        (501, "5.1.3 bad recipient address syntax", Stage.RECIPIENT, PERMANENT),
        (501, "bad address", Stage.RECIPIENT, PERMANENT),
        (550, "#5.1.0 address rejected", Stage.RECIPIENT, PERMANENT),
        (550, "host 4.16.20.9 does not know <a5.1.8@example.com>", Stage.RECIPIENT, PERMANENT),
        (550, "5.3.0 other mail system problem", Stage.RECIPIENT, PERMANENT),
        (550, "5.5.0 Requested action not taken: mailbox unavailable", Stage.RECIPIENT, PERMANENT),
        (550, "5.5.1 recipient rejected", Stage.RECIPIENT, PERMANENT),
        # Words that are also said of us, where they are said of the mailbox or are part of its address
        (
            550,
            "5.1.1 Recipient address rejected: User unknown in relay recipient table",
            Stage.RECIPIENT,
            PERMANENT,
        ),
        (550, "User unknown in relay recipient table", Stage.RECIPIENT, PERMANENT),
        (450, "4.1.1 User unknown in relay recipient table", Stage.RECIPIENT, TRANSIENT),
        (550, "5.7.1 <helo@relay.example>: Recipient address rejected", Stage.RECIPIENT, PERMANENT),
        (550, "5.7.1 relay@starttls.example is not here", Stage.RECIPIENT, PERMANENT),
        # Where the two codes disagree, the gentler one counts
        (550, "4.2.1 later perhaps", Stage.RECIPIENT, TRANSIENT),
        (450, "5.1.1 never", Stage.RECIPIENT, TRANSIENT),
        # Of the message
        (554, "5.7.1 looks like spam", Stage.DATA, PERMANENT),
        (552, "5.3.4 message size exceeds fixed limit", Stage.DATA, PERMANENT),
        (451, "4.3.0 lookup failed", Stage.DATA, TRANSIENT),
        # Of the connection, the login or the sender
        (421, "4.3.2 shutting down", Stage.RECIPIENT, OF_ALL),
        (421, "too many messages", Stage.DATA, OF_ALL),
        (452, "4.3.1 disk full", Stage.RECIPIENT, OF_ALL),
        (530, "5.7.0 authentication required", Stage.SENDER, OF_ALL_FOR_GOOD),
        (530, "5.7.0 authentication required", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (535, "5.7.8 wrong password", Stage.LOGIN, OF_ALL_FOR_GOOD),
        (554, "5.7.1 no service for you", Stage.CONNECT, OF_ALL_FOR_GOOD),
        (550, "5.7.1 not your address", Stage.SENDER, OF_ALL_FOR_GOOD),
        (550, "5.1.8 sender's domain not found", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (550, "5.7.26 not authenticated", Stage.DATA, OF_ALL_FOR_GOOD),
        (
            504,
            "5.5.2 <shop>: Helo command rejected: need fully-qualified hostname",
            Stage.RECIPIENT,
            OF_ALL_FOR_GOOD,
        ),
        (550, "5.7.1 Helo command rejected: Host not found", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (504, "Helo rejected", Stage.CONNECT, OF_ALL_FOR_GOOD),
        (503, "5.5.1 need AUTH first", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (554, "5.7.1 <ana@example.com>: Relay access denied", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (550, "relaying denied", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (550, "5.7.54 SMTP; Unable to relay recipient", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (550, "5.4.5 Daily user sending quota exceeded", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (550, "5.4.5 Daily user sending quota exceeded", Stage.DATA, OF_ALL_FOR_GOOD),
        (550, "Daily sending limit reached", Stage.DATA, OF_ALL_FOR_GOOD),
        (554, "5.2.252 SendAsDenied; shop@example.com not allowed", Stage.DATA, OF_ALL_FOR_GOOD),
        (530, "5.7.57 Client not authenticated to send mail", Stage.SENDER, OF_ALL_FOR_GOOD),
        (550, "5.7.606 banned sending IP", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
        (530, "5.7.0 Must issue a STARTTLS command first", Stage.SENDER, OF_ALL_FOR_GOOD),
        (523, "encryption needed", Stage.SENDER, OF_ALL_FOR_GOOD),
        (454, "4.7.0 temporary authentication failure", Stage.LOGIN, OF_ALL),
        (454, "4.7.1 <ana@example.com>: Relay access denied", Stage.RECIPIENT, OF_ALL),
        # A login that is refused is refused, whatever stands behind the code
        (535, "4.7.8 wrong password", Stage.LOGIN, OF_ALL_FOR_GOOD),
        (501, "5.5.2 cannot decode the command", Stage.RECIPIENT, OF_ALL_FOR_GOOD),
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


@pytest.mark.parametrize(
    ("code", "words", "stage", "advice"),
    [
        (535, "5.7.8 no", Stage.LOGIN, "mail.password"),
        (530, "5.7.0 authentication required", Stage.SENDER, "mail.password"),
        (530, "5.7.0 Must issue a STARTTLS command first", Stage.SENDER, "mail.tls"),
        (530, "Must issue STARTTLS", Stage.LOGIN, "mail.tls"),
        (538, "5.7.11 Encryption required for requested authentication mechanism", Stage.LOGIN, "mail.tls"),
        (550, "5.7.10 Encryption needed", Stage.RECIPIENT, "mail.tls"),
        (504, "5.5.2 Helo command rejected", Stage.RECIPIENT, "mail.hello"),
        (554, "5.7.1 Relay access denied", Stage.RECIPIENT, "mail.host"),
        (554, "5.2.252 SendAsDenied", Stage.DATA, "mail.sender"),
        (
            553,
            "5.7.1 <a@b.example>: Sender address rejected: not owned by user",
            Stage.RECIPIENT,
            "mail.sender",
        ),
        (550, "5.7.26 unauthenticated", Stage.DATA, "check --online"),
        (550, "5.7.515 Access denied", Stage.DATA, "check --online"),
        (450, "4.7.25 cannot find your hostname", Stage.RECIPIENT, "reverse"),
        (550, "5.7.606 banned sending IP", Stage.RECIPIENT, "this machine's address"),
        (554, "5.7.1 no service for you", Stage.CONNECT, "mail.host"),
    ],
)
def test_a_refusal_of_all_says_what_to_check(code: int, words: str, stage: Stage, advice: str) -> None:
    assert advice in str(refusal(code, words, stage))


def test_only_what_stands_behind_the_code_is_the_status() -> None:
    error = refusal(550, "rejected by MailFilter 2.4.6: no such user", Stage.RECIPIENT)
    assert str(error) == "The mail server refused the recipient (550)."


def test_the_same_answer_to_others_is_known_as_the_same() -> None:
    def says(words: str, recipient: str) -> str:
        return refusal(550, words, Stage.RECIPIENT).says(recipient)

    first = says("5.7.1 <ana@example.com>: access denied, queue a1B2c3 (ana)", "ana@example.com")
    assert first == says("5.7.1 <ben@example.org>: access denied, queue f00Baa77 (ben)", "ben@example.org")
    assert first != says("5.7.1 <ben@example.org>: blocked", "ben@example.org")
    assert first != says("5.1.1 <ben@example.org>: access denied, queue f00 (ben)", "ben@example.org")
