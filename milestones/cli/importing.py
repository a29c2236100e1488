"""What ``sync import`` does, step by step: look, say what would happen, ask, and order."""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import rich.progress
import typer

from milestones.cli import render
from milestones.cli.import_order import SHOWN, Confirmation, ImportOrder, Tally
from milestones.cli.import_view import show_dry_run, show_result
from milestones.cli.orders import tell_held
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json
from milestones.commands.models.imports import (
    PHONES_AT_ONCE,
    ROWS_AT_ONCE,
    FindPhones,
    ImportAnswer,
    ImportPoints,
    ImportRow,
)
from milestones.commands.models.people import ImportOptOuts
from milestones.config import Settings
from milestones.config.values import plural
from milestones.errors import UsageError
from milestones.sync.importing.file import ImportFile, open_file
from milestones.sync.importing.rows import Entry
from milestones.sync.importing.staging import Staging, opened_staging

OPT_OUTS_AT_ONCE = 5000

_PLAIN = re.compile(r"[-+][0-9][0-9 .,]*")
"""A number with its sign, such as a telephone number."""

ROWS_TOLD = 1000
"""Rejected rows in JSON; the file has all."""


def run(settings: Settings, order: ImportOrder, confirmation: Confirmation, *, as_json: bool) -> None:
    """Look at the file, show, ask, and order. Exits 1 where rows were left out, or are held. Raises MilestonesError."""
    try:
        _run(settings, order, confirmation, as_json=as_json)
    except OSError as error:
        raise UsageError(f"{error.filename or order.file}: {error.strerror or error}.") from error


def _run(settings: Settings, order: ImportOrder, confirmation: Confirmation, *, as_json: bool) -> None:
    with _bar("Looking at the file", None) as advance:
        file = open_file(
            order.file, order.columns, order.choices, sheet=order.sheet, mode=order.mode, on_rows=advance
        )
    with opened_staging() as staging:
        with _bar("Reading", file.size) as advance:
            before = 0
            for number in staging.load(file):
                advance(number - before)
                before = number
        _find_phones(settings, order, staging)
        planned = _give(settings, order, file, staging, "Comparing", counts_only=True)
        if staging.compare_again("account"):
            # Two rows in different words are of one account.
            planned = _give(settings, order, file, staging, "Comparing", counts_only=True)
        left_out = _write_rejected(order, file, staging)
        if not as_json:
            show_dry_run(file, staging, planned, order, left_out)
        if not confirmation.dry_run and (planned.ordered or staging.count("unwilling")):
            passes = _ask(confirmation, planned, staging)
            _opt_out(settings, order, staging)
            done = _give(settings, order, file, staging, "Ordering", passes=passes)
            left_out = _write_rejected(order, file, staging)
            if not as_json:
                show_result(done, staging, left_out)
            planned = done
        if as_json:
            print_json(_summary(file, staging, planned, left_out))
        tell_held(planned.held, " Another time --let-pass lets them pass at once.")
        if staging.count("rejected"):
            raise typer.Exit(1)


def _ask(confirmation: Confirmation, planned: Tally, staging: Staging) -> bool:
    """Whether it may pass the breaker. A person who says yes has read how many it is."""
    past = planned.ordered - planned.room
    if confirmation.yes:
        return confirmation.let_pass
    customers = plural(planned.ordered, "customer")
    question = f"Change the points of {customers}?"
    if not planned.ordered:
        question = f"Put {plural(staging.count('unwilling'), 'address', 'addresses')} on the list of whom not to mail?"
    elif past > 0 and not planned.shadow:
        question = (
            f"That is {past:,} more than the breaker lets pass today; yes lets all of them pass. Change the points of "
            f"{customers}?"
        )
    typer.confirm(question, abort=True, err=True)
    return True


def _find_phones(settings: Settings, order: ImportOrder, staging: Staging) -> None:
    """Whose the numbers are. A number that several contacts have, or none, is nobody's."""
    phones = staging.list_phones()
    for start in range(0, len(phones), PHONES_AT_ONCE):
        some = tuple(phones[start : start + PHONES_AT_ONCE])
        answer = carry_out(
            settings, FindPhones(phones=some, region=order.choices.region, site=order.site), asks_wix=True
        )
        for phone in some:
            contacts = answer.contacts.get(phone, ())
            if len(contacts) == 1:
                staging.identify(phone, contacts[0])
                continue
            why = "No contact has this telephone number."
            if contacts:
                why = f"{len(contacts)} contacts have this telephone number, so nobody knows whose it is."
            for line in staging.list_lines(phone):
                staging.reject(line, why)
    if phones:
        staging.compare_again("person")


