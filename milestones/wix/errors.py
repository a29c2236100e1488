"""What can go wrong between us and Wix.

::

    WixError                    has Wix's code and request id; a ChannelError, so the outbox needs to know no more
    ├── WixRefusedError         4xx: the call itself is wrong; permanent
    │   ├── WixNotFoundError    404: no such thing
    │   └── WixPreconditionError    428: a paid plan or a set-up step is missing
    ├── WixConflictError        409: exists already, or changed since the revision that we named
    ├── WixUnauthorizedError    401 in spite of a fresh token, or 403; of the connection, not of the item
    ├── WixThrottledError       429: names the time to come again
    └── WixUnavailableError     5xx, HTML, no JSON, a timeout, a reset; of a write, the effect may have happened
        └── WixUnreadableError  there is such a thing, and its description is broken

What Wix wrote in an error may quote the call, and with it a customer's address. So the sentence of an error holds only
its status, its code, the names of refused fields and the request id (docs/wix-api.md, 5); Wix's own words and data
are attributes, for code to look at and never for a log.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from milestones.errors import ChannelError


@dataclass(frozen=True)
class Complaint:
    """What an error's body said (docs/wix-api.md, 5). All of it is Wix's word, and any of it may be missing.

    code: the business rule or the first violated rule, such as ``INVALID_REVISION``.
    fields: the names of the fields that failed validation.
    words: message and descriptions, in lower case. They may hold personal data: compare, never show.
    data: the details that belong to the code, such as ``duplicateContactId``. Never show.
    """

    code: str | None = None
    fields: tuple[str, ...] = ()
    words: str = field(default="", repr=False)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def stale(self) -> bool:
        """Whether the revision that the call named is no longer the latest. Not every service need say so with 409."""
        code = (self.code or "").upper()
        return "REVISION" in code or "ALREADY_CHANGED" in code or "already changed" in self.words


class WixError(ChannelError):
    """Wix refused, throttled, failed or did not answer.

    status: the HTTP status, or None when no answer came.
    code: Wix's own code, if it gave one. request_id: what Wix's support asks for.
    complaint: the rest of what the answer said, for recognising "already exists" and the like.
    """

    permanent_by_nature: ClassVar[bool] = False
    connection_wide_by_nature: ClassVar[bool] = False

    def __init__(
        self,
        sentence: str,
        *,
        status: int | None = None,
        request_id: str | None = None,
        complaint: Complaint | None = None,
        lost: bool = False,
        retry_at: datetime | None = None,
        connection_wide: bool | None = None,
    ) -> None:
        self.status = status
        self.request_id = request_id
        self.complaint = complaint or Complaint()
        super().__init__(
            sentence,
            permanent=self.permanent_by_nature,
            lost=lost,
            retry_at=retry_at,
            connection_wide=self.connection_wide_by_nature if connection_wide is None else connection_wide,
        )

    @property
    def code(self) -> str | None:
        """Wix's code, such as ``ALREADY_EXISTS``; None when the answer held none."""
        return self.complaint.code


class WixRefusedError(WixError):
    """The call is wrong and stays wrong: bad input, unknown field, limit exceeded."""

    permanent_by_nature = True


class WixNotFoundError(WixRefusedError):
    """There is no such thing (any more)."""


class WixPreconditionError(WixRefusedError):
    """Something must be set up or paid for first, such as a plan with tiers. A person has to act."""


class WixConflictError(WixError):
    """It exists already, or it has changed since the revision that the call named: read again, decide again."""


class WixUnauthorizedError(WixError):
    """Wix does not accept who we are, or does not let us do this. No item is at fault; a person has to act."""

    permanent_by_nature = True
    connection_wide_by_nature = True


class WixThrottledError(WixError):
    """Too many calls; nothing was done. ``retry_at`` says when it is worth coming again."""

    connection_wide_by_nature = True


class WixUnavailableError(WixError):
    """Wix failed, did not answer, or answered something that is not its language.

    ``lost`` says that the call was a write which may have taken effect all the same.
    """


class WixUnreadableError(WixUnavailableError):
    """Wix answered in its language, and what it described there cannot be read."""


_DUPLICATE_CODES = ("ALREADY_EXISTS", "ALREADY_ASSIGNED", "DUPLICATE", "NOT_UNIQUE")
_DUPLICATE_WORDS = (
    "already assigned",
    "already exist",
    "already has",
    "already in use",
    "already taken",
    "already used",
    "duplicate",
    "must be unique",
    "not unique",
)


def says_duplicate(error: WixError) -> bool:
    """Whether the refusal means "there is one already".

    Which status and code Wix gives for a duplicate is unverified for most writes (docs/wix-api.md, 8), so any of
    code, words and a bare 409 will do. A stale revision is a 409 too, and never a duplicate.
    """
    if not isinstance(error, WixRefusedError | WixConflictError) or error.complaint.stale:
        return False
    code, words = (error.code or "").upper(), error.complaint.words
    if any(mark in code for mark in _DUPLICATE_CODES) or any(mark in words for mark in _DUPLICATE_WORDS):
        return True
    return error.status == 409 and not code
