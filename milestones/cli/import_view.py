"""What a person sees of an import: how the file is read, what would happen, and what did."""

from itertools import islice
from pathlib import Path

from rich.console import Console

from milestones.cli import render
from milestones.cli.import_order import ImportOrder, Tally
from milestones.cli.render import text
from milestones.config.values import plural
from milestones.formats.tables.table import Row
from milestones.sync.importing.fields import Field
from milestones.sync.importing.file import ImportFile
from milestones.sync.importing.staging import Staging, is_history

_SAMPLES = 3
_REJECTED_SHOWN = 10

_WORDS = {
    Field.MAIL: "mail address",
    Field.PHONE: "telephone number",
    Field.CONTACT: "contact id",
    Field.BALANCE: "points",
    Field.AMOUNT: "points to add",
    Field.NAME: "name",
    Field.FIRST_NAME: "first name",
    Field.LAST_NAME: "last name",
    Field.CONSENT: "wants mail",
    Field.PENDING: "points not approved yet, not imported",
    Field.EXPIRY: "expiry, not imported",
}
"""Of a column, by its field. What stands in none of these is not used."""


def show_dry_run(
    file: ImportFile, staging: Staging, tally: Tally, order: ImportOrder, left_out: Path | None
) -> None:
    """How the file is read, above what would happen to whom, above what is left out."""
    shown = render.console()
    shown.print(f"{text(order.file)}: {plural(file.size, 'row')} of {text(file.table.kind)}.")
    shown.print(f"[bold]{_mode(file, order)}[/]")
    if (style := file.style.describe()) is not None:
        shown.print(f"In its numbers {style}.")
    _show_columns(shown, file)
    _show_rows(shown, tally, adds=file.choices.adds)
    for line in _list_counts(file, staging, tally, order):
        shown.print(line)
    _show_rejected(shown, staging, left_out)
    if is_history(file, staging):
        shown.print(
            "The file seems to have a line for each transaction. `--add --sum` adds up those of each customer."
        )


def _mode(file: ImportFile, order: ImportOrder) -> str:
    if not file.has_points:
        return "The file tells no points: no balance changes."
    column = text(file.columns.name(Field.AMOUNT if Field.AMOUNT in file.columns.places else Field.BALANCE))
    milestones = "It reaches milestones (--fire)." if order.fires else "It reaches no milestone."
    if file.choices.adds:
        return f"The points in {column!r} are ADDED to the balance that each customer has. {milestones}"
    return f"Each balance is SET to the points in {column!r}, whatever it is now. {milestones}"


def _show_columns(shown: Console, file: ImportFile) -> None:
    samples = [row for row in islice(file.list_rows(), _SAMPLES) if isinstance(row, Row)]
    rows = render.table("column", "is read as", *(f"line {row.line}" for row in samples))
    for of, place in sorted(file.columns.places.items(), key=lambda item: item[1]):
        if of not in _WORDS:
            continue
        cells = [text(row.cells[place]) if place < len(row.cells) else "" for row in samples]
        guessed = " (by what it holds)" if of in file.columns.guessed else ""
        rows.add_row(text(file.columns.headings[place]), _WORDS[of] + guessed, *cells)
    shown.print(rows)
    used = {file.columns.places[of] for of in file.columns.places if of in _WORDS}
    unused = [
        text(name) for place, name in enumerate(file.columns.headings) if place not in used and name.strip()
    ]
    if unused:
        shown.print(f"Not imported: {', '.join(unused)}.")


def _show_rows(shown: Console, tally: Tally, *, adds: bool) -> None:
    if not tally.shown:
        return
    rows = render.table("line", "whose", "now", "then", right=("line", "now", "then"))
    for entry, outcome in tally.shown:
        points = entry.points or 0
        now = f"{outcome.balance:,}" if outcome.balance is not None else "not known here"
        if not adds:
            then = f"{points:,}"
        elif outcome.balance is None:
            then = f"{points:+,}"
        else:
            then = f"{outcome.balance + points:,} ({points:+,})"
        rows.add_row(f"{entry.line:,}", text(entry.mail or entry.phone or entry.contact_id), now, then)
    shown.print(rows)
    if tally.ordered > len(tally.shown):
        shown.print(f"and {plural(tally.ordered - len(tally.shown), 'customer')} more.")


