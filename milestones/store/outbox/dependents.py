"""What waits for another action, moved on by what became of that."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Executable, select

from milestones.domain.actions import State
from milestones.domain.verdict import Verdict
from milestones.store.database.prepared import Lookup
from milestones.store.database.statements import chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.outbox import moves
from milestones.store.tables import Action

_ACTIONS = table_of(Action)


def _same_owners_query(ids: Sequence[Any]) -> Executable:
    owners = select(_ACTIONS.c.owner).where(_ACTIONS.c.id.in_(ids))
    columns = (_ACTIONS.c.id, _ACTIONS.c.key, _ACTIONS.c.state, _ACTIONS.c.verdict)
    needed = (_ACTIONS.c.waits_for, _ACTIONS.c.needs)
    return select(*columns, *needed).where(_ACTIONS.c.owner.in_(owners))


_OF_THE_SAME_OWNERS = Lookup(_same_owners_query)


async def release_dependents(tx: Transaction, action_ids: Iterable[int], now: datetime) -> None:
    """Move on what waits for these actions: ready when all of it is done, held when something was discarded, and
    given up with what another reward took the place of.
    """
    for ids in chunks(list(action_ids)):
        rows = await _OF_THE_SAME_OWNERS.fetch(tx, ids)
        states = {row.key: State(row.state) for row in rows}
        superseded = {row.key for row in rows if row.verdict == Verdict.SUPERSEDED}
        for row in rows:
            if row.state != State.WAITING or not row.waits_for or row.needs:
                continue
            awaited = {states[key] for key in row.waits_for}
            if awaited == {State.DONE}:
                await moves.go_on(tx, _ACTIONS.c.id == row.id)
            elif not superseded.isdisjoint(row.waits_for):
                await moves.supersede(tx, row.id, now)
            elif awaited & {State.DISCARDED, State.CANCELLED}:
                await moves.block(tx, row.id)
