"""The command: its options, and the table of a configuration that may stand behind them."""

import asyncio
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from wixsandbox.errors import SandboxError
from wixsandbox.server import run
from wixsandbox.settings import SandboxSettings

Host = Annotated[str | None, typer.Option(help="The address to listen on (127.0.0.1).")]
Port = Annotated[int | None, typer.Option(min=0, max=65_535, help="The port; 0 takes any free one (8090).")]
Customers = Annotated[int | None, typer.Option(min=0, max=1_000_000, help="How many the shop has (500).")]
Seed = Annotated[int | None, typer.Option(help="Another seed makes another shop (1).")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", "-c", metavar="PATH", help="Take what is not given here from its sandbox table."
    ),
]


def start(
    chosen: SandboxSettings, *, host: str | None, port: int | None, customers: int | None, seed: int | None
) -> None:
    """Serve until SIGTERM or SIGINT; what is given here goes before what was chosen. Raises SandboxError."""
    given: dict[str, Any] = {"host": host, "port": port, "customers": customers, "seed": seed}
    settings = chosen.model_copy(update={name: value for name, value in given.items() if value is not None})
    typer.echo("Starting the simulated Wix. Ctrl-C stops it.")
    asyncio.run(run(settings))


def settings_in(config: Path) -> SandboxSettings:
    """The table ``[sandbox]`` of a TOML file; a ``state_file`` in it starts at the file's folder.

    Raises SandboxError if the file cannot be read, or names what does not exist.
    """
    try:
        table = tomllib.loads(config.read_text(encoding="utf-8-sig")).get("sandbox", {})
        settings = SandboxSettings.model_validate(table)
    except OSError as error:
        raise SandboxError(f"{config} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise SandboxError(f"{config} is not text in UTF-8. Save it as such.") from error
    except tomllib.TOMLDecodeError as error:
        raise SandboxError(f"{config} is not TOML: {error}.") from error
    except ValidationError as error:
        faults = [
            f"{config}: {'.'.join(map(str, ('sandbox', *fault['loc'])))}: {fault['msg']}."
            for fault in error.errors()
        ]
        raise SandboxError("\n".join(faults)) from error
    if settings.state_file is None:
        return settings
    return settings.model_copy(update={"state_file": config.parent / settings.state_file})


app = typer.Typer(add_completion=False)


@app.command()
def wixsandbox(
    host: Host = None,
    port: Port = None,
    customers: Customers = None,
    seed: Seed = None,
    config: Config = None,
) -> None:
    """Run the simulated Wix.

    It answers on the paths of the Wix API, sends signed webhooks, and is steered under /_sandbox. Its data live in
    memory, unless a configuration with a state_file is named.
    """
    chosen = settings_in(config) if config else SandboxSettings()
    start(chosen, host=host, port=port, customers=customers, seed=seed)


def main() -> None:
    """Run the command and exit: 0 done, 1 failed, 2 wrong usage. Errors are sentences on stderr."""
    try:
        app(prog_name="wixsandbox")
    except SandboxError as error:
        typer.echo(str(error), err=True)
        sys.exit(1)
