"""Which accounts a scan reads, page by page. A cursor of ours names the window too, so that a scan can resume."""

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import (
    Customer,
    Measure,
    Measures,
    Observation,
    Point,
    Source,
    Stamp,
    customer_name,
)
from milestones.formats.untrusted import microseconds
from milestones.wix import accounts as wix_accounts
from milestones.wix.account import Account
from milestones.wix.paging import Page, Sort
from milestones.wix.transport import WixClient

MOST_WINDOWS = 40
"""Windows of one ladder that are asked for one by one; past it, one question covers all that is above the first."""

_FIELDS = {Measure.BALANCE: "points.balance", Measure.EARNED: "points.earned"}


@dataclass(frozen=True, slots=True)
class Window:
    """Accounts whose measure lies in [low, high], in points; without ``high``, from ``low`` on."""

    measure: Measure
    low: int
    high: int | None

    @property
    def filter(self) -> dict[str, Any]:
        """As Wix's query takes it (docs/wix-api.md, 2.3)."""
        bounds = {"$gte": self.low} if self.high is None else {"$gte": self.low, "$lte": self.high}
        return {_FIELDS[self.measure]: bounds}


def windows(milestones: Iterable[Milestone], highest: dict[Measure, int]) -> list[Window]:
    """The near windows of a site, overlapping ones merged.

    highest: the highest known value of each measure; a ladder is asked for one rung further than that.
    ``tier_points`` cannot be filtered, so such milestones have no window here: the sweep looks at them.
    """
    found: list[Window] = []
    for milestone in milestones:
        if milestone.near is not None and milestone.measure in _FIELDS:
            found += _windows(milestone, milestone.near.within, highest[milestone.measure])
    merged: list[Window] = []
    for window in sorted(found, key=lambda w: (w.measure, w.low)):
        last = merged[-1] if merged else None
        if last is None or last.measure is not window.measure or (last.high or 0) + 1 < window.low:
            if last is None or last.measure is not window.measure or last.high is not None:
                merged.append(window)
        elif last.high is not None:
            high = None if window.high is None else max(last.high, window.high)
            merged[-1] = Window(last.measure, last.low, high)
    return merged


def _windows(milestone: Milestone, within: int, highest: int) -> list[Window]:
    step = milestone.threshold
    if milestone.repeat is not Repeat.LADDER:
        return [Window(milestone.measure, step - within, step - 1)]
    rungs = highest // step + 2
    if rungs > MOST_WINDOWS:
        return [Window(milestone.measure, step - within, None)]
    return [Window(milestone.measure, rung * step - within, rung * step - 1) for rung in range(1, rungs + 1)]


async def list_near(
    client: WixClient, looked: Sequence[Window], cursor: str | None
) -> AsyncIterator[Page[Account]]:
    """The accounts of each window in turn."""
    place, inner = _parse_cursor(cursor)
    while place < len(looked):
        page = await wix_accounts.query(client, looked[place].filter, limit=100, cursor=inner)
        inner = page.next_cursor
        if inner is None:
            place += 1
        following = _format_cursor(place, inner) if place < len(looked) else None
        yield Page(page.items, following, page.total, page.unreadable)


def _parse_cursor(cursor: str | None) -> tuple[int, str | None]:
    if cursor is None:
        return 0, None
    place, inner = json.loads(cursor)
    return int(place), inner


def _format_cursor(place: int, inner: str | None) -> str:
    return json.dumps([place, inner])


def list_changed(client: WixClient, since: datetime, cursor: str | None) -> AsyncIterator[Page[Account]]:
    """The accounts that changed since a time, as far as Wix's search shows them by now."""
    changed = wix_accounts.changes_since(since)
    return wix_accounts.search_all(client, changed, sort=[Sort("updatedDate")], cursor=cursor)


def list_everybody(client: WixClient, cursor: str | None) -> AsyncIterator[Page[Account]]:
    """Every account, oldest first, so that one that is created meanwhile is at the end and not skipped."""
    return wix_accounts.query_all(client, None, sort=[Sort("createdDate")], cursor=cursor)


def observation(account: Account, source: Source, read_at: datetime) -> Observation:
    """What a read tells: the account as it was at its own revision, vouched for at the time of the reading."""
    tier_points = account.tier.points if account.tier is not None else None
    return Observation(
        account_id=account.id,
        point=Point(
            Stamp(
                account.revision,
                microseconds(account.updated_date),
            ),
            Measures(account.points.balance, account.points.earned, tier_points),
        ),
        source=source,
        told_at=read_at,
        created_at=account.created_date,
        customer=Customer(
            contact_id=account.contact_id or account.contact.id,
            member_id=account.member_id,
            email=account.contact.email,
            name=customer_name(account.contact.name, account.contact.display_name),
        ),
    )
