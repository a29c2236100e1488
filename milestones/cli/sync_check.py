"""``milestones sync check``: what another program answers, before anything is kept in step."""

from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, text
from milestones.commands.models.sync import CheckSync

_MARKS = {True: "[green]yes[/]", False: "[red]no[/]", None: "-"}


def check(
    program: Annotated[str, typer.Argument(metavar="NAME", help="Of the program in config.toml.")],
    site: Annotated[str | None, typer.Option("--site", help="Of this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Read the first members, and say what an adjustment would send. Changes nothing."""
    settings = settings_in_force(config)
    answer = carry_out(settings, CheckSync(program=program, site=site), asks_wix=True)
    if as_json:
        print_json(answer)
    else:
        shown = render.console()
        rows = render.table("call", "works", "")
        for call in answer.calls:
            rows.add_row(call.call, _MARKS[call.ok], text(call.sentence))
        shown.print(rows)
        if answer.member is not None:
            facts = {name: text(str(value)) for name, value in answer.member.items() if value is not None}
            shown.print(render.pairs(facts))
        for what in answer.unverified:
            shown.print(f"[yellow]Unverified:[/] {text(what)}")
    if not answer.is_sound:
        raise typer.Exit(1)
