"""``milestones rejected``: webhooks of Wix and of other services that were genuine, and accounts that a scan read, and could
not be understood.
"""

from typing import Annotated

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import look
from milestones.cli.remote import carry_out
from milestones.cli.render import LARGEST_ID, print_data, print_json, printable, text, when
from milestones.commands.models.people import ReplayRejected
from milestones.config.values import plural
from milestones.errors import UsageError
from milestones.store.views import lookup
from milestones.views.rejected import describe_body, describe_rejected

app = typer.Typer(
    no_args_is_help=True, help="Webhooks, and accounts read by scans, that could not be understood."
)


@app.command("list")
def list_rejected(
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 50,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show what is kept, newest first, with the reason."""
    settings = settings_in_force(config)
    result = look(settings, lambda tx: lookup.list_rejected(tx, limit=limit))
    if as_json:
        print_json([describe_rejected(row) for row in result])
        return
    if not result:
        typer.echo("Everything was understood.")
        return
    rows = render.table("id", "when", "type", "reason", right=("id",))
    for row in result:
        at = when(row.received_at, settings.daemon.timezone)
        rows.add_row(str(row.id), at, text(row.event_type or "unknown"), text(row.reason))
    render.console().print(rows)


@app.command()
def show(
    number: Annotated[
        int, typer.Argument(metavar="ID", help="The number of what is kept.", min=1, max=LARGEST_ID)
    ],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Show one as it came. It may hold personal data of a customer."""
    settings = settings_in_force(config)
    result = look(settings, lambda tx: lookup.list_rejected(tx, [number]))
    if not result:
        raise UsageError(f"Nothing is kept under {number}. `milestones rejected list` shows their numbers.")
    row = describe_body(result[0])
    if as_json:
        print_json(row)
        return
    shown = render.console()
    shown.print(
        render.pairs(
            {
                "received": when(row.received_at, settings.daemon.timezone, seconds=True),
                "site": text(row.site_id or "not told"),
                "type": text(row.event_type or "not told"),
                "reason": text(row.reason),
                "bytes": f"{row.bytes:,}",
            }
        )
    )
    if row.claims is None:
        shown.print(text(row.body))
    else:
        print_data(shown, row.claims)


@app.command()
def replay(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="ID", help="The numbers; or all.", min=1, max=LARGEST_ID)
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Take them in again, after an upgrade. What is understood now is no longer kept."""
    settings = settings_in_force(config)
    answer = carry_out(settings, ReplayRejected(ids=tuple(ids or ())))
    if as_json:
        print_json(answer)
        return
    sentence = (
        f"{plural(answer.taken, 'webhook or account', 'webhooks and accounts')} understood and recorded"
    )
    typer.echo(
        f"{sentence}, {answer.unneeded:,} of a kind that nobody needs, {len(answer.kept):,} still not understood."
    )
    for number, why in answer.kept.items():
        typer.echo(printable(f"#{number}: {why}"))
