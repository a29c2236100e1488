"""Orders from a file: what its rows come to, a part at a time."""

from pathlib import Path

import rich.progress
import typer

from milestones.cli import render
from milestones.cli.orders import tell_held
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json
from milestones.commands.models.order_rows import GiveOrders, Ordered, OrderRow, RowsAnswer
from milestones.config import Settings
from milestones.config.values import plural
from milestones.domain.order import Create
from milestones.errors import UsageError

AT_ONCE = 250
"""Rows in one command, which is one transaction."""


def give_file(
    settings: Settings,
    path: Path,
    what: Ordered,
    words: str | None,
    create: Create,
    site: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Order what the rows ask for. Exits 1 where a row is no order, or where the breaker holds any."""
    from milestones.commands.order_file import read_orders  # noqa: PLC0415 - most commands read no file

    try:
        read = read_orders(path, what, words)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or 'it is no file'}.") from error
    total = RowsAnswer(new=0, known=0, held=0, refused=read.refused, works=True)
    out = render.console(stderr=True)
    for part in rich.progress.track(
        [read.rows[start : start + AT_ONCE] for start in range(0, len(read.rows), AT_ONCE)],
        "Looked at" if dry_run else "Ordered",
        console=out,
        transient=True,
        disable=not out.is_terminal,
    ):
        total = _add(total, carry_out(settings, _command(part, what, create, site, total, dry_run=dry_run)))
    if as_json:
        print_json({**total.model_dump(), "dry_run": dry_run})
    else:
        _tell(total, dry_run=dry_run)
    for line, why in sorted(total.refused.items()):
        typer.echo(f"line {line}: {why}", err=True)
    if not dry_run:
        tell_held(total.held)
    if total.refused:
        raise typer.Exit(1)


def _command(
    rows: list[OrderRow],
    what: Ordered,
    create: Create,
    site: str | None,
    before: RowsAnswer,
    *,
    dry_run: bool,
) -> GiveOrders:
    ahead = before.new if dry_run else 0
    return GiveOrders(what=what, rows=tuple(rows), create=create, site=site, dry_run=dry_run, ahead=ahead)


def _add(total: RowsAnswer, part: RowsAnswer) -> RowsAnswer:
    return RowsAnswer(
        new=total.new + part.new,
        known=total.known + part.known,
        held=total.held + part.held,
        refused={**total.refused, **part.refused},
        works=part.works,
    )


def _tell(total: RowsAnswer, *, dry_run: bool) -> None:
    shown = render.console()
    would = "would be ordered" if dry_run else "ordered"
    counts = f"{plural(total.new, 'row')} {would}; {total.known:,} ordered before"
    refused = f"; [red]{len(total.refused):,} refused[/]" if total.refused else ""
    shown.print(f"{counts}{refused}.")
    if total.held and dry_run:
        shown.print(f"{total.held:,} of them would be held by the breaker, for a person to let them go.")
    if not dry_run and total.new and not total.works:
        shown.print("They are recorded, and the next `milestones run` does them.")