def _list_counts(file: ImportFile, staging: Staging, tally: Tally, order: ImportOrder) -> list[str]:
    verb = "would get" if file.choices.adds else "would be set to"
    lines = (
        [f"{plural(tally.ordered, 'customer')} {verb} {tally.points:,} points in all."]
        if file.has_points
        else []
    )
    if tally.strangers:
        made = (
            "a contact is made where Wix has none"
            if order.creates
            else "without a contact in Wix nothing is done"
        )
        lines.append(
            f"{tally.strangers:,} of them have no account that is known here: it is looked for in Wix and opened; {made}"
            f"{'' if order.creates else ' (--create-contacts makes them)'}."
        )
    if tally.outcomes["again"]:
        lines.append(
            f"{tally.outcomes['again']:,} of them were imported before: that came to nothing, or the file says something else now."
        )
    if tally.outcomes["known"]:
        lines.append(f"{plural(tally.outcomes['known'], 'row')} imported before: {_list_states(tally)}.")
    if staging.repeated:
        lines.append(f"{plural(staging.repeated, 'row')} more of the same customers, which is one each.")
    if unwilling := staging.count("unwilling"):
        addresses = plural(unwilling, "address wants", "addresses want")
        lines.append(f"{addresses} no mail: put on the list of whom not to mail, and never taken off it.")
    if file.aside.unreachable:
        lines.append(
            f"{file.aside.unreachable:,} want no mail and have no address in the file, so it cannot be kept: give it one."
        )
    if file.aside.willing:
        lines.append(
            f"{file.aside.willing:,} agreed to mail of another program. That is no consent here, and is not kept."
        )
    if file.aside.pending:
        lines.append(f"{file.aside.pending:,} points are not approved yet; they are not imported.")
    if file.aside.expiring_rows:
        lines.append(
            f"{file.aside.expiring:,} points of {plural(file.aside.expiring_rows, 'customer')} would expire; Wix keeps no "
            "expiry of what is adjusted, so that is lost."
        )
    return [*lines, *_list_limits(tally)]


def _list_limits(tally: Tally) -> list[str]:
    if tally.shadow and tally.ordered:
        return ["The daemon is in shadow mode: it is recorded, and nothing is sent."]
    past = tally.ordered - tally.room
    if past <= 0:
        return []
    would = f"The breaker lets {tally.room:,} pass today, so {past:,} would be held for `milestones outbox release`."
    return [f"{would} Who says yes below lets all of them pass; with --yes, --let-pass does."]


def _list_states(tally: Tally) -> str:
    return ", ".join(f"{number:,} {state}" for state, number in sorted(tally.states.items()))


def _show_rejected(shown: Console, staging: Staging, left_out: Path | None) -> None:
    number = staging.count("rejected")
    if not number:
        return
    rows = render.table("line", "left out, because", right=("line",))
    for line, why, _ in islice(staging.list_rejected(), _REJECTED_SHOWN):
        rows.add_row(f"{line:,}", text(why))
    shown.print(rows)
    shown.print(
        f"{plural(number, 'row is', 'rows are')} left out; {text(left_out)} has them all, to be mended."
    )


def show_result(tally: Tally, staging: Staging, left_out: Path | None) -> None:
    """Show what was ordered."""
    shown = render.console()
    shown.print(f"{plural(tally.ordered, 'customer')} recorded; each is done once, whatever dies in between.")
    if not tally.works and tally.ordered:
        shown.print("No daemon is running: the next `milestones run` does them.")
    elif tally.ordered:
        shown.print("Give the file again to see how far it is: what was recorded is not done twice.")
    if left_out is not None:
        shown.print(
            f"{plural(staging.count('rejected'), 'row was', 'rows were')} left out: {text(left_out)}."
        )