def _give(
    settings: Settings,
    order: ImportOrder,
    file: ImportFile,
    staging: Staging,
    what: str,
    *,
    passes: bool = False,
    counts_only: bool = False,
) -> Tally:
    """Give the rows to whoever orders them, some at a time."""
    tally = Tally()
    with _bar(what, staging.count("entries")) as advance:
        for entries in staging.list_batches(ROWS_AT_ONCE):
            answer = carry_out(
                settings,
                ImportPoints(
                    rows=tuple(map(_row, entries)),
                    site=order.site,
                    name=order.name,
                    reason=order.reason,
                    adds=file.choices.adds,
                    fires=order.fires,
                    creates=order.creates,
                    passes=passes,
                    counts_only=counts_only,
                ),
            )
            _count(tally, entries, answer, staging)
            advance(len(entries))
    return tally


def _row(entry: Entry) -> ImportRow:
    assert entry.points is not None, "rows without points were taken out"
    return ImportRow(
        line=entry.line,
        mail=entry.mail if not entry.contact_id else "",
        contact=entry.contact_id,
        points=entry.points,
        first_name=entry.first_name,
        last_name=entry.last_name,
    )


def _count(tally: Tally, entries: list[Entry], answer: ImportAnswer, staging: Staging) -> None:
    tally.room, tally.shadow, tally.works = answer.room, answer.shadow, answer.works
    staging.note_accounts((outcome.account, outcome.line) for outcome in answer.rows)
    for entry, outcome in zip(entries, answer.rows, strict=True):
        tally.outcomes[outcome.outcome] += 1
        if outcome.outcome == "refused":
            staging.reject(outcome.line, outcome.why)
            continue
        if outcome.outcome == "known":
            tally.states[outcome.state] += 1
            continue
        tally.points += entry.points or 0
        tally.strangers += not outcome.account
        tally.held += outcome.held
        if len(tally.shown) < SHOWN:
            tally.shown.append((entry, outcome))


def _opt_out(settings: Settings, order: ImportOrder, staging: Staging) -> None:
    for mails in staging.list_unwilling(OPT_OUTS_AT_ONCE):
        carry_out(settings, ImportOptOuts(addresses=mails, site=order.site))


def _write_rejected(order: ImportOrder, file: ImportFile, staging: Staging) -> Path | None:
    """The rows that are left out, as a file that can be mended and imported: with the cells as they were."""
    if not staging.count("rejected"):
        return None
    path = order.rejected or order.file.with_name(f"{order.file.stem}.rejected.csv")
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(["line", "why", *file.columns.headings])
        for line, why, cells in staging.list_rejected():
            writer.writerow([line, *map(_harmless, [why, *cells])])
    return path


def _harmless(cell: object) -> object:
    """A spreadsheet carries out what looks like a formula, and somebody opens this file in one. Numbers look like none."""
    if not isinstance(cell, str) or not cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        return cell
    return cell if _PLAIN.fullmatch(cell) else f"'{cell}"


def _summary(file: ImportFile, staging: Staging, tally: Tally, left_out: Path | None) -> dict[str, object]:
    return {
        "file": str(file.path),
        "mode": "add" if file.choices.adds else "set",
        "rows": file.size,
        **{name: tally.outcomes[name] for name in ("new", "again", "known")},
        "rejected": staging.count("rejected"),
        "repeated": staging.repeated,
        "unwilling": staging.count("unwilling"),
        "held": tally.held,
        "points": tally.points,
        "room": tally.room,
        "known_states": dict(tally.states),
        "rejected_rows": [
            {"line": line, "why": why} for line, why, _ in islice(staging.list_rejected(), ROWS_TOLD)
        ],
        "rejected_file": str(left_out) if left_out is not None else None,
    }


@contextmanager
def _bar(what: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """How far it is, on a terminal; elsewhere nothing."""
    columns = (
        rich.progress.TextColumn("{task.description}"),
        rich.progress.BarColumn(),
        rich.progress.TextColumn("{task.completed:,.0f} rows"),
    )
    out = render.console(stderr=True)
    bar = rich.progress.Progress(*columns, console=out, transient=True, disable=not out.is_terminal)
    with bar:
        task = bar.add_task(what, total=total)
        yield lambda rows: bar.update(task, advance=rows)
