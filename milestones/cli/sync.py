"""``milestones sync``: other loyalty programs. What keeps one in step has a file for each command."""

from pathlib import Path
from typing import Annotated

import typer

from milestones.cli import sync_check, sync_link, sync_resolve, sync_run, sync_show, sync_status
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.errors import UsageError
from milestones.sync.importing.fields import Field
from milestones.sync.importing.numbers import Rounding
from milestones.sync.importing.phones import is_region
from milestones.sync.importing.rows import Choices

app = typer.Typer(
    no_args_is_help=True,
    help="Other loyalty programs: brought over from a file, or kept in step with this one.",
)
app.command("status")(sync_status.status)
app.command("run")(sync_run.run)
app.command("check")(sync_check.check)
app.command("show")(sync_show.show)
app.command("link")(sync_link.link)
app.command("resolve")(sync_resolve.resolve)


@app.command("import")
def import_file(
    file: Annotated[
        Path,
        typer.Argument(help="CSV, TSV, JSON Lines, Excel or ODS, as another program exports it."),
    ],
    add: Annotated[
        bool | None,
        typer.Option(
            "--add/--set",
            help="Add the points to what is there, or set the balance to them (as it is by default).",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column", metavar="FIELD=HEADING", help=f"Which column is what. FIELD: {', '.join(Field)}."
        ),
    ] = None,
    sheet: Annotated[
        str | None, typer.Option("--sheet", help="The sheet of a workbook; by default its first.")
    ] = None,
    region: Annotated[
        str | None, typer.Option("--region", help="The country of telephone numbers without one, such as US.")
    ] = None,
    rounding: Annotated[
        Rounding, typer.Option("--round", help="What becomes of fractions of a point.")
    ] = Rounding.REFUSE,
    sums: Annotated[
        bool, typer.Option("--sum", help="Add up the rows of each customer, as of a history.")
    ] = False,
    allow_negative: Annotated[
        bool, typer.Option("--allow-negative", help="With --add: rows may take points.")
    ] = False,
    create_contacts: Annotated[
        bool,
        typer.Option("--create-contacts", help="Make contacts that Wix does not have, by their address."),
    ] = False,
    fire: Annotated[bool, typer.Option("--fire", help="Let what is imported reach milestones.")] = False,
    name: Annotated[str, typer.Option("--name", help="Of this import. The rows of each are done once.")] = "",
    reason: Annotated[
        str, typer.Option("--reason", help="Kept by Wix with each change.")
    ] = "Imported from the former program",
    site: Annotated[
        str | None, typer.Option("--site", help="Of which site the customers are, by name or id.")
    ] = None,
    rejected: Annotated[
        Path | None,
        typer.Option(
            "--rejected",
            metavar="FILE",
            help="Where the rows go that are left out; by default beside the file.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would happen, and do not ask.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    let_pass: Annotated[
        bool, typer.Option("--let-pass", help="With --yes: past the breaker's limit too.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Bring over the balances of another program, once for each row.

    First it shows how it reads the file and what would happen, and asks. What is imported reaches no milestone, unless
    --fire. A file may be mended and given again: rows that were done are known.
    """
    # Only here: what shows the commands of this group needs none of it.
    from milestones.cli import importing  # noqa: PLC0415
    from milestones.cli.import_order import Confirmation, ImportOrder  # noqa: PLC0415

    if region is not None and not is_region(region.upper()):
        raise UsageError(f"--region {region}: that is no country of two letters, such as US or DE.")
    if sums and not add:
        raise UsageError(
            "--sum adds up the rows of a history, which are added to what is there: give --add too."
        )
    choices = Choices(
        sums=sums,
        rounding=rounding,
        allow_negative=allow_negative,
        region=region.upper() if region else None,
    )
    order = ImportOrder(
        file,
        read_columns(column or []),
        choices,
        sheet=sheet,
        mode=None if add is None else "add" if add else "set",
        creates=create_contacts,
        fires=fire,
        name=name,
        reason=reason,
        site=site,
        rejected=rejected,
    )
    confirmation = Confirmation(dry_run=dry_run, yes=yes, let_pass=let_pass)
    importing.run(settings_in_force(config), order, confirmation, as_json=as_json)


def read_columns(told: list[str]) -> dict[Field, str]:
    """``FIELD=HEADING``, each field once. Raises UsageError."""
    found: dict[Field, str] = {}
    for one in told:
        name, equals, heading = one.partition("=")
        of = name.strip().casefold().replace("-", "_")
        if not equals or of not in {*Field} or not heading.strip() or Field(of) in found:
            raise UsageError(
                f"--column {one}: write FIELD=HEADING, each field once, such as balance='Points approved'. The fields are "
                f"{', '.join(Field)}."
            )
        found[Field(of)] = heading
    return found
