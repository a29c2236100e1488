"""``milestones program``: the loyalty program from the file. What differs on the site, making it so, and the way back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_at, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, printable, text
from milestones.commands.models.command import Report
from milestones.commands.models.program import (
    ApplyAnswer,
    ApplyProgram,
    ExportProgram,
    PlanAnswer,
    PlanProgram,
    ProgramReport,
    ProgramStep,
    SitePlan,
    Written,
)
from milestones.config import Settings
from milestones.config.values import plural
from milestones.errors import MilestonesError

app = typer.Typer(no_args_is_help=True)

DIFFERS = 2
"""The exit code where the site is not as the file has it."""

_MARKS = {"create": ("+", "green"), "delete": ("-", "red")}

SiteName = Annotated[str | None, typer.Option("--site", help="Only this site, by name or id.")]
Prune = Annotated[
    bool, typer.Option("--prune", help="Delete what the site has beside the lists of the file.")
]


@app.command()
def plan(
    site: SiteName = None, prune: Prune = False, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """Show what of the loyalty program differs between the file and the site. Changes nothing.

    Exit code 0 when nothing differs, 2 when something does, 1 when Wix could not be asked about a site.
    """
    settings = settings_at(config, secrets=False)
    result = _plan(settings, PlanProgram(written=_read_written(settings), site=site, prune=prune))
    if as_json:
        print_json(result)
    else:
        _show(result)
    _exit_for(result.failed)
    if any(one.differs for one in result.sites):
        raise typer.Exit(DIFFERS)


@app.command()
def apply(
    site: SiteName = None,
    prune: Prune = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what differs, ask, and make the site as the file has it.

    Called again after a crash or an error, it goes on where it stopped. What somebody else changes meanwhile is not
    overwritten: it stops, and says so.
    """
    settings = settings_at(config, secrets=False)
    written = _read_written(settings)
    result = _plan(settings, PlanProgram(written=written, site=site, prune=prune, settled=True))
    changed = [one for one in result.sites if one.steps]
    refusals = [sentence for one in result.sites for sentence in one.refusals]
    if not as_json or not yes:
        _show(result, stderr=as_json)
    if refusals:
        raise MilestonesError("Nothing is done, since not all of it can be:\n" + "\n".join(refusals))
    if not changed:
        if as_json:
            print_json(ApplyAnswer(sites=(), failed=result.failed))
        _exit_for(result.failed)
        return
    if not yes:
        number = sum(len(one.steps) for one in changed)
        typer.confirm(f"Do {'this' if number == 1 else f'these {number} steps'}?", abort=True, err=True)
    plans = {one.id: one.plan for one in changed}
    with _show_progress() as report:
        command = ApplyProgram(written=written, plans=plans, site=site, prune=prune)
        applied = carry_out(settings, command, report=report, asks_wix=True)
    # A site of which Wix does not tell keeps no other from its turn.
    answer = ApplyAnswer(sites=applied.sites, failed={**result.failed, **applied.failed})
    if as_json:
        print_json(answer)
    else:
        _tell(answer)
    _exit_for(answer.failed)
    if any(one.left.differs for one in answer.sites):
        raise typer.Exit(1)


@app.command()
def export(
    site: SiteName = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it there; never over a file.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Write the loyalty program of a site as a part of config.toml, of which a plan is empty."""
    with _show_progress() as report:
        result = carry_out(settings_in_force(config), ExportProgram(site=site), report=report, asks_wix=True)
    if output is not None:
        # Exclusively: a program that somebody wrote must not be lost.
        with output.open("x", encoding="utf-8") as file:
            file.write(result.text)
    if as_json:
        print_json(result)
    elif output is None:
        typer.echo(result.text, nl=False)
    else:
        typer.echo(f"The program of {printable(result.site)} is in {output}.")


def _read_written(settings: Settings) -> Written:
    """The file as it is now: the daemon may have read another."""
    written, environ, uses = settings.source
    named = {template: tuple(sorted(groups)) for template, groups in uses.items()}
    return Written(text=written, environ=dict(environ), uses=named)


def _plan(settings: Settings, command: PlanProgram) -> PlanAnswer:
    with _show_progress() as report:
        return carry_out(settings, command, report=report, asks_wix=True)


@contextmanager
def _show_progress() -> Iterator[Report[ProgramReport]]:
    with Console(stderr=True).status("Asking Wix") as status:

        def report(progress: ProgramReport) -> None:
            number = f" ({progress.number} of {progress.total})" if progress.number else ""
            status.update(text(f"{progress.site}{number} {progress.sentence or ''}"))

        yield report


def _exit_for(failed: Mapping[str, str]) -> None:
    """Sites of which Wix did not tell, or whose plan could not be carried out."""
    for name, why in failed.items():
        typer.echo(printable(f"{name}: {why}"), err=True)
    if failed:
        raise typer.Exit(1)


# What is shown


def _show(result: PlanAnswer, *, stderr: bool = False) -> None:
    out = render.console(stderr=stderr)
    for one in result.sites:
        out.print(f"[bold]{text(one.site)}[/]")
        for step in one.steps:
            _show_step(out, step)
        for sentence in one.refusals:
            out.print(f"  [bold red]![/] {text(sentence)}")
        for sentence in one.notes:
            out.print(f"  [dim]{text(sentence)}[/]")
        out.print(f"  {_summary(one)}")


def _show_step(out: Console, step: ProgramStep) -> None:
    mark, colour = _MARKS.get(step.verb, ("~", "yellow"))
    out.print(f"  [{colour}]{mark}[/] {text(step.sentence)}")
    for change in step.changes:
        before, after = _value(change.before), _value(change.after)
        name = f"      [dim]{text(change.field)}[/] "
        if step.verb == "create":
            out.print(f"{name}[green]{after}[/]")
        elif step.verb == "delete":
            out.print(f"{name}[red]{before}[/]")
        else:
            out.print(f"{name}[red]{before}[/] → [green]{after}[/]")


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    return text(f'"{value}"' if isinstance(value, str) else f"{value}")


def _summary(one: SitePlan) -> str:
    if one.refusals:
        return f"[red]{plural(len(one.refusals), 'thing')} cannot be done; nothing of it is, until they are mended.[/]"
    if one.steps:
        return f"{plural(len(one.steps), 'step')}."
    return "[green]Nothing differs.[/]"


def _tell(answer: ApplyAnswer) -> None:
    out = render.console()
    for one in answer.sites:
        out.print(f"[bold]{text(one.site)}[/]: {plural(len(one.done), 'step')} done.")
        if one.left.differs:
            out.print("[yellow]Wix keeps this otherwise than it was told:[/]")
            for step in one.left.steps:
                _show_step(out, step)
