"""``milestones backfill``: a milestone for everybody who was above it when it was new."""

from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json
from milestones.commands.models.backfill import Backfill
from milestones.config.values import plural

app = typer.Typer()


@app.command()
def backfill(
    milestone: Annotated[str, typer.Argument(metavar="MILESTONE", help="Its key in config.toml.")],
    site: Annotated[str | None, typer.Option("--site", help="Only on this site, by name or id.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Give a milestone to those who are at or above it and were never given it.

    Nothing is given for the past by itself. This shows how many it would be, and asks. Past the breaker's limit what
    they are owed is held for `milestones outbox release`.
    """
    settings = settings_in_force(config)
    planned = carry_out(settings, Backfill(milestone=milestone, site=site or None, counts_only=True))
    total = sum(one.grants for one in planned.sites)
    for one in planned.sites:
        if not one.complete:
            typer.echo(
                f"{one.site}: the first reading of all accounts is not complete, so there may be more.",
                err=True,
            )
    if total == 0:
        if as_json:
            print_json(planned)
        else:
            typer.echo("Nobody that is known is above it who was not given it.")
        return
    if not yes:
        for one in planned.sites:
            typer.echo(
                f"{one.site}: {plural(one.accounts, 'account')} would be given it, "
                f"{plural(one.grants, 'time')} in all.",
                err=True,
            )
        typer.confirm("Give it to all of them?", abort=True, err=True)
    answer = carry_out(settings, Backfill(milestone=milestone, site=site or None))
    if as_json:
        print_json(answer)
        return
    for one in answer.sites:
        held = f"; held by the breaker: {one.held:,}" if one.held else ""
        typer.echo(f"{one.site}: given {plural(one.grants, 'time')}{held}.")
