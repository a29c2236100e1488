"""A person's word on a link that could not be merged: which balance is right, or that it is kept in step no more."""

from dataclasses import replace

from milestones.domain.agreement import Agreement, Decision, Start, Unmergeable
from milestones.errors import UsageError
from milestones.store import links
from milestones.store.tables import Link
from milestones.store.views import links as link_views
from milestones.sync.agree import Look, decide_link, find_account, record
from milestones.sync.work import SyncWork, Turn, member_of


async def resolve_link(work: SyncWork, number: int, take: str, account_id: str | None) -> str:
    """Do what was said; returns a sentence of what follows. Raises UsageError and ChannelError."""
    async with work.store.read() as tx:
        link = await link_views.find_link(tx, number)
    if link is None or (link.site_id, link.external) != (work.site_id, work.name):
        raise UsageError(f"There is no link {number} with {work.name}; `milestones sync status` lists them.")
    if link.is_open:
        raise UsageError("Both sides still owe each other something; see `milestones outbox list`.")
    if take == "nothing":
        async with work.store.write() as tx:
            await links.unlink(tx, link.id, "A person said so.")
        return "It is kept in step no more. Points stay as they are."
    if account_id is not None:
        link = await _join(work, link, account_id)
    return await _agree(work, link, take)


async def _join(work: SyncWork, link: Link, account_id: str) -> Link:
    async with work.store.write() as tx:
        taken = await link_views.find_by_account(tx, work.site_id, work.name, account_id)
        if taken is not None and taken.id != link.id:
            raise UsageError(
                f"The account is linked with member {taken.member_id} already (link {taken.id})."
            )
        await links.change(tx, link.id, account_id=account_id)
    return link.model_copy(update={"account_id": account_id})


async def _agree(work: SyncWork, link: Link, take: str) -> str:
    if link.account_id is None:
        raise UsageError("No account here is known to be this member's; name it with --account.")
    await work.refresh(link.account_id)
    look = Look(link, await work.program.get(member_of(link)), await find_account(work, link))
    if look.account is None:
        raise UsageError(f"No account {link.account_id} is known any more.")
    decision = _decide(work, look, take)
    if isinstance(decision, Unmergeable):
        raise UsageError(decision.reason)
    assert isinstance(decision, Agreement), "a chosen beginning is always something"
    turn = Turn()
    await record(work, turn, [(look, decision)])
    if not turn.counts["agreed"]:
        raise UsageError("It changed meanwhile; look again with `milestones sync status`.")
    return (
        f"{decision.ours:,} points here are adjusted by {decision.to_ours:+,}, and {decision.theirs:,} there by "
        f"{decision.to_theirs:+,}."
    )


def _decide(work: SyncWork, look: Look, take: str) -> Decision:
    if take == "current":
        agreed = decide_link(work, look, start=Start.OURS)
        if isinstance(agreed, Agreement):
            return replace(agreed, to_ours=0, to_theirs=0)
        assert look.account is not None
        assert look.member.balance is not None
        return Agreement(look.link.number + 1, look.account.balance, look.member.balance, 0, 0)
    return decide_link(work, look, start=Start(take))
