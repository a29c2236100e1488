"""``milestones sync resolve``: a person's word on what could not be merged."""

from typing import Annotated, Literal

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import LARGEST_ID, print_json, printable
from milestones.commands.models.sync import ResolveLinks
from milestones.errors import UsageError


def resolve(
    program: Annotated[str, typer.Argument(metavar="NAME", help="Of the program in config.toml.")],
    links: Annotated[
        list[int] | None,
        typer.Argument(metavar="LINK", help="Their numbers in `sync status`.", min=1, max=LARGEST_ID),
    ] = None,
    take: Annotated[
        Literal["ours", "theirs", "sum", "current", "nothing"],
        typer.Option("--take", help="Which balance is right; current: both; nothing: unlink."),
    ] = ...,  # type: ignore[assignment]
    everything: Annotated[bool, typer.Option("--all", help="All that are listed.")] = False,
    account: Annotated[
        str | None, typer.Option("--account", help="With which the member is to be linked.")
    ] = None,
    site: Annotated[str | None, typer.Option("--site", help="Of this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Say which balance is right where nobody could tell, or unlink a member."""
    if bool(links) == everything:
        raise UsageError("Give the numbers of links, or --all.")
    settings = settings_in_force(config)
    command = ResolveLinks(program=program, site=site, links=tuple(links or ()), take=take, account=account)
    answer = carry_out(settings, command, asks_wix=True)
    if as_json:
        print_json(answer)
    else:
        for one in answer.resolved:
            typer.echo(printable(f"#{one.link}: {one.sentence}"))
        for number, why in answer.failed.items():
            typer.echo(printable(f"#{number}: {why}"), err=True)
        if not answer.resolved and not answer.failed:
            typer.echo("Nothing is listed.")
    if answer.failed:
        raise typer.Exit(1)
