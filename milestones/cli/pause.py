"""``milestones pause``: keep back what is due."""

import shlex
from typing import Annotated, Any

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import order
from milestones.cli.render import print_json, printable, tell_under_way

app = typer.Typer()

Milestone = Annotated[
    str | None, typer.Argument(metavar="MILESTONE", help="Only this milestone, by its key; or everything.")
]
Site = Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")]


@app.command()
def pause(
    milestone: Milestone = None, site: Site = None, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """Send and give nothing for now: for one milestone, one site, or all.

    Events are taken and crossings recorded meanwhile; what they owe waits for `milestones resume`. The answer comes when
    what had begun has ended, so that nothing more leaves after it.
    """
    arguments = {"milestone": milestone, "site": site}
    given = {key: value for key, value in arguments.items() if value is not None}
    result = order(settings_in_force(config), "pause", given, progress=tell_under_way)
    tell(result, as_json=as_json)


def tell(result: dict[str, Any], *, as_json: bool) -> None:
    """What is paused now, or no longer."""
    if as_json:
        print_json(result)
        return
    if result["hold_ended"] is not None:
        typer.echo("The hold has ended.")
    what = result["milestone"] or "Everything"
    now = "is paused" if result["paused"] else "goes on"
    typer.echo(f"{what} {now} on {', '.join(result['sites'])}.")
    for site, why in result.get("not_asked", {}).items():
        typer.echo(
            printable(
                f"{site} is paused, since Wix could not be asked what has changed there. {why} Mend it, then "
                f"`milestones resume --site {shlex.quote(site)}`."
            )
        )
    others = [key for key in result["milestones_paused"] if key != result["milestone"]]
    if others and not result["paused"]:
        typer.echo(f"Still paused by themselves: {', '.join(others)}.")
