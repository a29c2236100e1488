"""``program``: the difference between a file and the sites, making it so, and writing the file from a site.

The command line sends the file along as it is now: what is wanted of a program is what stands there, and not what the
daemon read when it started. A program over the network sends no file, and means the configuration in force.
"""

from pathlib import Path
from typing import Any, NamedTuple

from milestones.commands.host import Host
from milestones.commands.models.command import Report
from milestones.commands.models.program import (
    ApplyAnswer,
    ApplyProgram,
    ExportAnswer,
    ExportProgram,
    FieldChange,
    PlanAnswer,
    PlanProgram,
    ProgramPlan,
    ProgramReport,
    ProgramStep,
    SiteApplied,
    SitePlan,
    Written,
)
from milestones.commands.scan import Failed, by_name, raise_if_all
from milestones.config import Settings, Source, restore
from milestones.errors import ChannelError, ConfigurationError, UsageError
from milestones.kinds.badge.payload import Badge
from milestones.program.apply import PlanError, Work, apply, look, look_until_certain, make_plan
from milestones.program.difference import Shown
from milestones.program.export import export
from milestones.program.journal import Journal
from milestones.program.plan import Plan, visible
from milestones.store import programs
from milestones.store.tables import Site
from milestones.views.lookup import find_one_site, find_sites
from milestones.wix.pacing import a_person_waits

_UNDER_WAY: set[tuple[str, str]] = set()
"""Databases and sites to which a plan is being applied: two at once would each find the other's changes."""


class _Chosen(NamedTuple):
    sites: list[Site]
    wanted: Settings


async def plan(host: Host, command: PlanProgram, report: Report[ProgramReport]) -> PlanAnswer:
    """Tell what differs, site by site. Changes nothing."""
    chosen = await _choose(host, command.written, command.site)
    plans: list[SitePlan] = []
    failed: Failed = {}
    for site in chosen.sites:
        report(ProgramReport(site=_name(site)))
        work = work_of(host, site, chosen.wanted, report, prune=command.prune)
        try:
            with a_person_waits():
                live = await (look_until_certain if command.settled else look)(work)
        except (ChannelError, ConfigurationError) as error:
            failed[site.id] = error
        else:
            answer = answer_of(make_plan(work, live))
            plans.append(SitePlan(site=_name(site), id=site.id, **dict(answer)))
    raise_if_all(chosen.sites, failed)
    return PlanAnswer(sites=tuple(plans), failed=by_name(chosen.sites, failed))


async def apply_plans(host: Host, command: ApplyProgram, report: Report[ProgramReport]) -> ApplyAnswer:
    """Carry out plans. What fails on one site keeps no other from its turn."""
    chosen = await _choose(host, command.written, command.site)
    sites = [site for site in chosen.sites if site.id in command.plans]
    applied: list[SiteApplied] = []
    failed: Failed = {}
    for site in sites:
        try:
            applied.append(await _apply(host, site, chosen.wanted, command, report))
        except (ChannelError, ConfigurationError, PlanError) as error:
            failed[site.id] = error
    raise_if_all(sites, failed)
    return ApplyAnswer(sites=tuple(applied), failed=by_name(sites, failed))


async def _apply(
    host: Host, site: Site, wanted: Settings, command: ApplyProgram, report: Report[ProgramReport]
) -> SiteApplied:
    done: list[str] = []

    def tell(number: int, total: int, sentence: str) -> None:
        done.append(sentence)
        report(ProgramReport(site=_name(site), number=number, total=total, sentence=sentence))

    busy = (str(host.settings.path), site.id)
    if busy in _UNDER_WAY:
        raise PlanError("Another `milestones program apply` is at work on this site; wait for its end.")
    _UNDER_WAY.add(busy)
    try:
        with a_person_waits():
            work = work_of(host, site, wanted, report, prune=command.prune, tell=tell)
            left = await apply(work, command.plans[site.id])
    finally:
        _UNDER_WAY.discard(busy)
    await _note(host, site, wanted, left)
    return SiteApplied(site=_name(site), id=site.id, done=tuple(done), left=answer_of(left))


