"""``milestones verify``: does what was given agree with what was observed, and with what Wix has?"""

from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import console, print_json, text
from milestones.commands.models.verify import Verify, VerifyAnswer
from milestones.config.values import plural

app = typer.Typer()

SHOWN = 50
"""Differences that are printed; JSON has them all."""


@app.command()
def verify(
    online: Annotated[
        bool, typer.Option("--online", help="Compare with Wix's coupons and badges too.")
    ] = False,
    site: Annotated[str | None, typer.Option("--site", help="Only this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Recompute every grant from the observation log, and compare it with what was given.

    Exit code 1 when something differs. Nothing is changed.
    """
    answer = carry_out(settings_in_force(config), Verify(site=site, online=online), asks_wix=online)
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    if answer.differences:
        raise typer.Exit(1)


def _show(answer: VerifyAnswer) -> None:
    out = console()
    compared = (
        f"{plural(answer.grants, 'grant')} of {plural(answer.accounts, 'account')}: compared with the log"
    )
    if answer.checked_in_wix:
        compared += f", and with Wix {plural(answer.checked_in_wix, 'coupon or badge', 'coupons and badges')}"
    out.print(f"{compared}.")
    if answer.forgotten:
        out.print(f"Older than the log that is kept (retention.observations): {answer.forgotten:,}.")
    differences = answer.differences
    if not differences:
        out.print("[green]Everything agrees.[/]")
        return
    out.print(f"[red]{plural(len(differences), 'difference')}:[/]")
    for item in differences[:SHOWN]:
        out.print(text(f"  {item.account}  {item.sentence}"))
    if len(differences) > SHOWN:
        out.print(f"  and {len(differences) - SHOWN:,} more; --json has them all.")
