"""What became of agreements: their orders are placed once, by a key that is the same after every death, and when both
have come to an end the link stands on the new balances.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from milestones.domain import keys
from milestones.domain.actions import State
from milestones.domain.agreement import Fate, Settled, Side, settle
from milestones.domain.order import Create, OrderSource, Person, Request
from milestones.errors import ChannelError, UsageError
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.kinds.external.payload import AdjustExternal, ExternalPayload
from milestones.pipeline.context import Outcome
from milestones.pipeline.orders import Asking, place_all
from milestones.store import agreements
from milestones.store.database.store import retry_races
from milestones.store.tables import Action, AgreementRow, Link
from milestones.sync.work import SyncWork, Turn, member_of

MOST_CHECKS = 10
"""How often it is asked whether it shows what it has booked, each time after twice as many seconds, a quarter of an hour in
all. Then it is not believed, and a person must look.
"""

_FAILED = frozenset({State.DISCARDED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class Owed:
    """An adjustment that an agreement owes, and what became of it so far. why: of one that failed."""

    fate: Fate
    action: Action | None = None
    why: str = ""


def order_key(row: AgreementRow, side: Side) -> str:
    """The key of an agreement's order: the same whenever it is placed."""
    return order_key_of(row.external, row.link_id, row.number, side)


def order_key_of(external: str, link_id: int | None, number: int, side: Side) -> str:
    """The same, of an agreement by its place."""
    return f"{external}/{link_id}/{number}/{side.value}"


def askings(work: SyncWork, row: AgreementRow, link: Link) -> list[Asking]:
    """The orders that an agreement owes."""
    wanted: list[tuple[Side, Person, Request]] = []
    if row.to_ours:
        wanted.append((Side.OURS, _person(link), AdjustPoints(row.to_ours, None, work.external.note)))
    if row.to_theirs:
        request = AdjustExternal(work.name, link.member_id, link.email or "", link.phone or "", row.to_theirs)
        wanted.append((Side.THEIRS, _person(link), request))
    return [
        Asking(work.site_id, OrderSource.SYNC, order_key(row, side), person, request)
        for side, person, request in wanted
    ]


def _person(link: Link) -> Person:
    if link.account_id is not None:
        return Person(account_id=link.account_id)
    return Person(email=link.email or "", create=Create.CONTACT)


async def place_orders(work: SyncWork, rows: Sequence[tuple[AgreementRow, Link]]) -> None:
    """Place the orders of these agreements. One that cannot be placed breaks its agreement, with the reason."""
    wanted = [(row, asking) for row, link in rows for asking in askings(work, row, link)]
    if not wanted:
        return
    results = await place_all(work.store, work.rules, [asking for *_, asking in wanted], work.clock())
    faults = {
        row.link_id: (row, str(result))
        for (row, _), result in zip(wanted, results, strict=True)
        if isinstance(result, UsageError)
    }
    for row, fault in faults.values():
        await _break(work, row, fault)
    work.tell(Outcome(wake={work.site_id}))


async def _break(work: SyncWork, row: AgreementRow, fault: str) -> None:
    """What was placed of it is done all the same, and settled then; a person sees what was not."""
    found = (await find_owed(work, [row]))[row.link_id]
    if any(owed.fate is Fate.OPEN and owed.action is not None for owed in found.values()):
        return
    fates = {side: Fate.FAILED if owed.fate is Fate.OPEN else owed.fate for side, owed in found.items()}
    ended = settle(agreements.agreement_of(row), (fates[Side.OURS], fates[Side.THEIRS]))
    assert ended is not None, "nothing is open"
    async with work.store.write() as tx:
        await agreements.close(tx, row, ended, work.clock(), written=None, reason=fault)


async def settle_open(work: SyncWork, turn: Turn) -> None:
    """Settle every agreement both of whose adjustments have come to an end; place what a death has kept from being placed."""
    after = 0
    while not work.stopping():
        async with work.store.read() as tx:
            rows = await agreements.list_open(tx, work.site_id, work.name, after=after)
        if not rows:
            return
        unplaced = []
        of_page = await find_owed(work, [row for row, _ in rows])
        for row, link in rows:
            after = row.link_id
            found = of_page[row.link_id]
            if any(owed.fate is Fate.OPEN and owed.action is None for owed in found.values()):
                unplaced.append((row, link))
            else:
                await _settle(work, turn, row, link, found)
        await place_orders(work, unplaced)


