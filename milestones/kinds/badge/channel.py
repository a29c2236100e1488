"""Badges: given to members, by title or id (docs/wix-api.md, 2.13 and 2.14; API v3 is not used).

Giving a badge twice is harmless, so an assignment is simply repeated. Making one is not: Wix takes any number of badges
with the same title, and its queries lag. So after a create, whether its answer was lost or not, nobody creates for a
while.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.errors import ChannelError
from milestones.kinds.channel import Fate, Found, Stop, Task

QUERY_LAG = timedelta(seconds=60)
"""How long a badge that may just have been made is awaited in queries before another is made."""


class Badges(Protocol):
    """The badges of one site. Every method raises ChannelError."""

    async def find(self, title: str, /) -> str | None:
        """The id of the badge with this title, or None while queries do not show one."""

    async def title(self, badge_id: str, /) -> str:
        """The title of a badge."""

    async def create(self, title: str, /) -> str:
        """Makes a badge and returns its id."""

    async def assign(self, badge_id: str, member_id: str, /) -> None:
        """Gives the badge to the member; it is a success if the member has it already."""


class JustMade(Protocol):
    """Whether a badge of this title may have been made since a time, perhaps by a process that is dead now."""

    async def __call__(self, title: str, since: datetime, /) -> bool:
        """Raises StoreError."""


class BadgeChannel:
    """The badges that one site gives. Ids are asked for once. clock: the time now, UTC."""

    concurrency = 4

    def __init__(self, badges: Badges, *, just_made: JustMade, clock: Callable[[], datetime]) -> None:
        self._badges = badges
        self._just_made = just_made
        self._clock = clock
        self._known: dict[str, str] = {}
        self._titles: dict[str, str] = {}
        self._no_create_before: dict[str, datetime] = {}
        self._resolving = asyncio.Lock()

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """A customer who is no member waits to become one."""
        return {
            task.id: Stop(State.WAITING, Verdict.NO_MEMBER, needs="member")
            for task in tasks
            if not task.customer.member_id
        }

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Finds or makes the badge and gives it. Raises ChannelError."""
        remembered = task.payload.get("title") in self._known
        try:
            return await self._given(task)
        except ChannelError as error:
            if not (error.permanent and remembered):
                raise
            # Perhaps the badge was deleted in Wix, and there is another, or may be.
            self._known.pop(task.payload["title"], None)
            return await self._given(task)

    async def recover(self, task: Task) -> Found:
        """Assigning again changes nothing."""
        del task
        return Found(Fate.REPEAT)

    async def _given(self, task: Task) -> Mapping[str, Any]:
        member_id = task.customer.member_id
        assert member_id, "the gate stops those who are no members"
        # One at a time, or the first two customers would each get a badge of their own made.
        async with self._resolving:
            badge_id, title = await self._resolved(task.payload)
        await self._badges.assign(badge_id, member_id)
        return {"badge_id": badge_id, "title": title, "member_id": member_id}

    async def _resolved(self, payload: Mapping[str, Any]) -> tuple[str, str]:
        badge_id, title = payload.get("badge_id"), payload.get("title")
        if badge_id:
            if badge_id not in self._titles:
                self._titles[badge_id] = title or await self._badges.title(badge_id)
            return badge_id, self._titles[badge_id]
        assert title, "a badge has a title or an id"
        if title not in self._known:
            found = await self._badges.find(title)
            self._known[title] = found or await self._created(title, may=bool(payload.get("create")))
        return self._known[title], title

    async def _created(self, title: str, *, may: bool) -> str:
        if not may:
            raise ChannelError(
                f"There is no badge {title!r} on the site; make it in Wix, "
                f'or write badge = {{ title = "{title}", create = true }}.',
                permanent=True,
            )
        now = self._clock()
        if title not in self._no_create_before and await self._just_made(title, now - QUERY_LAG):
            # By a process that ended since, or an attempt that went silent.
            self._no_create_before[title] = now + QUERY_LAG
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
            self._no_create_before[title] = now + QUERY_LAG
            raise ChannelError(
                f"Whether the badge {title!r} was made is not known; it is looked for. {error}",
                # Kept with the action: a process that knows nothing of this create must not make a second badge.
                lost=True,
                retry_at=now + QUERY_LAG,
                connection_wide=error.connection_wide,
            ) from error
