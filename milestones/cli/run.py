"""``milestones run``: the daemon."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import rich.progress
import structlog
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn

from milestones.app import daemon, loop
from milestones.cli import render
from milestones.cli.options import DEFAULT, ConfigPath, settings_at
from milestones.cli.templates import require_sound
from milestones.config.settings import Settings
from milestones.observability import logs
from milestones.scans.run import Kind, Progress

app = typer.Typer()


@app.command()
def run(config: ConfigPath = DEFAULT) -> None:
    """Run the daemon until it is stopped.

    It serves webhooks, scans, mails and the dashboard. SIGTERM and Ctrl-C end it cleanly within 20 seconds; SIGHUP
    puts the configuration into force as it is in the file now.
    """
    settings = _valid(config)
    logs.configure(settings.daemon.log, settings.daemon.log_level)
    serve(settings, config)


def serve(settings: Settings, config: Path) -> None:
    """Run with these settings; a reload reads ``config`` again."""
    for warning in settings.warnings:
        structlog.get_logger().warning("doubtful_configuration", told=warning)
    with baseline_bar() as progress:
        loop.run(daemon.run(settings, lambda: _valid(config), _announce, progress))


def _announce(line: str) -> None:
    # Nobody may be there to read it any more; the daemon serves all the same.
    with suppress(OSError, ValueError):
        typer.echo(line)


def _valid(config: Path) -> Settings:
    """What `milestones check` has no fault to find with: a mail that cannot be made is told now, not at night."""
    settings = settings_at(config)
    require_sound(settings)
    return settings


@contextmanager
def baseline_bar() -> Iterator[Progress]:
    """On a terminal, a bar for the first reading of a site's accounts; gone when it is complete."""
    out = render.console(stderr=True)
    if not out.is_terminal:
        yield lambda _kind, _read, _total: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    bar = rich.progress.Progress(*columns, console=out, transient=True)
    shown: list[TaskID] = []

    def show(kind: Kind, read: int, total: int | None) -> None:
        if kind is not Kind.BASELINE:
            return
        if not shown:
            bar.start()
            shown.append(bar.add_task("Reading all accounts", total=total))
        bar.update(shown[0], completed=read, total=total)
        if total is not None and read >= total:
            bar.stop()
            shown.clear()

    try:
        yield show
    finally:
        bar.stop()
