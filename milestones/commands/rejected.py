"""What Wix told and could not be understood: heard once more, after an upgrade."""

from milestones.commands.host import Host, Runtime
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.people import ReplayAnswer, ReplayRejected
from milestones.domain.event import Heard, Unneeded
from milestones.earn.record import Recorder
from milestones.earn.replay import is_outside, take_again
from milestones.errors import StoreUnavailableError, UsageError
from milestones.ingest.reading import UnreadableError, blame_event
from milestones.pipeline import observe
from milestones.pipeline.context import Outcome
from milestones.store.people import rejected
from milestones.store.tables import READ_ACCOUNT, Rejected
from milestones.store.views import lookup
from milestones.views.bodies import parse_account, parse_event


async def replay(host: Host, command: ReplayRejected, _report: Report[NoReport]) -> ReplayAnswer:
    """Take what is kept in again, oldest first; those that are understood now are no longer kept.

    To be interrupted does no harm: what was recorded and is still kept is recognised the next time.
    """
    runtime = host.runtime
    ids = command.ids
    async with runtime.store.read() as tx:
        kept = await lookup.list_rejected(tx, ids)
    missing = sorted(set(ids) - {row.id for row in kept})
    if missing:
        raise UsageError(f"Nothing is kept under {', '.join(map(str, missing))}.")
    still: dict[int, str] = {}
    recorded = unneeded = 0
    for row in reversed(kept):
        try:
            if await (_take_outside(host, row) if is_outside(row) else _take(runtime, row)):
                recorded += 1
            else:
                unneeded += 1
        except UnreadableError as error:
            assert row.id is not None, "what is kept has a number"
            still[row.id] = error.reason
            continue
        async with runtime.store.write() as tx:
            await rejected.forget(tx, row)
    return ReplayAnswer(taken=recorded, unneeded=unneeded, kept=still)


async def _take(runtime: Runtime, row: Rejected) -> bool:
    """Record what a row tells; False where nobody needs it.

    Raises UnreadableError where it still cannot be read or recorded: the others are not to blame.
    """
    event: Heard | None = None
    store, rules, now = runtime.store, runtime.rules, runtime.clock()
    try:
        if row.event_type == READ_ACCOUNT:
            assert row.site_id is not None, "a scan knows its site"
            seen = [parse_account(row.body, row.received_at)]
            runtime.tell(await observe.observe(store, rules, row.site_id, seen, now))
            return True
        event = parse_event(row.body)
        if isinstance(event.event, Unneeded):
            return False
        runtime.tell(await observe.hear(store, rules, [event], now))
    except (StoreUnavailableError, UnreadableError):
        raise
    except Exception as error:  # noqa: BLE001 (as it was when it came)
        raise blame_event(error, row.site_id, row.event_type, event.event_id if event else None) from None
    return True


async def _take_outside(host: Host, row: Rejected) -> bool:
    runtime = host.runtime
    recorder = Recorder(runtime.store, runtime.rules)
    try:
        taken = await take_again(recorder, host.settings.find_earn_rule, row, runtime.clock())
    except UsageError as error:
        raise UnreadableError(str(error)) from None
    runtime.tell(Outcome(wake={row.site_id} if row.site_id and taken else set()))
    return taken
