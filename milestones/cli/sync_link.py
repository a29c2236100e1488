"""``milestones sync link``: who is whom, from a file."""

import csv
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, printable
from milestones.commands.models.sync import LinkMembers, LinkRow
from milestones.config.values import plural
from milestones.errors import UsageError

BATCH = 500
"""Rows of one transaction."""

_COLUMNS = {"member", "account", "email"}


def link(
    program: Annotated[str, typer.Argument(metavar="NAME", help="Of the program in config.toml.")],
    file: Annotated[
        Path, typer.Argument(help="CSV with the columns member, and account or email.", dir_okay=False)
    ],
    site: Annotated[str | None, typer.Option("--site", help="Of this site, by name or id.")] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Say which member of a program is which account here. What is linked already stays as it is."""
    rows = read_rows(file)
    settings = settings_in_force(config)
    answers = [
        carry_out(
            settings,
            LinkMembers(program=program, site=site, rows=tuple(rows[start : start + BATCH])),
            asks_wix=True,
        )
        for start in range(0, len(rows), BATCH)
    ]
    unknown = [member for answer in answers for member in answer.unknown]
    if as_json:
        print_json(answers)
    else:
        new, known = sum(answer.new for answer in answers), sum(answer.known for answer in answers)
        typer.echo(f"{plural(new, 'member')} new, {known:,} known already. The next turn looks at them.")
        for member in unknown:
            typer.echo(printable(f"member {member}: no account of this id is known here."), err=True)
    if unknown:
        raise typer.Exit(1)


def read_rows(file: Path) -> list[LinkRow]:
    """The rows of the file. Raises UsageError with the line of the first that is wrong."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            reader = csv.DictReader(opened, strict=True)
            heading = {name.strip().casefold() for name in reader.fieldnames or ()}
            if "member" not in heading or not heading & {"account", "email"}:
                raise UsageError(
                    f"{file}: the first line must name the columns member, and account or email."
                )
            return [_row(file, reader.line_num, line) for line in reader]
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text in UTF-8. Save it as such.") from None
    except csv.Error as error:
        raise UsageError(f"{file} is not CSV: {error}.") from None


def _row(file: Path, number: int, line: dict[str, str | None]) -> LinkRow:
    told = {
        str(name).strip().casefold(): value.strip()
        for name, value in line.items()
        if isinstance(value, str) and value.strip()
    }
    if not told.keys() & {"account", "email"}:
        raise UsageError(f"{file}:{number}: gives neither an account nor a mail address.")
    try:
        return LinkRow(**{name: value for name, value in told.items() if name in _COLUMNS})
    except ValidationError:
        raise UsageError(f"{file}:{number}: gives no member of 1 to 255 characters.") from None
