"""Agreements: frozen when they are recorded, one after the other for each link, and what became of them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update

from milestones.domain.agreement import Agreement, Settled
from milestones.store.database.statements import add_missing, chunks, table_of
from milestones.store.database.store import Transaction
from milestones.store.tables import Action, AgreementRow, AgreementState, ExternalProgram, Link, LinkState

_ACTIONS = table_of(Action)
_AGREEMENTS = table_of(AgreementRow)
_LINKS = table_of(Link)
_PROGRAMS = table_of(ExternalProgram)

BATCH = 500


async def add(
    tx: Transaction, link: Link, agreement: Agreement, now: datetime, *, updated: str | None
) -> AgreementRow | None:
    """Freeze an agreement, if the link still stands where it was read, with nothing open. Returns what was written.

    One that owes nothing is settled at once. updated: their mark of the last change, as it was read.
    """
    state = AgreementState.SETTLED if agreement.is_empty else AgreementState.OPEN
    changed = await tx.execute(
        update(_LINKS)
        .where(
            _LINKS.c.id == link.id,
            _LINKS.c.number == link.number,
            _LINKS.c.is_open.is_(False),
            _LINKS.c.state == link.state,
        )
        .values(
            number=agreement.number,
            state=LinkState.LINKED,
            reason=None,
            look=False,
            is_open=not agreement.is_empty,
            updated=updated,
            **(
                {"ours": agreement.ours, "theirs": agreement.theirs, "agreed_at": now}
                if agreement.is_empty
                else {}
            ),
        )
    )
    if not changed.rowcount:
        return None
    assert link.id is not None, "it was read from the table"
    row = AgreementRow(
        link_id=link.id,
        number=agreement.number,
        site_id=link.site_id,
        external=link.external,
        ours=agreement.ours,
        theirs=agreement.theirs,
        to_ours=agreement.to_ours,
        to_theirs=agreement.to_theirs,
        state=state,
        recorded_at=now,
        settled_at=now if agreement.is_empty else None,
    )
    await add_missing(tx, AgreementRow, [row.model_dump()], unique=["link_id", "number"])
    return row


def agreement_of(row: AgreementRow) -> Agreement:
    """As the rules know it."""
    return Agreement(row.number, row.ours, row.theirs, row.to_ours, row.to_theirs)


async def list_open(
    tx: Transaction, site_id: str, external: str, limit: int = BATCH, after: int = 0
) -> list[tuple[AgreementRow, Link]]:
    """Agreements that are not settled, with their links, by the number of the link."""
    statement = (
        select(_AGREEMENTS, _LINKS)
        .join(_LINKS, _LINKS.c.id == _AGREEMENTS.c.link_id)
        .where(
            _AGREEMENTS.c.site_id == site_id,
            _AGREEMENTS.c.external == external,
            _AGREEMENTS.c.state == AgreementState.OPEN,
            _AGREEMENTS.c.link_id > after,
        )
        .order_by(_AGREEMENTS.c.link_id)
        .limit(limit)
    )
    found = []
    for row in (await tx.execute(statement)).all():
        width = len(_AGREEMENTS.c)
        of_agreement = dict(zip(_AGREEMENTS.c.keys(), row[:width], strict=True))
        of_link = dict(zip(_LINKS.c.keys(), row[width:], strict=True))
        found.append((AgreementRow(**of_agreement), Link(**of_link)))
    return found


async def close(
    tx: Transaction,
    row: AgreementRow,
    settled: Settled,
    now: datetime,
    *,
    written: int | None,
    reason: str | None = None,
    account_id: str | None = None,
) -> bool:
    """Both sides have come to an end. Returns whether it was this call that closed it.

    written: the revision at which our account was adjusted, where it was. reason: why it is listed, where it broke.
    account_id: of an account that was made by it.
    """
    state = AgreementState.BROKEN if settled.broken else AgreementState.SETTLED
    mine = (_AGREEMENTS.c.link_id == row.link_id) & (_AGREEMENTS.c.number == row.number)
    closed = await tx.execute(
        update(_AGREEMENTS)
        .where(mine, _AGREEMENTS.c.state == AgreementState.OPEN)
        .values(state=state, settled_at=now)
    )
    if not closed.rowcount:
        return False
    values: dict[str, object] = {
        "ours": settled.agreed.ours,
        "theirs": settled.agreed.theirs,
        "is_open": False,
        "agreed_at": now,
    }
    if written is not None:
        values["written"] = written
    if account_id is not None:
        values["account_id"] = account_id
    await tx.execute(update(_LINKS).where(_LINKS.c.id == row.link_id).values(**values))
    if settled.broken:
        listed = {"state": LinkState.LISTED, "reason": reason, "look": False}
        linked = (_LINKS.c.id == row.link_id) & (_LINKS.c.state == LinkState.LINKED)
        await tx.execute(update(_LINKS).where(linked).values(**listed))
    return True


async def count_check(tx: Transaction, row: AgreementRow) -> None:
    """Count that the other program is asked once more whether it shows what it has booked."""
    mine = (_AGREEMENTS.c.link_id == row.link_id) & (_AGREEMENTS.c.number == row.number)
    await tx.execute(update(_AGREEMENTS).where(mine).values(checks=row.checks + 1))


async def get_actions(tx: Transaction, owners: Sequence[str]) -> dict[str, list[Action]]:
    """The actions of these orders, by order, in their turn."""
    found: dict[str, list[Action]] = {}
    for some in chunks(owners):
        statement = select(_ACTIONS).where(_ACTIONS.c.owner.in_(some)).order_by(_ACTIONS.c.id)
        for row in (await tx.execute(statement)).mappings():
            found.setdefault(row["owner"], []).append(Action(**row))
    return found


async def count_open(tx: Transaction, site_id: str, external: str) -> int:
    """How many are not settled."""
    statement = (
        select(func.count())
        .select_from(_AGREEMENTS)
        .where(
            _AGREEMENTS.c.site_id == site_id,
            _AGREEMENTS.c.external == external,
            _AGREEMENTS.c.state == AgreementState.OPEN,
        )
    )
    return int((await tx.execute(statement)).scalar_one())


async def forget(tx: Transaction, before: datetime) -> int:
    """Delete some of those that came to their end before then; what they left stands in their links."""
    old = (
        select(_AGREEMENTS.c.link_id, _AGREEMENTS.c.number)
        .where(_AGREEMENTS.c.recorded_at < before, _AGREEMENTS.c.settled_at < before)
        .limit(BATCH)
    )
    rows = (await tx.execute(old)).all()
    for link_id, number in rows:
        mine = (_AGREEMENTS.c.link_id == link_id) & (_AGREEMENTS.c.number == number)
        await tx.execute(delete(_AGREEMENTS).where(mine))
    return len(rows)


# Where reading a program stands


async def get_program(tx: Transaction, site_id: str, name: str) -> ExternalProgram:
    """What is known of reading it; as new where it was never read."""
    statement = select(_PROGRAMS).where(_PROGRAMS.c.site_id == site_id, _PROGRAMS.c.name == name)
    row = (await tx.execute(statement)).mappings().first()
    return ExternalProgram(site_id=site_id, name=name) if row is None else ExternalProgram(**row)


async def list_failing(tx: Transaction) -> list[ExternalProgram]:
    """Those that could not be read the last time."""
    statement = select(_PROGRAMS).where(_PROGRAMS.c.failure.is_not(None)).order_by(_PROGRAMS.c.name)
    return [ExternalProgram(**row) for row in (await tx.execute(statement)).mappings()]


async def save_program(tx: Transaction, program: ExternalProgram) -> None:
    """Keep where it stands."""
    await add_missing(tx, ExternalProgram, [program.model_dump()], unique=["site_id", "name"])
    mine = (_PROGRAMS.c.site_id == program.site_id) & (_PROGRAMS.c.name == program.name)
    await tx.execute(update(_PROGRAMS).where(mine).values(program.model_dump(exclude={"site_id", "name"})))
