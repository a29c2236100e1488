"""Looking at links that may have changed: both balances are read, the rules decide, and what follows is frozen and ordered."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from milestones.domain.agreement import Decision, Start, Unmergeable, begin, decide
from milestones.domain.member import Member
from milestones.errors import ChannelError
from milestones.external.errors import GoneError, UnreadableError
from milestones.failpoints import reach
from milestones.store import agreements, links
from milestones.store.database.store import retry_races
from milestones.store.tables import Account, AgreementRow, Link
from milestones.store.views import lookup
from milestones.sync.settle import place_orders
from milestones.sync.work import SyncWork, Turn, member_of, require_active

PAGE = 50
"""Links that are looked at before what follows is recorded."""

MOST_FAILURES = 5
"""Members in a row that could not be asked for, after which the others wait for the next turn."""


@dataclass(frozen=True, slots=True)
class Look:
    """A link as it was looked at. member: as they are now there."""

    link: Link
    member: Member
    account: Account | None


async def look_at_links(work: SyncWork, turn: Turn) -> None:
    """Look at every link that may have changed, and record what follows. Raises UsageError when the site is removed."""
    after, asked = 0, _Asked()
    while not (work.stopping() or asked.gave_up):
        page = await _list_page(work, after)
        if not page:
            break
        after = page[-1].id or 0
        looks = [await _ask(work, link, asked) for link in page if not (work.stopping() or asked.gave_up)]
        if work.stopping():
            # What was seen may be of a program that is not wanted any more. The next turn sees it again.
            return
        await _record(work, turn, [look for look in looks if look is not None])
    turn.trouble = asked.trouble or turn.trouble
    if len(asked.gone) >= MOST_FAILURES:
        turn.trouble = (
            f"{work.name} says of {len(asked.gone)} members in a row that there are none. Nobody is unlinked for that: "
            "check base_url and [external.get], or unlink them with `milestones sync resolve`."
        )
        return
    for link, reason in [*asked.deleted, *asked.gone]:
        await _unlink(work, link, reason)
        turn.counts["unlinked"] += 1


async def _list_page(work: SyncWork, after: int) -> Sequence[Link]:
    """The next to be looked at; nobody in shadow mode, which may have been chosen meanwhile. Raises UsageError."""
    if work.rules.site(work.site_id).shadow:
        return []
    async with work.store.read() as tx:
        await require_active(tx, work)
        return await links.list_to_look(tx, work.site_id, work.name, PAGE, after, create=work.external.create)


@dataclass(slots=True)
class _Asked:
    """How asking for members goes. failures: in a row. gone: those in a row of whom there is said to be none; deleted:
    those whom an answer about somebody else has followed, so that it is believed.
    """

    failures: int = 0
    trouble: str | None = None
    gone: list[tuple[Link, str]] = field(default_factory=list)
    deleted: list[tuple[Link, str]] = field(default_factory=list)

    @property
    def gave_up(self) -> bool:
        """Whether the others wait for the next turn."""
        return self.failures >= MOST_FAILURES or len(self.gone) >= MOST_FAILURES


async def _ask(work: SyncWork, link: Link, asked: _Asked) -> Look | None:
    try:
        look = await _look(work, link)
    except GoneError as error:
        asked.gone.append((link, str(error)))
        return None
    except UnreadableError as error:
        # The next reading of the list has it looked at again.
        async with work.store.write() as tx:
            await links.change(tx, link.id, look=False, reason=str(error))
        asked.trouble = str(error)
        return None
    except ChannelError as error:
        asked.trouble = str(error)
        asked.failures += 1
        return None
    if look is not None:
        asked.failures = 0
        asked.deleted += asked.gone
        asked.gone = []
    return look


async def _look(work: SyncWork, link: Link) -> Look | None:
    """Read both sides. None where nobody here is known to be the member, or what is known is older than our own write."""
    if link.account_id is None and not _may_create(work, link):
        return None
    account = await find_account(work, link)
    if account is not None and not _is_newer(account, link):
        await work.refresh(account.id)
        account = await find_account(work, link)
        if account is not None and not _is_newer(account, link):
            return None
    if link.account_id is not None and (account is None or account.erased_at is not None):
        return None
    member = await work.program.get(member_of(link))
    return Look(link, member, account)


def _may_create(work: SyncWork, link: Link) -> bool:
    return work.external.create and bool(link.email)


async def find_account(work: SyncWork, link: Link) -> Account | None:
    """The account of a link, as it is known here."""
    if link.account_id is None:
        return None
    async with work.store.read() as tx:
        found = await lookup.accounts_by_id(tx, work.site_id, [link.account_id])
    return found[0] if found else None


def _is_newer(account: Account, link: Link) -> bool:
    return link.written is None or account.revision > link.written


def decide_link(work: SyncWork, look: Look, *, start: Start | None = None) -> Decision:
    """What follows from how both sides stand. start: what a person chose, in place of everything agreed before."""
    assert look.member.balance is not None, "a member that was asked for has one"
    theirs = look.member.balance
    if look.account is None:
        # An account that is made here has nothing, so that all is a change; without points none is made.
        return begin(0, theirs, Start.THEIRS, work.limits, look.link.number + 1) if theirs else None
    agreed = links.get_agreed(look.link)
    if start is not None or agreed is None:
        chosen = start or work.external.start
        return begin(look.account.balance, theirs, chosen, work.limits, look.link.number + 1)
    return decide(agreed, look.account.balance, theirs, work.external.merge, work.limits)


def _unchanged(look: Look) -> dict[str, Any]:
    values = {"look": False, "reason": None, "active": look.member.active, "updated": look.member.updated}
    # Of one who is not linked yet, a list that tells the same again is no news.
    return values if look.account is not None else {**values, "theirs": look.member.balance}


@retry_races
async def _record_all(work: SyncWork, looks: list[tuple[Look, Decision]]) -> list[tuple[AgreementRow, Link]]:
    now = work.clock()
    recorded = []
    async with work.store.write() as tx:
        await require_active(tx, work)
        for look, decision in looks:
            link = look.link
            if decision is None:
                await links.change(tx, link.id, **_unchanged(look))
            elif isinstance(decision, Unmergeable):
                await links.list_link(tx, link.id, decision.reason)
            elif row := await agreements.add(tx, link, decision, now, updated=look.member.updated):
                recorded.append((row, link))
        reach("sync.before_commit")
    reach("sync.committed")
    return recorded


async def record(work: SyncWork, turn: Turn, looks: list[tuple[Look, Decision]]) -> None:
    """Freeze what was decided, and order what follows."""
    if not looks:
        return
    recorded = await _record_all(work, looks)
    turn.counts["listed"] += sum(isinstance(decision, Unmergeable) for _, decision in looks)
    turn.counts["agreed"] += len(recorded)
    owing = [(row, link) for row, link in recorded if row.to_ours or row.to_theirs]
    await place_orders(work, owing)


async def _record(work: SyncWork, turn: Turn, looks: list[Look]) -> None:
    await record(work, turn, [(look, _decide_active(work, look)) for look in looks])


def _decide_active(work: SyncWork, look: Look) -> Decision:
    # Whom the other program does not count in is left alone until it does.
    return decide_link(work, look) if look.member.active else None


async def _unlink(work: SyncWork, link: Link, reason: str) -> None:
    async with work.store.write() as tx:
        await links.unlink(tx, link.id, reason)
