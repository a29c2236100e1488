"""A plan is carried out, step by step. Each step may be repeated: what it does is always the difference to the site.

A thing that exists already is found by its title before it is made again, and each change is on condition of the revision
that was read. So after a crash, a lost answer or a stop, a new plan is what is left. What somebody else changes
meanwhile is not overwritten: the step stops there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from milestones.domain.program import Program, ThingKind
from milestones.errors import MilestonesError
from milestones.program import plan as plans
from milestones.program import steps
from milestones.program.journal import Journal, doubtful
from milestones.program.live import Live
from milestones.program.plan import Plan, Step, Verb
from milestones.program.read import read
from milestones.wix.errors import (
    WixConflictError,
    WixError,
    WixNotFoundError,
    WixUnavailableError,
    says_duplicate,
)
from milestones.wix.transport import WixClient

TRIES = 3
"""How often a step is carried out whose fate nobody told, or whose revision was stale while nothing else had changed."""

LOOKS = 6
"""How often it is looked, within the lag of queries, for what may have been made."""


class PlanError(MilestonesError):
    """A plan cannot be carried out, or not to its end. The sentence says what was done and how to go on."""


class _MeanwhileError(MilestonesError):
    """Somebody else changed what a step was about to change."""


@dataclass(frozen=True, slots=True)
class Work:
    """What planning and applying need of a site.

    prune: remove what the lists of the file do not have. in_use: badges that milestones give.
    tell: is given the number of a step, how many there are, and its sentence, before it is done. waits: is told that Wix does
        not show yet what was asked for.
    """

    client: WixClient
    wanted: Program
    journal: Journal
    prune: bool = False
    in_use: frozenset[str] = frozenset()
    tell: Callable[[int, int, str], None] = lambda _number, _total, _sentence: None
    waits: Callable[[], None] = lambda: None
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep)

    @property
    def pause(self) -> float:
        """Seconds between two looks for what queries do not show yet."""
        return max(self.journal.lag / LOOKS, timedelta(milliseconds=20)).total_seconds()


async def look(work: Work) -> Live:
    """The site as it is now, as far as Wix's answers can be trusted. Raises WixError and StoreError."""
    recent = await work.journal.recent()
    live = await read(work.client, {(entry.kind, entry.id) for entry in recent if entry.id is not None})
    return replace(live, doubtful=doubtful(recent, live))


def make_plan(work: Work, live: Live) -> Plan:
    """The difference between the file and a site that was read."""
    return plans.make(work.wanted, live, prune=work.prune, in_use=work.in_use)


async def apply(work: Work, shown: str) -> Plan:
    """Carry out the plan of this fingerprint, and return what is left of it: nothing, unless Wix keeps something
    otherwise than it was told.

    Raises PlanError where the plan is not that which was shown, cannot be done, or stopped on the way.
    """
    live = await look_until_certain(work)
    plan = make_plan(work, live)
    if plan.refusals:
        raise PlanError("Nothing was done, since not all of it can be:\n" + "\n".join(plan.refusals))
    if plan.fingerprint != shown:
        raise PlanError(
            "Nothing was done: the site or the file is not as it was when the plan was shown. Look at the plan again."
        )
    done = 0
    try:
        for step in plan.steps:
            work.tell(done + 1, len(plan.steps), step.sentence)
            live = await _carried_out(work, step, live)
            done += 1
    except (_MeanwhileError, WixError) as error:
        raise PlanError(_sentence_of_stop(plan.steps, done, error)) from error
    return make_plan(work, await look(work))


def _sentence_of_stop(of: Sequence[Step], done: int, error: MilestonesError) -> str:
    return (
        f"{done} of {len(of)} steps are done. This one is not: {of[done].sentence} {error} "
        "`milestones program plan` shows what is left, and `milestones program apply` goes on from there."
    )


async def look_until_certain(work: Work) -> Live:
    """The site, once what was asked for a moment ago shows, or is so old that it never came to be. Raises as ``look``."""
    live = await look(work)
    while live.doubtful:
        work.waits()
        await work.sleep(work.pause)
        live = await look(work)
    return live


async def _carried_out(work: Work, step: Step, live: Live) -> Live:
    """The site after the step. Raises WixError, and _MeanwhileError where somebody else was quicker."""
    for attempt in range(1, TRIES + 1):
        if step.kind is ThingKind.PROGRAM:
            # It has no revision that would tell of another's change.
            live = await steps.with_program(work.client, live)
            if _is_done(work, step, live):
                return live
        try:
            return await _carry_out(work, step, live)
        except WixError as error:
            if attempt == TRIES or not _may_have_happened(step, error):
                raise
        live = await look_until_certain(work)
        if _is_done(work, step, live):
            return live
    raise AssertionError("the last attempt raises")


async def _carry_out(work: Work, step: Step, live: Live) -> Live:
    of_many = step.kind not in (ThingKind.PROGRAM, ThingKind.TIERS)
    makes = of_many and step.verb is Verb.CREATE
    if makes:
        await work.journal.note(step.kind, step.title, None)
    try:
        after, key = await steps.perform(work.client, step, work.wanted, live)
    except WixError as error:
        if makes and not error.lost:
            await work.journal.forget(step.kind, step.title)
        raise
    if of_many and key is not None:
        title = step.wanted.title if step.wanted is not None else step.title
        await work.journal.note(step.kind, title, key)
    return after


def _may_have_happened(step: Step, error: WixError) -> bool:
    """Whether it is worth looking: the answer was lost, the revision is old, the thing is there or gone already."""
    if isinstance(error, WixConflictError | WixNotFoundError) or error.complaint.stale:
        return True
    if isinstance(error, WixUnavailableError):
        return error.lost
    return step.verb is Verb.CREATE and says_duplicate(error)


def _is_done(work: Work, step: Step, live: Live) -> bool:
    """Whether nothing is left of a step. Raises _MeanwhileError where something else is left than was shown."""
    left = [other for other in make_plan(work, live).steps if _is_about_the_same(other, step)]
    if not left:
        return True
    now = left[0]
    if (now.verb, now.changes) == (step.verb, step.changes):
        return False
    result = ", ".join(f"{change.field} is {change.before!r} there" for change in now.changes)
    raise _MeanwhileError(
        f"Somebody changed it on the site meanwhile{f' ({result})' if result else ''}; nothing of that was overwritten."
    )


def _is_about_the_same(other: Step, step: Step) -> bool:
    if other.kind is not step.kind:
        return False
    if step.wanted is not None:
        return other.wanted == step.wanted
    if step.kind is ThingKind.PROGRAM:
        return other.verb is step.verb
    return step.id == other.id and other.wanted is None
