"""``milestones run``: the daemon."""

import asyncio
from pathlib import Path

import typer

from milestones import daemon, logs
from milestones.cli.configuration import DEFAULT, ConfigPath, settings_at
from milestones.config.settings import Settings

app = typer.Typer()


@app.command()
def run(config: ConfigPath = DEFAULT) -> None:
    """Run the daemon until it is stopped.

    It serves webhooks, scans, mails and the dashboard. SIGTERM and Ctrl-C end it cleanly within 20 seconds; SIGHUP
    puts the configuration into force as it is in the file now.
    """
    settings = settings_at(config)
    logs.configure(settings.daemon.log, settings.daemon.log_level)
    serve(settings, config)


def serve(settings: Settings, config: Path) -> None:
    """Run with these settings; a reload reads ``config`` again."""
    for warning in settings.warnings:
        typer.echo(warning, err=True)
    asyncio.run(daemon.run(settings, lambda: settings_at(config), announce=typer.echo))
