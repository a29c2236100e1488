"""What carries a finished message, whichever way."""

from enum import Enum
from typing import Protocol


class Carried(Enum):
    """What a transport knows about a message whose hand-over was not confirmed."""

    YES = "yes"
    NO = "no"
    UNTOLD = "untold"


class Transport(Protocol):
    """A way out for mails."""

    @property
    def connections(self) -> int:
        """How many messages may be handed over at once."""

    async def send(
        self, message: bytes, *, message_id: str, sender: str, recipient: str, within: float | None = None
    ) -> None:
        """Hands one message over to be delivered to one address.

        Awaits ``effects.begin`` when its turn has come, before the first byte leaves.
        within: seconds in which the hand-over must begin, whatever it has to wait for; None for as long as it takes.
        Returns only when it was taken. Raises MailError, ``lost`` if it may have been taken all the same.
        """

    async def was_carried(self, message_id: str) -> Carried:
        """What became of an earlier hand-over. Raises MailError."""

    async def aclose(self) -> None:
        """Says goodbye and lets go of every connection."""
