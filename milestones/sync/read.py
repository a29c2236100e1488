"""Reading the other program: who its members are, and whose balance is not the agreed one. Absence is no deletion: a list
that leaves somebody out may be late, filtered or cut short.
"""

from datetime import datetime, timedelta

from milestones.domain.member import Member
from milestones.external.errors import ExternalError
from milestones.store import agreements, links
from milestones.store.database.store import retry_races
from milestones.store.tables import ExternalProgram
from milestones.store.views import links as link_views
from milestones.sync.work import SyncWork, Turn


def find_due(work: SyncWork, program: ExternalProgram, now: datetime) -> tuple[bool, datetime | None]:
    """Whether the list is to be read now; and since when, None for all of it."""
    table = work.external.list
    if table is None:
        return not _is_recent(program.read_at, now, work.external.ask_every), None
    whole = program.full_at is None or not _is_recent(program.full_at, now, table.full_every)
    if whole or table.changed_since is None:
        return whole or not _is_recent(program.read_at, now, table.every), None
    return not _is_recent(program.read_at, now, table.every), program.read_at


def _is_recent(moment: datetime | None, now: datetime, span: timedelta) -> bool:
    # One that lies in the future, because the clock was set back, is none.
    return moment is not None and timedelta(0) <= now - moment < span


async def read_list(work: SyncWork, turn: Turn, *, whole: bool = False, at_once: bool = False) -> None:
    """Read the list if it is due, or ``at_once``. What was read before a failure is kept, and does not count as read."""
    began = work.clock()
    async with work.store.read() as tx:
        program = await agreements.get_program(tx, work.site_id, work.name)
    due, since = find_due(work, program, began)
    if not (due or at_once):
        return
    if whole:
        since = None
    if work.external.list is None:
        async with work.store.write() as tx:
            turn.counts["changed"] += await links.note_all(tx, work.site_id, work.name)
        await _save(work, program, began, whole=True, failure=None)
        return
    try:
        async for members in work.program.list_members(since):
            await _take(work, turn, members, began)
            if work.stopping():
                return
    except ExternalError as error:
        turn.trouble = str(error)
    turn.counts["unreadable"] += work.program.unreadable
    await _save(work, program, began, whole=since is None, failure=turn.trouble)


@retry_races
async def _take(work: SyncWork, turn: Turn, members: list[Member], now: datetime) -> None:
    async with work.store.write() as tx:
        counts = await links.take_members(tx, work.site_id, work.name, work.rules.secret, members, now)
    turn.counts += counts
    turn.counts["read"] += len(members)


async def _save(
    work: SyncWork, program: ExternalProgram, began: datetime, *, whole: bool, failure: str | None
) -> None:
    if failure is None:
        program.read_at = began
        program.full_at = began if whole else program.full_at
    program.failing_since = None if failure is None else program.failing_since or began
    program.failure = failure
    async with work.store.write() as tx:
        program.members = await link_views.count(tx, work.site_id, work.name)
        await agreements.save_program(tx, program)
