"""What every command shares: which configuration, and whether a machine reads the answer."""

import os
from pathlib import Path
from typing import Annotated

import typer

from milestones.config import Settings, load

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
    """The configuration with the environment's overrides. Raises ConfigurationError with every fault.

    secrets: False for a command that needs none, so that it can be called where they are not set.
    """
    return load(config, os.environ, secrets=secrets)
