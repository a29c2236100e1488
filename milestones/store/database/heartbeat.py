"""The database's sign of life, and the hold in which it starts when that was broken."""

import json
import platform
import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from sqlalchemy import delete, func, select, text, update

from milestones.domain.actions import State
from milestones.domain.continuity import Beat
from milestones.store.database import meta as facts
from milestones.store.database import postgres
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store, Transaction, database_file
from milestones.store.tables import Action, Meta

_BEAT = "heartbeat"
_HOLD = "hold"
_BEHIND = "behind"
_MACHINE_IDS = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
_MAY_ASK = (
    "SELECT bool_and(coalesce(has_function_privilege(to_regprocedure(name), 'execute'), false)) "
    "FROM unnest(array['pg_control_system()', 'pg_control_checkpoint()']) AS asked(name)"
)
_IDENTITY = (
    "SELECT (SELECT system_identifier FROM pg_control_system()), "
    "(SELECT timeline_id FROM pg_control_checkpoint()), current_database()"
)


def machine() -> str:
    """What names this machine: its machine id, or its network card and name."""
    for path in _MACHINE_IDS:
        try:
            result = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if result:
            return result
    return f"{uuid.getnode():x}/{platform.node()}"


async def place(store: Store) -> str:
    """Where the database is: the path of its file, or the identity and timeline of its server."""
    path = database_file(store.url)
    if path is not None:
        return str(path.resolve())
    async with store.read() as tx:
        # A managed server may keep its identity to itself; to ask for it all the same would be a failure.
        if not (await tx.execute(text(_MAY_ASK))).scalar_one():
            return postgres.place(store.url)
        system, timeline, name = (await tx.execute(text(_IDENTITY))).one()
    return f"{system}/{timeline}/{name}"


async def get_last(tx: Transaction) -> Beat | None:
    """The last sign of life."""
    kept = await facts.get(tx, _BEAT)
    if kept is None:
        return None
    stored = json.loads(kept)
    return Beat(datetime.fromisoformat(stored["at"]), stored["machine"], stored["place"])


async def beat(tx: Transaction, now: Beat) -> None:
    """Leave a sign of life."""
    stored = {"at": now.at.isoformat(), "machine": now.machine, "place": now.place}
    await facts.set_to(tx, _BEAT, json.dumps(stored))


def witness(store: Store, at: datetime) -> None:
    """Remember a beat beside the database, where putting back an old backup does not reach. Of PostgreSQL nothing is
    remembered.

    It is written after the beat is committed, so that it is never ahead of a database that merely goes on.
    """
    path = _witness(store)
    if path is not None:
        # A full disk is told by the database itself.
        with suppress(OSError):
            written = path.with_name(f"{path.name}.new")
            written.write_text(at.isoformat(), encoding="ascii")
            written.replace(path)


def read_witness(store: Store) -> datetime | None:
    """The beat that was last remembered beside the database."""
    path = _witness(store)
    if path is None:
        return None
    try:
        return datetime.fromisoformat(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def _witness(store: Store) -> Path | None:
    database = database_file(store.url)
    if database is None:
        return None
    file = database.resolve()
    return file.with_name(f"{file.name}.beat")


async def get_hold(tx: Transaction) -> str | None:
    """Why nothing is done until a person says ``milestones resume``, or None."""
    return await facts.get(tx, _HOLD)


async def hold(tx: Transaction, reason: str) -> None:
    """Do nothing until a person resumes. It outlives restarts."""
    await facts.set_to(tx, _HOLD, reason)


async def resume(tx: Transaction, now: datetime, *, rewound: bool) -> bool:
    """End the hold. False if there was none.

    rewound: this is an old backup, or a copy whose original went on. What is not settled may have been done since,
    so each of it is looked for before it is done; a mail of which nobody can tell waits for a person.
    """
    if rewound:
        await doubt(tx, now)
    meta = table_of(Meta)
    return (await tx.execute(delete(meta).where(meta.c.key == _HOLD))).rowcount > 0


async def doubt(tx: Transaction, now: datetime, site_ids: Collection[str] | None = None) -> None:
    """Have what is open, of these sites or of all, looked for before it is done."""
    actions = table_of(Action)
    open_states = [State.AVAILABLE, State.WAITING, State.RUNNING, State.HELD]
    statement = update(actions).where(actions.c.state.in_(open_states)).values(lost_at=now)
    if site_ids is not None:
        statement = statement.where(actions.c.site_id.in_(site_ids))
    await tx.execute(statement)


async def list_behind(tx: Transaction) -> set[str]:
    """Sites of which Wix did not tell when a hold ended: what they missed is still to be heard."""
    return set(json.loads(await facts.get(tx, _BEHIND) or "[]"))


async def set_behind(tx: Transaction, site_ids: Collection[str]) -> None:
    """Remember them, until each is asked about."""
    await facts.set_to(tx, _BEHIND, json.dumps(sorted(site_ids)))


async def count_pending(tx: Transaction) -> dict[str, int]:
    """What would be done if the hold ended now: actions by kind."""
    actions = table_of(Action)
    statement = select(actions.c.kind, func.count()).where(
        actions.c.state.in_([State.AVAILABLE, State.WAITING])
    )
    return {row[0]: row[1] for row in (await tx.execute(statement.group_by(actions.c.kind))).all()}
