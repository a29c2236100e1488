"""Sites: taking one on, its definitions over time, its generation."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update
from sqlmodel import col

from milestones.domain.account import Definitions, Version
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.observation import Measure
from milestones.store import scans
from milestones.store.database.locks import lock_site
from milestones.store.database.prepared import Prepared
from milestones.store.database.statements import add_missing, put, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Account, DefinitionVersion, MutedStep, ObservationRun, Site, SiteState

_SITES = table_of(Site)
_VERSIONS = table_of(DefinitionVersion)
_ACCOUNTS = table_of(Account)
_RUNS = table_of(ObservationRun)
_MUTES = table_of(MutedStep)
_SITE = Prepared(select(_SITES).where(_SITES.c.id == bindparam("site_id")))
_PAUSED = Prepared(
    select(_VERSIONS.c.milestone).where(_VERSIONS.c.site_id == bindparam("site_id"), _VERSIONS.c.paused)
)


async def find_site(tx: Transaction, site_id: str) -> Site | None:
    """The site, if it was ever heard of."""
    rows = await _SITE.fetch(tx, {"site_id": site_id})
    return Site(**rows[0]._asdict()) if rows else None


async def list_sites(tx: Transaction) -> list[Site]:
    """Every site, oldest first."""
    rows = (await tx.execute(select(_SITES).order_by(_SITES.c.first_heard_at, _SITES.c.id))).mappings()
    return [Site(**row) for row in rows]


async def notice(tx: Transaction, site_id: str, now: datetime) -> None:
    """Remember that a site exists; what is known of it stays."""
    row = Site(id=site_id, first_heard_at=now).model_dump()
    await add_missing(tx, Site, [row], unique=["id"])


async def take_on(tx: Transaction, site_id: str, name: str | None, now: datetime) -> bool:
    """Make a site active. Its history begins now, unless it is active already. True if it just began.

    A site whose app was removed begins anew, also if it was only observed in between: nobody heard what happened
    meanwhile, so what its accounts were before must not be compared with what they are now. What was given stays given.
    """
    await notice(tx, site_id, now)
    site = await find_site(tx, site_id)
    assert site is not None, "it was just noticed"
    if site.removed_at is not None:
        await _begin_anew(tx, site_id, now)
        site.go_live_at = site.baseline_done_at = None
    await change(
        tx,
        site_id,
        state=SiteState.ACTIVE,
        name=name or site.name,
        go_live_at=site.go_live_at or now,
        baseline_done_at=site.baseline_done_at,
        removed_at=None,
    )
    return site.go_live_at is None


async def _begin_anew(tx: Transaction, site_id: str, now: datetime) -> None:
    for table in (_ACCOUNTS, _RUNS, _MUTES):
        await tx.execute(delete(table).where(table.c.site_id == site_id))
    # A reading that had begun knows accounts that are not known any more.
    await scans.give_up(tx, site_id, now)
    # Who became a customer while nobody listened did not begin with 0 in this history.
    await tx.execute(
        update(_VERSIONS)
        .where(_VERSIONS.c.site_id == site_id, _VERSIONS.c.retired_at.is_(None))
        .values(activated_at=now)
    )
    await change(tx, site_id, definitions=_SITES.c.definitions + 1)


async def remove(tx: Transaction, site: Site, now: datetime) -> None:
    """Note that the app is gone from a site. One that was only observed is no site that was taken on, whatever it was once."""
    live = None if site.state == SiteState.OBSERVED else site.go_live_at
    await change(tx, site.id, state=SiteState.REMOVED, removed_at=now, go_live_at=live)


async def change(tx: Transaction, site_id: str, **values: Any) -> None:
    """Set columns of a site."""
    await tx.execute(update(_SITES).where(_SITES.c.id == site_id).values(**values))


async def raise_generation(tx: Transaction, site_id: str) -> int:
    """Begin a drain: every worker of an older generation is fenced from now on."""
    statement = (
        update(_SITES)
        .where(_SITES.c.id == site_id)
        .values(generation=_SITES.c.generation + 1)
        .returning(_SITES.c.generation)
    )
    return int((await tx.execute(statement)).scalar_one())


def _shape(milestone: Milestone) -> dict[str, Any]:
    """What decides about crossings, as it is kept."""
    measure, threshold, repeat, rearm_below = milestone.rule
    return {"measure": measure, "threshold": threshold, "repeat": repeat, "rearm_below": rearm_below}


async def define(
    tx: Transaction, site_id: str, milestones: Sequence[Milestone], now: datetime
) -> Definitions:
    """Bring the stored definitions up to those in force and return them.

    A new or changed one becomes a version that starts now; one that is gone is retired; one that is as it was
    goes on undisturbed, so that a restart changes nothing.
    """
    wanted = {milestone.key: milestone for milestone in milestones}
    rows = await _in_force(tx, site_id)
    if _same(rows, wanted):
        return _definitions(rows, wanted)
    # Two replicas may learn of a new configuration at once; the second finds the first one's versions.
    await lock_site(tx, site_id)
    rows = await _in_force(tx, site_id)
    await _change(tx, site_id, rows, wanted, now)
    return _definitions(await _in_force(tx, site_id), wanted)


async def _in_force(tx: Transaction, site_id: str) -> dict[str, Mapping[Any, Any]]:
    statement = select(_VERSIONS).where(_VERSIONS.c.site_id == site_id, _VERSIONS.c.retired_at.is_(None))
    return {row["milestone"]: row for row in (await tx.execute(statement)).mappings()}


async def get_definitions(tx: Transaction, site_id: str) -> dict[str, Mapping[str, Any]]:
    """What decides about crossings now, by milestone: measure, threshold, repeat, rearm_below."""
    return {key: row["definition"] for key, row in (await _in_force(tx, site_id)).items()}


def _same(rows: Mapping[str, Mapping[Any, Any]], wanted: Mapping[str, Milestone]) -> bool:
    return rows.keys() == wanted.keys() and all(
        rows[key]["definition"] == _shape(milestone) for key, milestone in wanted.items()
    )


def _definitions(rows: Mapping[str, Mapping[Any, Any]], wanted: Mapping[str, Milestone]) -> Definitions:
    versions = [
        Version(milestone, rows[key]["number"], rows[key]["activated_at"])
        for key, milestone in wanted.items()
    ]
    return Definitions.of(max((version.number for version in versions), default=0), versions)


async def _change(
    tx: Transaction,
    site_id: str,
    rows: Mapping[str, Mapping[Any, Any]],
    wanted: Mapping[str, Milestone],
    now: datetime,
) -> None:
    gone = [
        row["number"]
        for key, row in rows.items()
        if key not in wanted or row["definition"] != _shape(wanted[key])
    ]
    await tx.execute(
        update(_VERSIONS)
        .where(_VERSIONS.c.site_id == site_id, _VERSIONS.c.number.in_(gone))
        .values(retired_at=now)
    )
    paused = await list_paused_milestones(tx, site_id)
    counted = select(func.max(_VERSIONS.c.number)).where(_VERSIONS.c.site_id == site_id)
    newest = (await tx.execute(counted)).scalar_one() or 0
    added = [
        DefinitionVersion(
            site_id=site_id,
            number=number,
            milestone=key,
            definition=_shape(wanted[key]),
            activated_at=now,
            paused=key in paused,
        ).model_dump()
        for number, key in enumerate(
            (key for key in wanted if key not in rows or rows[key]["number"] in gone), newest + 1
        )
    ]
    await put(tx, DefinitionVersion, added)
    await change(tx, site_id, definitions=_SITES.c.definitions + 1)


async def get_versions(tx: Transaction, site_id: str, milestones: Iterable[Milestone]) -> list[Version]:
    """The versions in force of these milestones; changes nothing."""
    statement = select(_VERSIONS).where(_VERSIONS.c.site_id == site_id, _VERSIONS.c.retired_at.is_(None))
    rows = {row["milestone"]: row for row in (await tx.execute(statement)).mappings()}
    return [
        Version(milestone, rows[milestone.key]["number"], rows[milestone.key]["activated_at"])
        for milestone in milestones
        if milestone.key in rows
    ]


async def get_all_versions(tx: Transaction, site_id: str) -> dict[int, Version]:
    """Every definition that ever was in force, by its number: what decided, without titles and rewards."""
    statement = select(_VERSIONS).where(_VERSIONS.c.site_id == site_id)
    return {
        row["number"]: Version(
            Milestone(
                key=row["milestone"],
                title=row["milestone"],
                measure=Measure(row["definition"]["measure"]),
                threshold=row["definition"]["threshold"],
                repeat=Repeat(row["definition"]["repeat"]),
                rewards=(),
                rearm_below=row["definition"]["rearm_below"],
            ),
            row["number"],
            row["activated_at"],
        )
        for row in (await tx.execute(statement)).mappings()
    }


async def list_paused_milestones(tx: Transaction, site_id: str) -> set[str]:
    """Keys of the milestones that a person paused, those included that the configuration no longer has: what they
    owed is still to be done.
    """
    return {row.milestone for row in await _PAUSED.fetch(tx, {"site_id": site_id})}


async def pause(tx: Transaction, site_id: str, milestone: str | None, *, paused: bool) -> int:
    """Pause or resume a whole site, or one milestone of it, by its key whatever becomes of its definition. Returns how
    many rows that concerned.
    """
    if milestone is None:
        result = await tx.execute(update(_SITES).where(_SITES.c.id == site_id).values(paused=paused))
    else:
        result = await tx.execute(
            update(_VERSIONS)
            .where(_VERSIONS.c.site_id == site_id, _VERSIONS.c.milestone == milestone)
            .values(paused=paused)
        )
    return result.rowcount


async def set_program(tx: Transaction, site_id: str, told: Mapping[str, str | None], now: datetime) -> None:
    """Remember the program's status and names; Wix sends no event when they change (docs/wix-api.md, 9)."""
    await change(
        tx,
        site_id,
        program_status=told.get("status"),
        program_name=told.get("name"),
        points_name=told.get("points_name"),
        program_checked_at=now,
    )


def is_fresh(checked_at: datetime | None, now: datetime, age: timedelta) -> bool:
    """Whether something that was looked up is young enough to rely on. What lies in the future, because the clock
    was set back, is not.
    """
    return checked_at is not None and timedelta(0) <= now - checked_at <= age


async def list_active(tx: Transaction) -> list[Site]:
    """The sites for which something may be done."""
    statement = select(_SITES).where(col(Site.state) == SiteState.ACTIVE).order_by(_SITES.c.id)
    return [Site(**row) for row in (await tx.execute(statement)).mappings()]