async def find_owed(work: SyncWork, rows: Sequence[AgreementRow]) -> dict[int, dict[Side, Owed]]:
    """What became of either side of these agreements, by the numbers of their links."""
    owners = {
        (row.link_id, side): keys.order_key(
            work.rules.secret, work.site_id, OrderSource.SYNC, order_key(row, side)
        )
        for row in rows
        for side in Side
    }
    async with work.store.read() as tx:
        actions = await agreements.get_actions(tx, list(owners.values()))
    found: dict[int, dict[Side, Owed]] = {row.link_id: {} for row in rows}
    for row in rows:
        for side, by in ((Side.OURS, row.to_ours), (Side.THEIRS, row.to_theirs)):
            of_side = actions.get(owners[row.link_id, side], [])
            found[row.link_id][side] = _owed(of_side) if by else Owed(Fate.DONE)
    return found


def _owed(actions: Sequence[Action]) -> Owed:
    if not actions:
        return Owed(Fate.OPEN)
    failed = next((action for action in actions if action.state in _FAILED), None)
    if failed is not None:
        return Owed(Fate.FAILED, failed, failed.error or _WORDS[State(failed.state)])
    done = all(action.state == State.DONE for action in actions)
    return Owed(Fate.DONE if done else Fate.OPEN, actions[-1])


_WORDS = {
    State.DISCARDED: "It was given up.",
    State.CANCELLED: "It was cancelled.",
}


async def _settle(work: SyncWork, turn: Turn, row: AgreementRow, link: Link, found: dict[Side, Owed]) -> None:
    ours, theirs = found[Side.OURS], found[Side.THEIRS]
    if Fate.OPEN in {ours.fate, theirs.fate}:
        return
    if theirs.action is not None and theirs.fate is Fate.DONE:
        theirs = await _confirm(work, row, link, theirs)
    ended = settle(agreements.agreement_of(row), (ours.fate, theirs.fate))
    if ended is None:
        return
    why = " ".join(
        f"{where}: {owed.why}"
        for where, owed in (("Here", ours), ("There", theirs))
        if owed.fate is Fate.FAILED
    )
    if ours.fate is Fate.DONE and ours.action is not None and _written(ours) is None:
        # A person called it done, and at which revision nobody knows: what is known of the account must be newer.
        try:
            await work.refresh(ours.action.account_id)
        except ChannelError as error:
            turn.trouble = str(error)
            return
    if await _close(work, row, ended, ours, why):
        turn.counts["listed" if ended.broken else "settled"] += 1


@retry_races
async def _close(work: SyncWork, row: AgreementRow, ended: Settled, ours: Owed, why: str) -> bool:
    action = ours.action if ours.fate is Fate.DONE else None
    async with work.store.write() as tx:
        return await agreements.close(
            tx,
            row,
            ended,
            work.clock(),
            written=_written(ours),
            reason=why or None,
            account_id=action.account_id if action is not None and action.account_id else None,
        )


def _written(ours: Owed) -> int | None:
    """The revision at which our account was adjusted, where it was."""
    if ours.action is None or ours.fate is not Fate.DONE:
        return None
    revision = (ours.action.intent or {}).get("revision")
    return None if revision is None else int(revision)


async def _confirm(work: SyncWork, row: AgreementRow, link: Link, theirs: Owed) -> Owed:
    """Whether the other program shows what it said it has booked: one that says so and books nothing would otherwise take
    the points from our side too. It is asked a few times, later each time.
    """
    action = theirs.action
    assert action is not None, "there is something to be confirmed"
    before = (action.result or {}).get("before")
    if before is None or action.settled_at is None:
        return theirs
    if work.clock() < action.settled_at + timedelta(seconds=2**row.checks - 1):
        return Owed(Fate.OPEN, action)
    async with work.store.write() as tx:
        await agreements.count_check(tx, row)
    payload = ExternalPayload.from_json(action.payload)
    try:
        now = await work.program.get(member_of(link))
        if now.balance != before or await work.program.find(now, payload.mark):
            return theirs
    except ChannelError as error:
        if error.permanent and not error.connection_wide:
            return Owed(Fate.FAILED, action, str(error))
    if row.checks + 1 < MOST_CHECKS:
        return Owed(Fate.OPEN, action)
    return Owed(
        Fate.FAILED,
        action,
        f"{work.name} said that it booked {payload.amount:+,} points, and the balance does not show it.",
    )
