"""``milestones sandbox``: the simulated Wix alone, for whoever develops an app for it."""

import typer

from milestones.cli.options import settings_in_force
from milestones.errors import MilestonesError
from wixsandbox.command import Config, Customers, Host, Port, Seed, start
from wixsandbox.errors import SandboxError
from wixsandbox.settings import SandboxSettings

app = typer.Typer()


@app.command()
def sandbox(
    host: Host = None,
    port: Port = None,
    customers: Customers = None,
    seed: Seed = None,
    config: Config = None,
) -> None:
    """Run the simulated Wix alone.

    It answers on the paths of the Wix API, sends signed webhooks, and is steered under /_sandbox. Its data live in
    memory, unless a configuration with a state_file is named.
    """
    # No configuration is looked for by itself: a daemon beside this one may be using its port and its state.
    chosen = settings_in_force(config).sandbox if config else SandboxSettings()
    try:
        start(chosen, host=host, port=port, customers=customers, seed=seed)
    except SandboxError as error:
        raise MilestonesError(str(error)) from error
