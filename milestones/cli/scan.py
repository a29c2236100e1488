"""``milestones scan``: one scan now, or what it would decide."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, text
from milestones.commands.models.command import Report
from milestones.commands.models.scan import DryRun, Scan, ScanDone, ScanReport, SiteDryRun
from milestones.config import Settings
from milestones.config.values import plural

app = typer.Typer()


@app.command()
def scan(
    site: Annotated[str | None, typer.Argument(metavar="SITE", help="Only this site, by name or id.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be decided; record nothing, send nothing.")
    ] = False,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Look for customers who reached a milestone, and for those near one, now.

    With --dry-run, show the verdict on everybody near a milestone, with examples. Exit code 1 when Wix could not be
    asked about a site.
    """
    settings = settings_in_force(config)
    shown = render.console()
    failed = (_decide if dry_run else _scan)(shown, settings, site or None, as_json=as_json)
    if failed:
        if not as_json:
            for name, why in failed.items():
                shown.print(f"[red]{text(name)}[/]: {text(why)}")
        raise typer.Exit(1)


def _scan(shown: Console, settings: Settings, site: str | None, *, as_json: bool) -> Mapping[str, str]:
    """Scan, and show how it went. Returns the sites of which Wix did not tell, and why."""
    with _progress_line() as report:
        answer = carry_out(settings, Scan(site=site), report=report, asks_wix=True)
    if as_json:
        print_json(answer)
    else:
        _show_scans(shown, answer.scans)
    return answer.failed


def _decide(shown: Console, settings: Settings, site: str | None, *, as_json: bool) -> Mapping[str, str]:
    """The same without consequences."""
    with _progress_line() as report:
        answer = carry_out(settings, DryRun(site=site), report=report, asks_wix=True)
    if as_json:
        print_json(answer)
    else:
        for of_site in answer.sites:
            _show_verdicts(shown, of_site)
    return answer.failed


@contextmanager
def _progress_line() -> Iterator[Report[ScanReport]]:
    """A line on the terminal that says how far it is."""
    with render.console(stderr=True).status("Asking Wix") as status:
        yield lambda report: status.update(_progress(report))


def _progress(report: ScanReport) -> str:
    where = f"{report.site}: {report.kind}"
    if report.read is None:
        return where
    total = f" of {report.total:,}" if report.total else ""
    return f"{where}, {report.read:,}{total} accounts"


def _show_verdicts(shown: Console, result: SiteDryRun) -> None:
    shown.print(f"[bold]{text(result.site)}[/]: {plural(result.read, 'account')} near a milestone were read.")
    if result.shadow:
        shown.print("[yellow]Shadow mode: a real scan would record this and send nothing.[/]")
    by_count = sorted(result.verdicts.items(), key=lambda item: -item[1].count)
    summary = render.table("accounts", "verdict", "meaning", right=("accounts",))
    for verdict, kept in by_count:
        summary.add_row(f"{kept.count:,}", text(verdict), text(kept.sentence))
    if by_count:
        shown.print(summary)
    for verdict, kept in by_count:
        rows = render.table("account", "milestone", "value", "missing", right=("value", "missing"))
        for example in kept.examples:
            value, missing = f"{example.value:,}", f"{example.missing:,}"
            rows.add_row(text(example.account), text(example.milestone), value, missing)
        more = kept.count - len(kept.examples)
        shown.print(f"[bold]{text(verdict)}[/]" + (f" [dim](and {more:,} more)[/]" if more else ""))
        shown.print(rows)
    near = result.verdicts.get("near")
    reminded = near.count if near is not None else 0
    shown.print(
        f"A scan now would record {plural(reminded, 'reminder')}; past {result.limit:,} of one milestone within "
        "a day, the breaker holds them for a person. Nothing was recorded and nothing was sent."
    )


def _show_scans(shown: Console, result: Sequence[ScanDone]) -> None:
    rows = render.table("site", "scan", "accounts", "to be reminded", right=("accounts", "to be reminded"))
    for one in result:
        counts = one.counts
        near = f"{counts.get('near', 0):,}" if one.kind == "near" else ""
        rows.add_row(text(one.site), text(one.kind), f"{counts.get('read', 0):,}", near)
    shown.print(rows)
    if any(one.state != "finished" for one in result):
        shown.print("[yellow]Not every scan came to its end; the daemon goes on where they stopped.[/]")
