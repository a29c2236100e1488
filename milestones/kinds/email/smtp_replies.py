"""What an SMTP server's no means: of whom it speaks, and whether it is for good.

Read from the reply code (RFC 5321, section 4.2.1) and the enhanced status code (RFC 3463). A server's own words may
quote the address, so they are never shown.
"""

import re
from enum import Enum

from milestones.errors import MailError

# Not a part of an IP or mail address: refusals like to quote both.
_ENHANCED = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\w|@)")

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
    "3.1": "the mail system is full",
    "3.2": "the mail system accepts nothing now",
    "3.4": "the message is too big",
    "4.4": "there is no route to the domain",
    "4.5": "the mail system is congested",
    "5.3": "too many recipients",
    "7.0": "a policy of the server",
    "7.1": "delivery is not allowed",
    "7.8": "the login was not accepted",
    "7.20": "no DKIM signature passed",
    "7.23": "SPF failed",
    "7.26": "sender authentication failed",
}
"""By subject and detail of RFC 3463, RFC 7372 and RFC 7505."""


class Stage(Enum):
    """How far a transaction had come."""

    CONNECT = "the connection"
    LOGIN = "the login"
    SENDER = "the sender"
    RECIPIENT = "the recipient"
    DATA = "the message"
    ANSWER = "the answer"


_LOGIN_CODES = frozenset({530, 534, 535, 538})
_LOGIN_DETAILS = frozenset({"7.8", "7.9", "7.11"})
# The sender's address and its authentication: every other mail would fare the same.
_OF_SENDER = frozenset({"1.7", "1.8", "7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26"})
_OF_SYSTEM = frozenset({"3.1", "3.2"})
_OF_ALL_STAGES = frozenset({Stage.CONNECT, Stage.LOGIN, Stage.SENDER})


def refusal(code: int, words: str, stage: Stage) -> MailError:
    """The error for a reply that is no success. Nothing was taken, so it is never lost.

    Permanent only if both the reply code and the enhanced code say 5, and only if this one recipient or message is
    meant: what is wrong with the connection, the login or the sender is for a person to mend, and then goes on.
    """
    enhanced = _ENHANCED.search(words)
    detail = f"{enhanced[2]}.{enhanced[3]}" if enhanced else ""
    final = code >= 500 and (enhanced is None or enhanced[1] == "5")
    of_all = (
        code == 421
        or code in _LOGIN_CODES
        or detail in _LOGIN_DETAILS | _OF_SENDER
        or (code < 500 and detail in _OF_SYSTEM)
        or stage in _OF_ALL_STAGES
    )
    shown = f"{code} {enhanced[0]}" if enhanced else str(code)
    meaning = f": {_MEANINGS[detail]}" if detail in _MEANINGS else ""
    advice = " Check mail.username and mail.password." if code in _LOGIN_CODES or stage is Stage.LOGIN else ""
    return MailError(
        f"The mail server refused {stage.value} ({shown}{meaning}).{advice}",
        permanent=final and not of_all,
        connection_wide=of_all,
    )
