"""``milestones db``: the database's schema and soundness."""

import asyncio

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import place
from milestones.cli.render import print_json, text
from milestones.store.database import schema
from milestones.store.database.daemon_lock import hold_lock
from milestones.views.database import examine

app = typer.Typer(no_args_is_help=True, help="The database: its version, and whether it is sound.")


@app.command()
def upgrade(as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Bring the database to this version. Make a backup before it: there is no way back."""
    settings = settings_in_force(config)
    url = settings.daemon.database.get_secret_value()
    with hold_lock(url):
        before = asyncio.run(schema.upgrade(url))
    if as_json:
        print_json({"before": before, "now": "current"})
        return
    outcome = {"empty": "was made", "current": "is of this version already"}
    typer.echo(f"{place(settings)} {outcome.get(before, 'was upgraded to this version')}.")


@app.command()
def check(as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Say what is wrong with the database, and change nothing. Exits with 1 if something is."""
    settings = settings_in_force(config)
    findings = asyncio.run(examine(settings.daemon.database.get_secret_value()))
    wrong = [finding for finding in findings if not finding.ok]
    if as_json:
        print_json({"ok": not wrong, "checks": findings})
    else:
        shown = render.console()
        for finding in findings:
            mark = "[green]ok[/]   " if finding.ok else "[red]wrong[/]"
            shown.print(render.pair(mark, f"{text(finding.what)}: {text(finding.told)}"))
    if wrong:
        raise typer.Exit(1)
