"""Badges: given to members, by title or id (docs/wix-api.md, 2.13 and 2.14; API v3 is not used).

Whether Wix refuses, ignores or keeps a second assignment of a badge to a member is documented nowhere (docs/wix-api.md, 8), and it
takes any number of badges with the same title. So what is there is looked for before each of both; and since queries lag,
what may just have been written is awaited.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones.domain.actions import Need, State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.badge.payload import BadgePayload
from milestones.kinds.badge.site import GivenBadges, NewBadges, SiteBadges
from milestones.kinds.channel import Fate, Found, Stop, Task, await_query
from milestones.kinds.services import SiteServices


class Badges(Protocol):
    """The badges of one site. Every method raises ChannelError."""

    async def find(self, title: str, /) -> str | None:
        """The id of the badge with this title, or None while queries do not show one."""

    async def title(self, badge_id: str, /) -> str:
        """The title of a badge."""

    async def create(self, title: str, /) -> str:
        """Makes a badge and returns its id."""

    async def holders(self, badge_id: str, member_ids: Sequence[str], /) -> Collection[str]:
        """Which of these members, of whom there are at most 100, have the badge, as far as queries show it."""

    async def assign(self, badge_id: str, member_id: str, /) -> None:
        """Gives the badge to the member; it is a success if the member has it already."""


class JustMade(Protocol):
    """Whether a badge of this title may have been made since a time, perhaps by a process that is dead now."""

    async def __call__(self, title: str, since: datetime, /) -> bool:
        """Raises StoreError."""


class JustGiven(Protocol):
    """The badges, by id or title as payloads name them, that accounts may have been given since a time, with them.

    apart_from: actions that are not counted, by id.
    """

    async def __call__(
        self, accounts: Collection[str], since: datetime, /, *, apart_from: Collection[int]
    ) -> Collection[tuple[str, str]]:
        """Raises StoreError."""


class BadgeChannel:
    """The badges that one site gives. Ids are asked for once.

    query_lag: how long queries may not show what was written. clock: the time now, UTC.
    """

    concurrency = 4

    def __init__(
        self,
        badges: Badges,
        *,
        just_made: JustMade,
        just_given: JustGiven,
        query_lag: timedelta,
        clock: Callable[[], datetime],
    ) -> None:
        self._query_lag = query_lag
        self._badges = badges
        self._just_made = just_made
        self._just_given = just_given
        self._clock = clock
        self._known: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._held: set[tuple[str, str]] = set()
        self._no_create_before: dict[str, datetime] = {}
        self._resolving = asyncio.Lock()

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """A customer who is no member waits to become one; one who may just have been given the same badge, for
        another milestone, waits until Wix shows it. Asks who has the badge already.
        """
        stops = {
            task.id: Stop(State.WAITING, Verdict.NO_MEMBER, needs=Need.MEMBER)
            for task in tasks
            if not task.customer.member_id
        }
        members = [task for task in tasks if task.id not in stops]
        if members:
            stops |= await self._stops_for_repeated(members)
            await self._note_holders([task for task in members if task.id not in stops])
        return stops

    async def _stops_for_repeated(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        now = self._clock()
        stop = Stop(State.AVAILABLE, Verdict.BADGE_JUST_GIVEN, until=now + self._query_lag)
        accounts = {task.account_id for task in tasks}
        batch = [task.id for task in tasks]
        just_given = await self._just_given(accounts, now - self._query_lag, apart_from=batch)
        stops = {}
        passed: set[tuple[str | None, str]] = set()
        for task in sorted(tasks, key=lambda task: task.id):
            pair = (task.customer.member_id, _name(task))
            if pair in passed or (task.account_id, _name(task)) in just_given:
                stops[task.id] = stop
            passed.add(pair)
        return stops

    async def _note_holders(self, tasks: Sequence[Task]) -> None:
        members: dict[str, list[str]] = {}
        for task in tasks:
            badge_id = await self._find(BadgePayload.from_json(task.payload))
            if badge_id is not None:
                members.setdefault(badge_id, []).append(task.customer.member_id or "")
        for badge_id, asked in members.items():
            holders = await self._badges.holders(badge_id, asked)
            self._held -= {(badge_id, member) for member in asked}
            self._held |= {(badge_id, member) for member in holders}

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Finds or makes the badge and gives it. Raises ChannelError."""
        remembered = BadgePayload.from_json(task.payload).title in self._known
        try:
            return await self._give(task)
        except ChannelError as error:
            if not (error.permanent and remembered):
                raise
            # Perhaps the badge was deleted in Wix, and there is another, or may be.
            self._known.pop(str(task.payload["title"]), None)
            return await self._give(task)

    async def recover(self, task: Task) -> Found:
        """Looks for the assignment, and awaits it while queries may lag: Wix may keep a second one."""
        badge_id, member_id = await self._find(BadgePayload.from_json(task.payload)), task.customer.member_id
        if badge_id is None or member_id is None:
            return Found(Fate.REPEAT)  # nothing can have been given of what does not show itself
        if member_id in await self._badges.holders(badge_id, [member_id]):
            _, title = await self._resolve(BadgePayload.from_json(task.payload))
            return Found(Fate.HAPPENED, _result(badge_id, title, member_id))
        await_query(task.lost_at, self._clock(), self._query_lag)
        return Found(Fate.REPEAT)

    async def _give(self, task: Task) -> Mapping[str, Any]:
        member_id = task.customer.member_id
        assert member_id, "the gate stops those who are no members"
        # One at a time, or the first two customers would each get a badge of their own made.
        async with self._resolving:
            badge_id, title = await self._resolve(BadgePayload.from_json(task.payload))
        if (badge_id, member_id) not in self._held:
            await self._badges.assign(badge_id, member_id)
        self._held.discard((badge_id, member_id))
        return _result(badge_id, title, member_id)

    async def _find(self, payload: BadgePayload) -> str | None:
        """The id of a badge that exists; None while none of its title shows."""
        badge_id, title = payload.badge_id, payload.title
        if badge_id or title in self._known:
            return str(badge_id or self._known[str(title)])
        result = await self._badges.find(str(title))
        if result is not None:
            self._known[str(title)] = result
        return result

    async def _resolve(self, payload: BadgePayload) -> tuple[str, str]:
        """The id and title of a badge that exists now; made if it may be. Raises ChannelError."""
        badge_id, title = await self._find(payload), payload.title
        if badge_id is None:
            assert title, "a badge has a title or an id"
            badge_id = self._known[title] = await self._create(title, may=payload.create)
        if title is None:
            title = self._titles.get(badge_id) or await self._badges.title(badge_id)
            self._titles[badge_id] = title
        return badge_id, title

    async def _create(self, title: str, *, may: bool) -> str:
        if not may:
            raise ChannelError(
                f"There is no badge {title!r} on the site; make it in Wix, "
                f'or write badge = {{ title = "{title}", create = true }}.',
                permanent=True,
            )
        now = self._clock()
        if title not in self._no_create_before and await self._just_made(title, now - self._query_lag):
            # By a process that ended since, or an attempt that went silent.
            self._no_create_before[title] = now + self._query_lag
        wait_until = self._no_create_before.get(title)
        if wait_until is not None and now < wait_until:
            raise ChannelError(
                f"The badge {title!r} may just have been made; waiting for it to show.",
                untried=True,
                retry_at=wait_until,
            )
        try:
            return await self._badges.create(title)
        except ChannelError as error:
            if not error.lost:
                raise
            self._no_create_before[title] = now + self._query_lag
            raise ChannelError(
                f"Whether the badge {title!r} was made is not known; it is looked for. {error}",
                # Kept with the action: a process that knows nothing of this create must not make a second badge.
                lost=True,
                retry_at=now + self._query_lag,
                connection_wide=error.connection_wide,
            ) from error


def _name(task: Task) -> str:
    return BadgePayload.from_json(task.payload).named


def _result(badge_id: str, title: str, member_id: str) -> dict[str, Any]:
    return {"badge_id": badge_id, "title": title, "member_id": member_id}


def build(services: SiteServices) -> BadgeChannel:
    """The channel of a site."""
    return BadgeChannel(
        SiteBadges(services.client),
        just_made=NewBadges(services.store, services.site_id),
        just_given=GivenBadges(services.store, services.site_id),
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
