"""``milestones optout``: who must not be mailed, as a file."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.readonly import look
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json
from milestones.commands.models.people import ImportOptOuts
from milestones.commands.optout_file import COLUMNS, Entries, entries
from milestones.config.values import plural
from milestones.store.people import people

app = typer.Typer(no_args_is_help=True, help="Who must not be mailed, whatever Wix says.")

AT_ONCE = 5000
"""Addresses in one command; the daemon carries out each in one transaction."""


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with addresses, or with the keys of an export.")],
    site: Annotated[str | None, typer.Option("--site", help="Only for this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Never mail these again. Nobody is taken off the list, and no address is kept: only what recognises it."""
    result = entries(file.read_bytes())
    settings = settings_in_force(config)
    added = known = 0
    for part in result.parts(AT_ONCE):
        command = ImportOptOuts(addresses=part.addresses, keys=part.keys, site=site or None)
        answer = carry_out(settings, command)
        added, known = added + answer.added, known + answer.known
    if as_json:
        print_json({"added": added, "known": known, "refused": result.refused})
    else:
        counts = f"{plural(added, 'entry', 'entries')} added, {known:,} known before"
        refused = f"; {plural(len(result.refused), 'row', 'rows')} refused" if result.refused else ""
        typer.echo(f"{counts}{refused}.")
    if result.refused:
        typer.echo(_complaint(result), err=True)
        raise typer.Exit(1)


def _complaint(result: Entries) -> str:
    """Which lines were not imported. What stands there is not repeated, since it may be an address with a typing error."""
    lines = _ranges(result.refused)
    which = f"Line {lines} was" if len(result.refused) == 1 else f"Lines {lines} were"
    sentence = f"{which} not imported: no mail address can be read there, and no key of an export. Mend them and import again."
    if result.is_utf8:
        return sentence
    return f"{sentence} The file is not in UTF-8, so only what is in ASCII could be read; save it as CSV in UTF-8."


def _ranges(numbers: Sequence[int]) -> str:
    """``3, 5-9``"""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    return ", ".join("-".join(map(str, run)) for run in runs)


@app.command("export")
def export_file(
    file: Annotated[Path, typer.Argument(help="The CSV file to write, or - for standard output.")],
    config: ConfigPath = DEFAULT,
) -> None:
    """Write the list. It holds keys and no addresses: they recognise an address in this database and its copies."""
    settings = settings_in_force(config)
    result = look(settings, people.list_suppressions)
    rows = [(one.address_key, one.reason, one.recorded_at.isoformat()) for one in result]
    if str(file) == "-":
        csv.writer(sys.stdout).writerows([COLUMNS, *rows])
        return
    with file.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([COLUMNS, *rows])
    typer.echo(f"{plural(len(rows), 'entry', 'entries')} written to {file}.")
