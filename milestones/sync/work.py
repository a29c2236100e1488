"""What keeping one site in step with one other program needs, and what a turn of it came to."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from milestones.config.external import ExternalTable
from milestones.domain.agreement import Limits
from milestones.domain.member import Member
from milestones.errors import UsageError
from milestones.kinds.adjust.payload import MOST_AMOUNT, MOST_BALANCE
from milestones.pipeline.context import Outcome, Rules
from milestones.store import sites
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Link, Site, SiteState


class Program(Protocol):
    """The other program (``external.connector``), as a sync reads it. Every method raises ExternalError."""

    @property
    def external(self) -> ExternalTable:
        """As it is described."""

    @property
    def unreadable(self) -> int:
        """Records of the last listing that could not be read."""

    def list_members(self, since: datetime | None, /) -> AsyncIterator[list[Member]]:
        """Members page by page."""

    async def get(self, member: Member, /) -> Member:
        """A member as it is now."""

    async def find(self, member: Member, mark: str, /) -> bool | None:
        """Whether an adjustment of ours shows; None where that cannot be asked."""


@dataclass(frozen=True, slots=True)
class SyncWork:
    """refresh: reads an account from Wix and observes it. tell: whom a commit concerns. stopping: nothing more is begun."""

    site_id: str
    store: Store
    rules: Rules
    program: Program
    clock: Callable[[], datetime]
    refresh: Callable[[str], Awaitable[None]]
    tell: Callable[[Outcome], None] = lambda _outcome: None
    stopping: Callable[[], bool] = lambda: False

    @property
    def external(self) -> ExternalTable:
        """How the program is described."""
        return self.program.external

    @property
    def name(self) -> str:
        """Of the program."""
        return self.external.name

    @property
    def limits(self) -> tuple[Limits, Limits]:
        """What our side takes, and theirs."""
        calls = [call for call in (self.external.adjust, self.external.subtract) if call is not None]
        floor = next((call.floor for call in calls if call.floor is not None), None)
        most = min(self.external.write_for(amount).most for amount in (1, -1))
        return Limits(0, MOST_BALANCE, MOST_AMOUNT), Limits(floor, None, most)


async def require_active(tx: Transaction, work: SyncWork) -> Site:
    """The site. Raises UsageError where nothing is done for it, as after its app was removed."""
    site = await sites.find_site(tx, work.site_id)
    if site is None or site.state != SiteState.ACTIVE:
        raise UsageError(f"The site {work.site_id} is not active here, so it is kept in step with nothing.")
    return site


def member_of(link: Link) -> Member:
    """The member of a link, as far as it is known who that is."""
    return Member(link.member_id, email=link.email, phone=link.phone)


@dataclass(slots=True)
class Turn:
    """What one turn did: members ``read``, ``new``, ``linked``; agreements ``agreed``, ``settled``; ``listed``,
    ``unlinked``, ``unreadable``. trouble: why something is left for the next turn, as a sentence.
    """

    counts: Counter[str] = field(default_factory=Counter)
    trouble: str | None = None
