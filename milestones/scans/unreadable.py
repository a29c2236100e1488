"""What a page holds of accounts becomes known, but for those that cannot be read or recorded: each is left out by itself,
kept for a person as a webhook would be, and counted. One must not stop the scans of its site.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

import structlog

from milestones.domain.observation import Observation
from milestones.errors import MilestonesError, blame
from milestones.pipeline import observe as pipeline
from milestones.pipeline.context import Outcome, Rules
from milestones.store.database.store import Store
from milestones.store.people import rejected
from milestones.wix.account import Account
from milestones.wix.paging import Broken, Page

log = structlog.get_logger()


class Work(Protocol):
    """Of a scan's work, what this needs."""

    @property
    def site_id(self) -> str: ...
    @property
    def store(self) -> Store: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def tell(self) -> Callable[[Outcome], None]: ...
    @property
    def skipped(self) -> Callable[[str], None]: ...


async def observe_page(
    work: Work, kind: str, seen: Sequence[Observation], page: Page[Account], now: datetime
) -> tuple[list[Observation], int]:
    """Observe ``seen``, the readable accounts of a page. Returns those that were recorded, and how many were left out.

    Raises StoreError.
    """
    left_out = list(page.unreadable)
    blamed = {item.account_id: why for item, why in await _record(work, seen, now)}
    left_out += [
        Broken(account.id, blamed[account.id], account.model_dump(mode="json", by_alias=True))
        for account in page.items
        if account.id in blamed
    ]
    recorded = [item for item in seen if item.account_id not in blamed]
    async with work.store.write() as tx:
        await rejected.forget_accounts(tx, work.site_id, [item.account_id for item in recorded])
        for broken in left_out:
            await rejected.add_account(tx, work.site_id, broken.id, _reason(broken), _body(broken), now)
    for broken in left_out:
        log.warning(
            "account_left_out", site=work.site_id, kind=kind, account=broken.id, reason=_reason(broken)
        )
        work.skipped(kind)
    return recorded, len(left_out)


async def _record(work: Work, seen: Sequence[Observation], now: datetime) -> list[tuple[Observation, str]]:
    """Record what was seen. Returns those that cannot be, and why: the others of the page are not to blame."""
    try:
        work.tell(await pipeline.observe(work.store, work.rules, work.site_id, seen, now))
    except MilestonesError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one account brings about, it is left out and shown
        if len(seen) == 1:
            return [(seen[0], f"cannot be recorded ({blame(error)})")]
        middle = len(seen) // 2
        return [*await _record(work, seen[:middle], now), *await _record(work, seen[middle:], now)]
    return []


def _reason(broken: Broken) -> str:
    return f"The account {broken.reason}."


def _body(broken: Broken) -> bytes:
    """With every name and address as it is spelled, so that the erasure of a person finds them."""
    return json.dumps(broken.told, ensure_ascii=False).encode(errors="backslashreplace")
