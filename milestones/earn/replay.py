"""What an outside service sent and nobody understood, read once more: by the rule as it is now."""

from collections.abc import Callable
from datetime import datetime

from milestones.domain.earn import EarnRule
from milestones.earn import kept
from milestones.earn.reading import read_body, read_events
from milestones.earn.record import Outcome, Recorder
from milestones.errors import UsageError
from milestones.store.tables import Rejected


def is_outside(row: Rejected) -> bool:
    """Whether an outside service sent it, and not Wix."""
    return (row.event_type or "").startswith(kept.EVENT)


async def take_again(
    recorder: Recorder, find_rule: Callable[[str], EarnRule | None], row: Rejected, now: datetime
) -> bool:
    """Take in what was kept; its signature was verified when it came. False where the rule asks for nothing of it.

    Raises UsageError where it still cannot be understood or recorded, and StoreError.
    """
    assert row.site_id is not None, "a rule knows its site"
    name = (row.event_type or "").removeprefix(kept.EVENT)
    rule = find_rule(name)
    if rule is None or rule.event is None:
        raise UsageError(f"The configuration has no rule '{name}' for events any more ([[earn]]).")
    headers, body = kept.unpack(row.body)
    try:
        readings = read_events(rule, read_body(body), headers)
    except ValueError as error:
        raise UsageError(f"The body {error}.") from None
    results = await recorder.record(row.site_id, rule, readings, now)
    if (unread := next((one for one in results if one.outcome is Outcome.UNREAD), None)) is not None:
        raise UsageError(unread.why)
    return any(one.outcome is not Outcome.UNNEEDED for one in results)
