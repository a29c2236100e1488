"""One turn of keeping a site in step with another program: settle, read, match, look, order. It may die anywhere: what was
recorded is taken up by the next one, and what was not is found again.
"""

from milestones.errors import UsageError
from milestones.store import links
from milestones.store.database.store import retry_races
from milestones.sync.agree import look_at_links
from milestones.sync.read import read_list
from milestones.sync.settle import settle_open
from milestones.sync.work import SyncWork, Turn, require_active


async def take_turn(work: SyncWork, *, at_once: bool = False, whole: bool = False) -> Turn:
    """Do what is due. at_once: the list is read though it is not due; whole: all of it. Raises StoreError.

    Raises UsageError where the site's own accounts are not known yet, or nothing is done for it.
    """
    await _require_ready(work)
    turn = Turn()
    await settle_open(work, turn)
    await read_list(work, turn, whole=whole, at_once=at_once)
    await _join(work, turn)
    await look_at_links(work, turn)
    return turn


async def _require_ready(work: SyncWork) -> None:
    async with work.store.read() as tx:
        site = await require_active(tx, work)
    if site.baseline_done_at is None:
        raise UsageError("The first reading of all accounts is not complete; the sync begins after it.")


@retry_races
async def _join(work: SyncWork, turn: Turn) -> None:
    async with work.store.write() as tx:
        turn.counts["unlinked"] += await links.unlink_gone(tx, work.site_id, work.name)
        if "email" in work.external.match:
            turn.counts += await links.match_accounts(tx, work.site_id, work.name)
        await links.note_changes_here(tx, work.site_id, work.name)
