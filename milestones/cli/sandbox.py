"""``milestones sandbox``: the simulated Wix alone, for whoever develops an app for it."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from milestones.cli.configuration import settings_at
from milestones.sandbox.server import run
from milestones.sandbox.settings import SandboxSettings

app = typer.Typer()


@app.command()
def sandbox(
    host: Annotated[str | None, typer.Option(help="The address to listen on (127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="The port; 0 takes any free one (8090).")
    ] = None,
    customers: Annotated[
        int | None, typer.Option(min=0, max=1_000_000, help="How many the shop has (500).")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed makes another shop (1).")] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", metavar="PATH", help="Take what is not given here from its sandbox table."
        ),
    ] = None,
) -> None:
    """Run the simulated Wix alone.

    It answers on the paths of the Wix API, sends signed webhooks, and is steered under /_sandbox. Its data live in
    memory, unless a configuration with a state_file is named.
    """
    # No configuration is looked for by itself: a daemon beside this one may be using its port and its state.
    chosen = settings_at(config, secrets=False).sandbox if config else SandboxSettings()
    given: dict[str, Any] = {"host": host, "port": port, "customers": customers, "seed": seed}
    settings = chosen.model_copy(update={name: value for name, value in given.items() if value is not None})
    typer.echo("Starting the simulated Wix. Ctrl-C stops it.")
    asyncio.run(run(settings))
