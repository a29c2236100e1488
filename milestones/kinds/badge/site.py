"""What badges ask of Wix, and of the store, since Wix's queries show late what was just written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from milestones.domain.actions import State
from milestones.kinds.badge.payload import Badge, BadgePayload
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store, Transaction
from milestones.store.tables import Action
from milestones.wix import assignments, badges
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.transport import WixClient

_ACTIONS = table_of(Action)


@dataclass(frozen=True, slots=True)
class SiteBadges:
    """``kinds.badge.channel.Badges`` on Wix."""

    client: WixClient

    async def find(self, title: str, /) -> str | None:
        """The id of the badge with this title."""
        result = await badges.find_by_title(self.client, title)
        return result.id if result is not None else None

    async def title(self, badge_id: str, /) -> str:
        """The title of a badge."""
        return (await badges.get(self.client, badge_id)).title

    async def create(self, title: str, /) -> str:
        """Makes a badge and returns its id."""
        return (await badges.create(self.client, title)).id

    async def holders(self, badge_id: str, member_ids: Sequence[str], /) -> set[str]:
        """Which of these members have the badge."""
        pages = assignments.query_all(
            self.client, assignments.of_any(badge_ids=[badge_id], member_ids=member_ids)
        )
        shown = [item async for page in pages for item in page.items]
        return {item.member_id for item in shown if item.badge_id == badge_id and item.member_id}

    async def assign(self, badge_id: str, member_id: str, /) -> None:
        """Gives the badge; to have it already is success, in whatever words Wix says so."""
        try:
            await assignments.create(self.client, badge_id, member_id)
        except (WixRefusedError, WixConflictError) as error:
            if assignments.is_already_assigned(error):
                return
            if await assignments.find(self.client, badge_id, member_id) is None:
                raise


@dataclass(frozen=True, slots=True)
class NewBadges:
    """``kinds.badge.channel.JustMade`` on the store."""

    store: Store
    site_id: str

    async def __call__(self, title: str, since: datetime, /) -> bool:
        """Whether a badge of this title may have been made since a time."""
        async with self.store.read() as tx:
            return await was_badge_made_since(tx, self.site_id, title, since)


@dataclass(frozen=True, slots=True)
class GivenBadges:
    """``kinds.badge.channel.JustGiven`` on the store."""

    store: Store
    site_id: str

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> set[tuple[str, str]]:
        """The badges that these accounts may have been given since a time."""
        async with self.store.read() as tx:
            return await find_badges_given_since(tx, self.site_id, accounts, since, apart_from)


async def find_badges_given_since(
    tx: Transaction,
    site_id: str,
    accounts: Collection[str],
    since: datetime,
    apart_from: Collection[int] = (),
) -> set[tuple[str, str]]:
    """Which badges, by id or title as the configuration names them, these accounts were given since a time, those of
    which nobody knows included: Wix's queries may not show them yet.

    apart_from: actions that are not counted.
    """
    unanswered = _ACTIONS.c.state.in_([State.AVAILABLE, State.HELD, State.UNKNOWN])
    given = (_ACTIONS.c.state == State.DONE) & (_ACTIONS.c.settled_at > since)
    statement = select(_ACTIONS.c.account_id, _ACTIONS.c.payload).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.account_id.in_(accounts),
        _ACTIONS.c.kind == Badge.kind,
        given | (_ACTIONS.c.state == State.RUNNING) | (unanswered & (_ACTIONS.c.lost_at > since)),
        _ACTIONS.c.id.not_in(apart_from),
    )
    rows = (await tx.execute(statement)).all()
    return {(row.account_id, BadgePayload.from_json(row.payload).named) for row in rows}


async def was_badge_made_since(tx: Transaction, site_id: str, title: str, since: datetime) -> bool:
    """Whether a badge of this title may have been made and not show yet: it was given to somebody since a time, or was
    to be given and nobody heard what became of it.
    """
    lost = _ACTIONS.c.lost_at.is_not(None) & _ACTIONS.c.state.in_(
        [State.AVAILABLE, State.RUNNING, State.HELD]
    )
    unanswered = lost | ((_ACTIONS.c.state == State.RUNNING) & _ACTIONS.c.acted_at.is_not(None))
    given = (_ACTIONS.c.state == State.DONE) & (_ACTIONS.c.settled_at > since)
    statement = select(_ACTIONS.c.id).where(
        _ACTIONS.c.site_id == site_id,
        _ACTIONS.c.kind == Badge.kind,
        unanswered | given,
        _ACTIONS.c.payload["title"].as_string() == title,
    )
    return (await tx.execute(statement.limit(1))).first() is not None
