"""Which event led to which grant: a line of the log for each, so that a gift can be followed back to what Wix told."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import structlog

from milestones.domain.event import AccountSeen, Heard
from milestones.store.tables import Grant

_log = structlog.get_logger(__name__)


def tell_granted(batch: Sequence[Heard], grants: Iterable[Grant]) -> None:
    """After the commit: the grants that a batch led to, each with the ids of the events about its account."""
    causes: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for item in batch:
        if isinstance(item.event, AccountSeen):
            causes[item.site_id, item.event.observation.account_id].append(item.event_id)
    for grant in grants:
        _log.info(
            "granted",
            site=grant.site_id,
            account=grant.account_id,
            milestone=grant.milestone,
            occurrence=grant.occurrence,
            event_ids=causes[grant.site_id, grant.account_id],
        )
