"""What an SMTP server's no means: of whom it speaks, whether it is for good, and what a person can do about it.

Read from the reply code (RFC 5321, section 4.2.1) and the enhanced status code right behind it (RFC 2034, RFC 3463).
Where both may be said of the recipient and of us, a few words that are only said of us decide. A server's own words may
quote the address, so they are never shown.
"""

import re
from enum import Enum

from milestones.errors import MailError

# Behind it may stand anything but more of a number, an address or a host.
_ENHANCED = re.compile(r"\s*#?([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\w|@)")

_MEANINGS = {
    "1.1": "there is no such mailbox",
    "1.2": "there is no such domain",
    "1.3": "the address is malformed",
    "1.6": "the mailbox has moved",
    "1.8": "the sender's domain is not accepted",
    "1.10": "the domain accepts no mail",
    "2.1": "the mailbox is disabled",
    "2.2": "the mailbox is full",
    "2.3": "the message is too long",
    "2.252": "this account must not send as this sender",
    "3.1": "the mail system is full",
    "3.2": "the mail system accepts nothing now",
    "3.4": "the message is too big",
    "4.4": "there is no route to the domain",
    "4.5": "congestion, or more mails than the account may send",
    "5.2": "a command was not understood",
    "5.3": "too many recipients",
    "7.0": "a policy of the server",
    "7.1": "delivery is not allowed",
    "7.8": "the login was not accepted",
    "7.20": "no DKIM signature passed",
    "7.23": "SPF failed",
    "7.25": "this machine's address has no name in DNS",
    "7.26": "sender authentication failed",
}
"""By subject and detail of RFC 3463, RFC 7372 and RFC 7505, and what large providers say beside them."""


class Stage(Enum):
    """How far a transaction had come."""

    CONNECT = "the connection"
    LOGIN = "the login"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the message"
    ANSWER = "the answer"


_CLOSING = 421
_LOGIN_CODES = frozenset({530, 534, 535, 538})
_UNENCRYPTED = frozenset({523, 538})
_DIALOGUE_CODES = frozenset({500, 502, 503, 504})
"""Of the conversation and not of what is sent: a command that is not known, not implemented or out of place."""
_MAILBOX_CODES = frozenset({550, 551, 552, 553})
"""Of these, some large providers say 5.5.0 of a mailbox that does not exist."""
_LOGIN_DETAILS = frozenset({"7.8", "7.9", "7.11", "7.14", "7.57", "7.60", "7.139"})
_OF_SENDER = frozenset(
    {
        "1.7",
        "1.8",
        "1.90",
        "2.252",
        "4.5",
        "7.3",
        "7.20",
        "7.21",
        "7.22",
        "7.23",
        "7.24",
        "7.25",
        "7.26",
        "7.27",
    }
)
"""The sender's address, its authentication and what it may send: every other mail would fare the same."""
_OF_MACHINE = re.compile(r"7\.(5[01]\d|54|64|232|233|6[0-4]\d|7\d\d)")
"""Exchange Online: this machine's address is blocked, it may not relay, or the account has sent too much."""
_OF_DIALOGUE = re.compile(r"5\.[0124-6]")
_OF_SYSTEM = frozenset({"3.1", "3.2"})
_OF_ALL_STAGES = frozenset({Stage.CONNECT, Stage.LOGIN, Stage.SENDER})

_RELAY = re.compile(r"\brelay(ing)?\b(?! (recipient|domains?) (table|map))", re.IGNORECASE)
"""A server that carries mail onward looks up its customers' mailboxes in a table that it calls after that."""

_ABOUT_US = re.compile(
    rf"{_RELAY.pattern}|\bhelo\b|\behlo\b|\bstarttls\b|\bsend ?as ?denied\b|\bsender address rejected\b"
    r"|\bauthentication (is )?required\b|\bmust (be )?authenticat|\bnot authenticated\b"
    r"|\b(sending|outbound|outgoing|daily|hourly) (\w+ )?(quota|limit)\b",
    re.IGNORECASE,
)
"""What is said of whoever sends, whatever the code. Of a full mailbox, servers say "mailbox quota" or "over quota"."""

_ABOUT_SESSION = re.compile(
    r"\btoo (many|much) (concurrent |simultaneous |open )?"
    r"(connections?|sessions?|messages?|mails?|e-?mails?|recipients?|deliveries|transactions?)\b"
    r"|\b(per|this|in one|same) (smtp )?(connection|session)\b",
    re.IGNORECASE,
)
"""What is said of a connection, whatever the code: another one may do, or there are too many already."""

_TLS = re.compile(r"\bstarttls\b|\bencryption (is )?(needed|required)\b|\bmust use tls\b", re.IGNORECASE)
_WORD = re.compile(r"\(?([A-Z]?[a-z]+|[A-Z]+)[.,:;!?)]*")
_HELLO = re.compile(r"\b(helo|ehlo)\b", re.IGNORECASE)
_SENDER = re.compile(r"\bsender address rejected\b|\bsend ?as ?denied\b", re.IGNORECASE)
_ADDRESS = re.compile(r"<[^>]*>|\S*@\S*")
_AUTHENTICATION = frozenset(
    {"7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.27", "7.509", "7.512", "7.515"}
)
"""SPF, DKIM and DMARC of the sender's domain."""


