"""``milestones sync status``: how far two programs are in step, and what a person must look at."""

from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import look
from milestones.cli.render import print_json, text, when
from milestones.config.settings import Settings
from milestones.views.sync import ProgramStatus, describe_programs


def status(
    site: Annotated[str | None, typer.Option("--site", help="Only of this site, by name or id.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many listed links.")] = 20,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show how many members are linked, and those that a person must look at."""
    settings = settings_in_force(config)
    found = look(settings, lambda tx: describe_programs(tx, settings, site, limit))
    if as_json:
        print_json(found)
        return
    if not found:
        typer.echo("No program is kept in step with: the configuration has no [[external]].")
    for program in found:
        _show(program, settings)


def _show(program: ProgramStatus, settings: Settings) -> None:
    shown, zone = render.console(), settings.daemon.timezone
    read = "not yet" if program.read_at is None else when(program.read_at, zone)
    facts = {
        "linked": f"{program.linked:,}",
        "without an account here": f"{program.new:,}",
        "to be looked at": f"{program.listed:,}",
        "unlinked": f"{program.unlinked:,}",
        "not settled": f"{program.waiting:,}",
        "read": read,
    }
    if program.failure is not None and program.failing_since is not None:
        facts["failing since"] = f"{when(program.failing_since, zone)}: {text(program.failure)}"
    shown.print(f"[bold]{text(program.program)}[/] with {text(program.site)}")
    shown.print(render.pairs(facts))
    if not program.links:
        return
    rows = render.table("link", "member", "account", "here", "there", "why", right=("link", "here", "there"))
    for link in program.links:
        balances = ("" if one is None else f"{one:,}" for one in (link.ours, link.theirs))
        account = text(link.account[:8] if link.account else "none")
        rows.add_row(str(link.link), text(link.member), account, *balances, text(link.reason or ""))
    shown.print(rows)
    shown.print("`milestones sync resolve LINK --take ours|theirs|sum|current|nothing` says what is right.")
