"""Whose fault a refusal for good is: the recipient's, or that of whoever sends.

A server that refuses to carry any mail of ours says so at each recipient, often in the words that it has for one. One
refusal does not tell the two apart; the next mails do. So the verdict on it waits: a mail that is taken in between says
that the refused recipient was meant, and the same answer to several recipients, with none taken in between, that we are.

The same of a server that puts everybody off: what it puts off is the mail's own matter at first, as greylisting is, and
the channel's when nobody has got through for longer than that takes. A mail's attempts must not be used up by it.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from milestones.errors import MailError
from milestones.kinds.email.smtp_replies import RefusalError

RUN = 3
"""So many recipients in a row that are refused for good with the same answer are not at fault."""

SECOND_LOOKS = (
    timedelta(seconds=30),
    timedelta(minutes=5),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""When a refused mail is tried again while nothing else tells whose fault it was. After the last, it was its own."""

PUT_OFF = timedelta(minutes=20)
"""For so long a server may put off one recipient after the other, and take each in the end: greylisting."""

MOST_KNOWN = 10_000
"""Recipients whose own fault is remembered until their mails are tried again."""


class Refusals:
    """The refusals of one sender since its last mail was taken."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, int]] = {}
        self._own: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._put_off: dict[str, tuple[datetime, set[str]]] = {}

    def success(self) -> None:
        """Note that a mail was taken: whoever was refused before it was meant."""
        for says, recipients in self._runs.items():
            self._own.update({(says, recipient): None for recipient in recipients})
        self._runs.clear()
        self._put_off.clear()
        while len(self._own) > MOST_KNOWN:
            self._own.popitem(last=False)

    def judge(self, refused: RefusalError, recipient: str, now: datetime) -> MailError:
        """What to make of a refusal of a recipient or a message."""
        if not refused.permanent:
            return self._judge_for_now(refused, recipient, now)
        says = refused.says(recipient)
        if (says, recipient) in self._own:
            del self._own[says, recipient]
            return MailError(str(refused), permanent=True)
        run = self._runs.setdefault(says, {})
        run[recipient] = looks = run.get(recipient, 0) + 1
        if len(run) >= RUN:
            return MailError(
                f"{refused} It gave {len(run)} recipients in a row this answer and took no mail in between, so it is "
                "taken for a fault of the sending side: ask the server's operator, and try milestones check --online.",
                permanent=True,
                connection_wide=True,
            )
        if refused.connection_wide:
            return refused
        if looks > len(SECOND_LOOKS):
            return MailError(str(refused), permanent=True)
        return MailError(
            f"{refused} It is tried again before it is given up, since the next mails tell whose fault it is.",
            retry_at=now + SECOND_LOOKS[looks - 1],
        )

    def _judge_for_now(self, refused: RefusalError, recipient: str, now: datetime) -> MailError:
        since, recipients = self._put_off.setdefault(refused.says(recipient), (now, set()))
        # More than a run need not be known.
        if len(recipients) < RUN:
            recipients.add(recipient)
        if len(recipients) < RUN or now - since < PUT_OFF:
            return refused
        return MailError(
            f"{refused} It has given every recipient this answer for {(now - since) // timedelta(minutes=1)} minutes and "
            "took no mail meanwhile, so the fault is the server's or the sending side's: ask its operator, and try milestones check --online.",
            connection_wide=True,
        )
