"""``milestones pause``: keep back what is due."""

import shlex
from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, printable, tell_under_way
from milestones.commands.models.pause import Pause, PauseAnswer, ResumeAnswer

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
    command = Pause(milestone=milestone, site=site)
    tell(carry_out(settings_in_force(config), command, report=tell_under_way), as_json=as_json)


def tell(answer: PauseAnswer, *, as_json: bool) -> None:
    """Say what is paused now, or no longer."""
    if as_json:
        print_json(answer)
        return
    if answer.hold_ended is not None:
        typer.echo("The hold has ended.")
    what = answer.milestone or "Everything"
    now = "is paused" if answer.paused else "goes on"
    typer.echo(f"{what} {now} on {', '.join(answer.sites)}.")
    for site, why in answer.not_asked.items() if isinstance(answer, ResumeAnswer) else ():
        typer.echo(
            printable(
                f"{site} is paused, since Wix could not be asked what has changed there. {why} Mend it, then "
                f"`milestones resume --site {shlex.quote(site)}`."
            )
        )
    others = [key for key in answer.milestones_paused if key != answer.milestone]
    if others and not answer.paused:
        typer.echo(f"Still paused by themselves: {', '.join(others)}.")
