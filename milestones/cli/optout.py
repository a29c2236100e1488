"""``milestones optout``: who must not be mailed, as a file."""

import csv
import sys
from pathlib import Path
from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_at
from milestones.cli.readonly import look
from milestones.cli.remote import order
from milestones.cli.render import counted, print_json
from milestones.commands.optout import COLUMNS, entries
from milestones.errors import UsageError
from milestones.store.people import people

app = typer.Typer(no_args_is_help=True, help="Who must not be mailed, whatever Wix says.")

AT_ONCE = 5000
"""Addresses in one order; the daemon writes each order in one transaction."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with addresses, or with the keys of an export.")],
    site: Annotated[str | None, typer.Option("--site", help="Only for this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Never mail these again. Nobody is taken off the list, and no address is kept: only what recognises it."""
    try:
        # With the mark that spreadsheets put at the beginning, and without.
        found = entries(file.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not in UTF-8. Save it as CSV in UTF-8.") from None
    settings = settings_at(config, secrets=False)
    told = {"added": 0, "known": 0}
    for part in found.parts(AT_ONCE):
        arguments = {"addresses": part.addresses, "keys": part.keys, **({"site": site} if site else {})}
        result = order(settings, "optout_import", arguments)
        told = {name: told[name] + result[name] for name in told}
    if as_json:
        print_json(told)
        return
    typer.echo(f"{counted(told['added'], 'entry', 'entries')} added, {told['known']:,} known before.")


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="The CSV file to write, or - for standard output.")],
    config: ConfigPath = DEFAULT,
) -> None:
    """Write the list. It holds keys and no addresses: they recognise an address in this database and its copies."""
    settings = settings_at(config, secrets=False)
    found = look(settings, people.suppressions)
    rows = [(one.address_key, one.reason, one.recorded_at.isoformat()) for one in found]
    if str(file) == "-":
        csv.writer(sys.stdout).writerows([COLUMNS, *rows])
        return
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([COLUMNS, *rows])
    typer.echo(f"{counted(len(rows), 'entry', 'entries')} written to {file}.")