class RefusalError(MailError):
    """A reply that is no success, and with it what tells it from others.

    code, detail: the reply's code, and ``subject.detail`` of its enhanced code or nothing. stage: where it was given.
    """

    def __init__(self, code: int, words: str, stage: Stage) -> None:
        enhanced = _ENHANCED.match(words)
        self.code = code
        self.stage = stage
        self.detail = f"{enhanced[2]}.{enhanced[3]}" if enhanced else ""
        self._words = words
        final = code >= 500 and (enhanced is None or enhanced[1] == "5" or stage is Stage.LOGIN)
        said = _ADDRESS.sub(" ", words)
        of_all = stage in _OF_ALL_STAGES or _is_of_all(code, self.detail, said)
        shown = f"{code} {enhanced[0].strip(' #')}" if enhanced else str(code)
        meaning = f": {_MEANINGS[self.detail]}" if self.detail in _MEANINGS else ""
        super().__init__(
            f"The mail server refused {stage.value} ({shown}{meaning}).{_advice(code, self.detail, said, stage)}",
            permanent=final,
            connection_wide=of_all,
        )

    def says(self, recipient: str) -> str:
        """Equal for replies that say the same of different recipients. For comparing, never for showing."""
        return f"{self.stage.name} {self.code} {self.detail} {_without_names(self._words, recipient)}"

    @property
    def of_one_mail(self) -> bool:
        """Whether it refuses one recipient or message, by whoever's fault: the next mails tell (``refusals``)."""
        doubtful = self.permanent or not (self.connection_wide or self.of_mailbox)
        return doubtful and self.stage not in _OF_ALL_STAGES

    @property
    def of_session(self) -> bool:
        """Whether it speaks of this connection, so that the same mail may pass over another."""
        return not self.of_mailbox and _ABOUT_SESSION.search(self._words) is not None

    @property
    def of_mailbox(self) -> bool:
        """Whether it speaks of the recipient's mailbox or address, so that another connection would not help."""
        return self.detail.startswith(("1.", "2.")) and not self.connection_wide


def refusal(code: int, words: str, stage: Stage) -> RefusalError:
    """The error for a reply that is no success. Nothing was taken, so it is never lost.

    Permanent only if both the reply code and the enhanced code say 5; of a login the reply code decides, since it is sent
    again and again while nobody has mended it. Of the connection where every other mail would
    fare the same: what is wrong with the dialogue, the login or the sender is for a person to mend, and then goes on.
    """
    return RefusalError(code, words, stage)


def _is_of_all(code: int, detail: str, words: str) -> bool:
    return (
        code == _CLOSING
        or code in _LOGIN_CODES | _UNENCRYPTED
        or (code in _DIALOGUE_CODES and not detail.startswith(("1.", "2.")))
        or detail in _LOGIN_DETAILS | _OF_SENDER
        or _OF_MACHINE.fullmatch(detail) is not None
        or (code >= 500 and code not in _MAILBOX_CODES and _OF_DIALOGUE.fullmatch(detail) is not None)
        or (code < 500 and detail in _OF_SYSTEM)
        or (not detail.startswith(("1.", "2.")) and _ABOUT_US.search(words) is not None)
    )


def _advice(code: int, detail: str, words: str, stage: Stage) -> str:
    if code in _UNENCRYPTED or detail in {"7.10", "7.11"} or _TLS.search(words):
        return " Check mail.tls: the server wants an encrypted connection."
    if stage is Stage.LOGIN or code in _LOGIN_CODES or detail in _LOGIN_DETAILS:
        return " Check mail.username and mail.password."
    if _HELLO.search(words):
        return " Set mail.hello to a name that this machine has in DNS."
    if _RELAY.search(words):
        return " It does not carry mail for whoever connects so: check mail.host, mail.username and mail.password."
    if detail in _AUTHENTICATION:
        return " Check SPF, DKIM and DMARC of the sender's domain: milestones check --online."
    if detail == "7.25":
        return " Give this machine's address a name in DNS (a reverse entry) that leads back to it."
    if detail != "4.5" and (detail in _OF_SENDER or _SENDER.search(words)):
        return " Check mail.sender."
    if _OF_MACHINE.fullmatch(detail):
        return " Ask the server's operator why this machine's address or this account may not send."
    if stage is Stage.CONNECT and code >= 500:
        return " It takes nothing from this machine: check mail.host and mail.port, or ask the server's operator."
    return ""


def _without_names(words: str, recipient: str) -> str:
    """A reply's words without what differs from one mail to the next: addresses, hosts, numbers, names of queues."""
    local, _, domain = recipient.casefold().rpartition("@")
    plain = re.sub(r"<[^>]*>|\"[^\"]*\"|'[^']*'", " ", words)
    kept = (match[1].casefold() for word in plain.split() if (match := _WORD.fullmatch(word)))
    return " ".join(word for word in kept if word not in {local, domain})
