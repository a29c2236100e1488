"""``milestones sync run``: one turn now."""

from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, printable
from milestones.commands.models.sync import RunSync, SyncTurn

_WORDS = {
    "read": "read",
    "new": "new",
    "linked": "linked with an account",
    "agreed": "agreed on",
    "settled": "settled",
    "listed": "to be looked at by a person",
    "unlinked": "unlinked",
    "unreadable": "that could not be read",
}


def run(
    program: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this program.")] = None,
    site: Annotated[str | None, typer.Option("--site", help="Only with this site, by name or id.")] = None,
    whole: Annotated[bool, typer.Option("--all", help="Read all members, not only what changed.")] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Read what changed now, and order what follows. The daemon does the same by itself."""
    settings = settings_in_force(config)
    answer = carry_out(settings, RunSync(program=program, site=site, whole=whole), asks_wix=True)
    if as_json:
        print_json(answer)
    else:
        for turn in answer.turns:
            typer.echo(printable(_sentence(turn)))
            if turn.trouble:
                typer.echo(printable(f"   {turn.trouble}"), err=True)
    if any(turn.trouble for turn in answer.turns):
        raise typer.Exit(1)


def _sentence(turn: SyncTurn) -> str:
    counts = [f"{turn.counts[name]:,} {word}" for name, word in _WORDS.items() if turn.counts.get(name)]
    told = ", ".join(counts) or "nothing changed"
    waiting = f"; {turn.waiting:,} not settled yet" if turn.waiting else ""
    return f"{turn.program} with {turn.site}: {told}{waiting}."
