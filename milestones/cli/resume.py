"""``milestones resume``: the opposite of ``milestones pause``, and the end of a hold."""

import sys
from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.pause import Milestone, Site, tell
from milestones.cli.readonly import look
from milestones.cli.remote import carry_out
from milestones.cli.render import text
from milestones.commands.models.pause import Resume
from milestones.config.values import plural
from milestones.store.database import heartbeat
from milestones.store.database.store import Transaction

app = typer.Typer()


@app.command()
def resume(
    milestone: Milestone = None,
    site: Site = None,
    continued: Annotated[
        bool | None,
        typer.Option(
            "--continued/--rewound",
            help="After a hold: nothing was done since with another copy; or it is an old backup or a copy, and "
            "each effect is looked for before it is done [--rewound].",
        ),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Go on where `milestones pause` stopped. What became due meanwhile is done now.

    Also ends the hold in which a database starts that was copied, restored or long asleep.
    """
    settings = settings_in_force(config)
    asks_wix = False
    if milestone is None:
        reason, pending, behind = look(settings, _hold)
        if site is None and reason is not None and continued is None and sys.stdin.isatty():
            continued = _ask(reason, pending)
        asks_wix = not continued and (bool(behind) or (site is None and reason is not None))
    command = Resume(milestone=milestone, site=site, rewound=not continued)
    tell(carry_out(settings, command, asks_wix=asks_wix), as_json=as_json)


async def _hold(tx: Transaction) -> tuple[str | None, dict[str, int], set[str]]:
    return await heartbeat.get_hold(tx), await heartbeat.count_pending(tx), await heartbeat.list_behind(tx)


def _ask(reason: str, pending: dict[str, int]) -> bool:
    """Whether the database goes on from where it was. Doubt means no: then everything is looked for first."""
    shown = render.console(stderr=True)
    shown.print(f"[bold yellow]Held:[/] {text(reason)}")
    would = ", ".join(plural(number, f"{kind} action") for kind, number in pending.items())
    shown.print(f"To be done when it goes on: {would or 'nothing'}.")
    return typer.confirm(
        "Is this surely the only copy, with nothing done since it was last used?", default=False, err=True
    )
