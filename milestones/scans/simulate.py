"""A scan for near customers that writes nothing: its pages are read, and the pipeline's simulation says what they would
lead to.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from milestones.domain.observation import Source
from milestones.pipeline.selection import Answer
from milestones.pipeline.simulate import SimulatedGrant, SimulatedReminder, Simulation
from milestones.scans import pages
from milestones.scans.run import ScanWork, find_windows
from milestones.scans.selection import choose


@dataclass(frozen=True, slots=True)
class SimulatedPage:
    """What one page would lead to. read: accounts of it that no page before had. total: of all pages, if Wix says."""

    read: int
    total: int | None
    answers: list[Answer]
    grants: list[SimulatedGrant]
    reminders: list[SimulatedReminder]


async def simulate_near(work: ScanWork) -> AsyncIterator[SimulatedPage]:
    """Read whoever is near, and decide as a scan would now. Raises ChannelError as the scan does."""
    simulation = Simulation(work.site_id, work.rules)
    # Windows that touch are one, but an account may be in two that do not.
    seen_before: set[str] = set()
    async for page in pages.list_near(work.client, await find_windows(work), None):
        now = work.clock()
        seen = [pages.observation(account, Source.NEAR, now) for account in page.items]
        fresh = [item for item in seen if item.account_id not in seen_before]
        seen_before.update(item.account_id for item in fresh)
        async with work.store.read() as tx:
            grants = await simulation.observe(tx, fresh, now)
        answers = await choose(work.selector, simulation.look, fresh, now)
        chosen = [one for answer in answers if (one := answer.chosen) is not None]
        async with work.store.read() as tx:
            reminders = await simulation.remind(tx, chosen, now) if chosen else []
        yield SimulatedPage(len(fresh), page.total, answers, grants, reminders)
