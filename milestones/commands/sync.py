"""``sync``: one turn by command, a try of what is configured, and a person's word on what could not be merged."""

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.sync import (
    CheckAnswer,
    CheckedCall,
    CheckSync,
    LinkAnswer,
    LinkMembers,
    ResolveAnswer,
    ResolvedLink,
    ResolveLinks,
    RunSync,
    SyncAnswer,
    SyncReport,
    SyncTurn,
)
from milestones.domain.member import Member
from milestones.errors import ChannelError, UsageError
from milestones.store import agreements, links
from milestones.store.tables import Site
from milestones.store.views import links as link_views
from milestones.store.views import lookup
from milestones.sync.resolve import resolve_link
from milestones.sync.turn import take_turn
from milestones.sync.work import SyncWork, Turn
from milestones.views.customers import find_account
from milestones.views.lookup import find_sites

_ENDED = "The turn ended early, since the daemon stops or has another configuration now. The next one does the rest."


async def run(host: Host, command: RunSync, report: Report[SyncReport]) -> SyncAnswer:
    """Take one turn with each program that is meant."""
    turns = []
    for site, work in await _choose(host, command.program, command.site):
        report(SyncReport(site=site.name or site.id, program=work.name))
        turn = await take_turn(work, at_once=True, whole=command.whole)
        turns.append(await _describe(site, work, turn))
    return SyncAnswer(turns=tuple(turns))


async def _describe(site: Site, work: SyncWork, turn: Turn) -> SyncTurn:
    async with work.store.read() as tx:
        waiting = await agreements.count_open(tx, work.site_id, work.name)
    return SyncTurn(
        site=site.name or site.id,
        program=work.name,
        counts={name: number for name, number in sorted(turn.counts.items()) if number},
        waiting=waiting,
        trouble=turn.trouble or (_ENDED if work.stopping() else None),
    )


async def check(host: Host, command: CheckSync, _report: Report[NoReport]) -> CheckAnswer:
    """Try what reads, and say what a write would send."""
    site, work = await _choose_one(host, command.program, command.site)
    calls: list[CheckedCall] = []
    member = await _first_member(work, calls)
    if member is not None:
        member = await _read(work, member, calls)
    return CheckAnswer(
        site=site.name or site.id,
        program=work.name,
        calls=tuple(calls),
        member=None
        if member is None
        else {
            "id": member.id,
            "email": member.email,
            "phone": member.phone,
            "balance": member.balance,
            "active": member.active,
            "updated": member.updated,
        },
        unverified=work.external.unverified,
    )


async def _first_member(work: SyncWork, calls: list[CheckedCall]) -> Member | None:
    if work.external.list is None:
        async with work.store.read() as tx:
            known = await link_views.list_some(tx, work.site_id, work.name, 1)
        sentence = "It has no list; whom to keep in step says a file (`milestones sync link`)."
        calls.append(CheckedCall(call="list", ok=None, sentence=sentence))
        return Member(known[0].member_id, email=known[0].email) if known else None
    try:
        async for page in work.program.list_members(None):
            calls.append(
                CheckedCall(call="list", ok=True, sentence=f"The first page has {len(page)} members.")
            )
            return page[0] if page else None
    except ChannelError as error:
        calls.append(CheckedCall(call="list", ok=False, sentence=str(error)))
    return None


async def _read(work: SyncWork, member: Member, calls: list[CheckedCall]) -> Member:
    try:
        member = await work.program.get(member)
        calls.append(CheckedCall(call="get", ok=True, sentence="The first member is read."))
    except ChannelError as error:
        calls.append(CheckedCall(call="get", ok=False, sentence=str(error)))
        return member
    for by in (1, -1):
        table = work.external.write_for(by)
        sentence = f"{by:+} point would be a {table.method} of {table.path}; it was not sent."
        calls.append(CheckedCall(call="adjust", ok=None, sentence=sentence))
    try:
        found = await work.program.find(member, "NO SUCH MARK")
    except ChannelError as error:
        calls.append(CheckedCall(call="find", ok=False, sentence=str(error)))
        return member
    if found is None:
        sentence = (
            "There is no way to look for an adjustment; after a lost answer the balance decides, or a person."
        )
        calls.append(CheckedCall(call="find", ok=None, sentence=sentence))
    elif found:
        sentence = "It finds an adjustment that nobody made; `when` must compare with {key}."
        calls.append(CheckedCall(call="find", ok=False, sentence=sentence))
    else:
        calls.append(CheckedCall(call="find", ok=True, sentence="The history can be searched for our mark."))
    return member


async def link(host: Host, command: LinkMembers, _report: Report[NoReport]) -> LinkAnswer:
    """Keep a mapping that a person brings. What is linked already stays as it is."""
    _, work = await _choose_one(host, command.program, command.site)
    async with work.store.write() as tx:
        asked = [row.account for row in command.rows if row.account is not None]
        known = {one.id for one in await lookup.accounts_by_id(tx, work.site_id, asked)}
        unknown = [row.member for row in command.rows if row.account is not None and row.account not in known]
        pairs = [
            (Member(row.member, email=row.email), row.account)
            for row in command.rows
            if row.account is None or row.account in known
        ]
        new = await links.add_links(tx, work.site_id, work.name, work.rules.secret, pairs, work.clock())
    return LinkAnswer(new=new, known=len(pairs) - new, unknown=tuple(unknown))


async def resolve(host: Host, command: ResolveLinks, _report: Report[NoReport]) -> ResolveAnswer:
    """Make of listed links what a person said."""
    _, work = await _choose_one(host, command.program, command.site)
    if command.account is not None and len(command.links) != 1:
        raise UsageError("Name one link that is to be linked with the account.")
    account_id = None
    async with work.store.read() as tx:
        numbers = command.links or await link_views.list_listed(tx, work.site_id, work.name)
        if command.account is not None:
            account_id = (await find_account(tx, command.account, work.site_id)).id
    resolved, failed = [], {}
    for number in numbers:
        try:
            sentence = await resolve_link(work, number, command.take, account_id)
        except (UsageError, ChannelError) as error:
            failed[number] = str(error)
        else:
            resolved.append(ResolvedLink(link=number, sentence=sentence))
    return ResolveAnswer(resolved=tuple(resolved), failed=failed)


async def _choose(host: Host, program: str | None, named: str | None) -> list[tuple[Site, SyncWork]]:
    """The programs that are meant, with their sites. Raises UsageError where there are none."""
    async with host.runtime.store.read() as tx:
        sites = await find_sites(tx, named)
    found = [
        (site, host.sync_work(site.id, external.name))
        for site in sites
        for external in host.settings.externals_of(site.id)
        if program in {None, external.name}
    ]
    if not found:
        names = ", ".join(external.name for external in host.settings.external)
        known = f"there are {names}" if names else "the configuration has no [[external]]"
        raise UsageError(
            f"No program {program!r} is kept in step with; {known}."
            if program
            else f"No program is kept in step with; {known}."
        )
    return found


async def _choose_one(host: Host, program: str, named: str | None) -> tuple[Site, SyncWork]:
    return (await _choose(host, program, named))[0]
