"""What every command shares: which configuration, and whether a machine reads the answer."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from milestones.cli import client
from milestones.commands.models.daemon import GetConfiguration
from milestones.config import Settings, Source, list_sockets, load, restore

ConfigPath = Annotated[
    Path,
    typer.Option(
        "--config", "-c", metavar="PATH", help="The configuration; relative paths in it start at its folder."
    ),
]
"""Declare it as ``config: ConfigPath = DEFAULT``."""

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

DEFAULT = Path("config.toml")


def settings_at(config: Path, *, secrets: bool = True) -> Settings:
    """The configuration with the environment's overrides, as it is in the file now. Raises ConfigurationError with every
    fault.

    secrets: False for a command that needs none, so that it can be called where they are not set.
    """
    return load(config, os.environ, secrets=secrets)


def settings_in_force(config: Path) -> Settings:
    """The configuration that the running daemon works by, whatever became of the file; without a daemon, that of the
    file. Without its secrets, so that a command can be called where they are not set.

    Raises ConfigurationError where no daemon runs and the file is faulty.
    """
    for socket in list_sockets(config, os.environ):
        try:
            running = asyncio.run(client.ask(socket, GetConfiguration()))
        except (client.NotRunningError, client.RefusedError):
            continue
        # Two configurations of one folder may each have a daemon.
        if running.path.resolve() == config.resolve():
            uses = {template: frozenset(groups) for template, groups in running.uses.items()}
            return restore(Source(running.text, running.environ, uses), config)
    # Who may not ask it may still look into the file.
    return load(config, os.environ, secrets=False)
