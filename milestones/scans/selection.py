"""Who of a page is reminded: what is known is gathered, Wix is asked what only it can tell, and the pipeline's judgement
answers (``pipeline.selection``).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from milestones.domain.milestone import Milestone
from milestones.domain.observation import Observation
from milestones.domain.policy import Rate
from milestones.domain.verdict import Verdict
from milestones.kinds.email.consent import Gatekeeper
from milestones.kinds.email.consent import Reader as Addressee
from milestones.kinds.email.variables import Program
from milestones.pipeline.facts import Facts
from milestones.pipeline.selection import Answer, Prospect, find_near, gather, select_reminders
from milestones.store.database.store import Store, Transaction

Look = Callable[[Transaction], Facts]
"""What is known of the site's accounts, as one transaction sees it."""


@dataclass(frozen=True, slots=True)
class Selector:
    """What choosing needs of one site.

    program: as it was at most five minutes ago; raises ChannelError.
    """

    site_id: str
    store: Store
    milestones: tuple[Milestone, ...]
    at_most: Rate | None
    gatekeeper: Gatekeeper
    program: Callable[[], Awaitable[Program]]


async def choose(selector: Selector, look: Look, seen: Sequence[Observation], now: datetime) -> list[Answer]:
    """Decide for the accounts of a page that are near any milestone.

    Raises ChannelError when consent or the program's status cannot be learned: doubt is no consent.
    """
    async with selector.store.read() as tx:
        near = await find_near(look(tx), selector.milestones, seen)
    if not near:
        return []
    program = await selector.program()
    async with selector.store.read() as tx:
        background = await gather(
            tx,
            look(tx),
            selector.site_id,
            selector.milestones,
            near,
            at_most=selector.at_most,
            program_active=program.active,
            now=now,
        )
    refusals = await _find_refusals(selector.gatekeeper, near)
    return select_reminders(selector.milestones, near, background, refusals)


async def _find_refusals(gatekeeper: Gatekeeper, near: Mapping[str, Prospect]) -> dict[str, Verdict]:
    """Why these accounts cannot be mailed, of those that cannot."""
    order = list(near)
    refusals = await gatekeeper.refusals(
        {number: Addressee(near[account_id].customer.email) for number, account_id in enumerate(order)}
    )
    return {order[number]: verdict for number, verdict in refusals.items()}