async def _note(host: Host, site: Site, wanted: Settings, left: Plan) -> None:
    """What is shown of the difference is over at once, where the file that was applied is the one in force."""
    settings = host.settings
    if wanted.for_site(site.id).program != settings.for_site(site.id).program:
        return
    look_of_now = programs.Look(host.runtime.clock(), settings.hash)
    async with host.runtime.store.write() as tx:
        await programs.set_drift(tx, site.id, [step.sentence for step in left.steps], look_of_now)


async def export_site(host: Host, command: ExportProgram, report: Report[ProgramReport]) -> ExportAnswer:
    """Write the program of one site as the text of a file. Raises UsageError where several are meant."""
    async with host.runtime.store.read() as tx:
        site = await find_one_site(tx, command.site)
    report(ProgramReport(site=_name(site)))
    with a_person_waits():
        live = await look(work_of(host, site, host.settings, report))
    today = host.runtime.clock().date()
    text = export(live, f"The loyalty program of {_name(site)} on {today}.")
    return ExportAnswer(site=_name(site), text=text)


_WAITS = "Waits until Wix shows what was asked for a moment ago."


def work_of(host: Host, site: Site, wanted: Settings, report: Report[ProgramReport], **more: Any) -> Work:
    """What planning for a site needs. wanted: the configuration whose program it is to have."""
    of_site = wanted.for_site(site.id)
    badges = [
        reward
        for milestone in of_site.milestones
        for reward in milestone.rewards
        if isinstance(reward, Badge)
    ]
    return Work(
        host.scan_work(site.id).client,
        of_site.program,
        Journal(host.runtime.store, site.id, host.settings.wix.query_lag, host.runtime.clock),
        waits=lambda: report(ProgramReport(site=_name(site), sentence=_WAITS)),
        in_use=frozenset(
            name for badge in badges for name in (badge.title, badge.badge_id) if name is not None
        ),
        **more,
    )


def answer_of(plan: Plan) -> ProgramPlan:
    """A plan as commands tell it."""
    steps = [
        ProgramStep(
            kind=step.kind.value,
            verb=step.verb.value,
            title=visible(step.title),
            id=None if step.id is None else visible(step.id),
            sentence=step.sentence,
            changes=tuple(
                FieldChange(
                    field=visible(change.field), before=_to_json(change.before), after=_to_json(change.after)
                )
                for change in step.changes
            ),
        )
        for step in plan.steps
    ]
    return ProgramPlan(
        differs=plan.differs,
        steps=tuple(steps),
        refusals=plan.refusals,
        notes=plan.notes,
        plan=plan.fingerprint,
    )


def _to_json(value: Shown) -> Shown:
    """As JSON can carry it: half characters, which Wix may send, are none that can be written."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


async def _choose(host: Host, written: Written | None, named: str | None) -> _Chosen:
    """The sites that are meant and have a program in the file. Raises UsageError where there is none."""
    wanted = host.settings if written is None else _restore(host, written)
    async with host.runtime.store.read() as tx:
        sites = await find_sites(tx, named)
    with_program = [site for site in sites if wanted.for_site(site.id).program.says_something]
    if not with_program:
        of = f" for {_name(sites[0])}" if len(sites) == 1 else ""
        raise UsageError(
            f"{wanted.path} has no [program]{of}. `milestones program export` writes one from what the site has."
        )
    return _Chosen(with_program, wanted)


def _restore(host: Host, written: Written) -> Settings:
    uses = {template: frozenset(groups) for template, groups in written.uses.items()}
    return restore(Source(written.text, written.environ, uses), Path(host.settings.path))


def _name(site: Site) -> str:
    return site.name or site.id
