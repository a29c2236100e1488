"""``milestones demo``: everything at once, on a simulated shop that leaves nothing behind."""

import shutil
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from milestones.app import daemon, loop
from milestones.config import load
from milestones.errors import MilestonesError
from milestones.observability import logs
from milestones.shipped import sample_config, templates_dir
from milestones.web.server import bind

app = typer.Typer()

_LIVELY = {
    "MILESTONES_DAEMON__MODE": "live",
    "MILESTONES_DAEMON__LOG_LEVEL": "warning",
    "MILESTONES_SANDBOX__PORT": "0",
    "MILESTONES_SANDBOX__EARN_PER_SECOND": "6",
    "MILESTONES_SANDBOX__REDEEM_SHARE": "0.1",
    "MILESTONES_WIX__REQUESTS_PER_MINUTE": "2000",
    "MILESTONES_SANDBOX__SWITCHES__RATE_LIMIT_PER_MINUTE": "0",
}


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Where the dashboard is.")] = 8080,
    browser: Annotated[bool, typer.Option(help="Open the dashboard in a browser.")] = True,
) -> None:
    """Run the daemon on a lively simulated shop, with the dashboard opened.

    Customers buy several times a second; what they are mailed is shown in the dashboard. All of it lives in a
    temporary folder and is gone at the end.
    """
    _require_free(port)
    with TemporaryDirectory(prefix="milestones-demo-") as folder:
        home = Path(folder)
        (home / "config.toml").write_text(sample_config(), encoding="utf-8")
        shutil.copytree(templates_dir(), home / "templates")
        # Not with this machine's environment: overrides of a real shop must not lead the demonstration to it.
        settings = load(home / "config.toml", {**_LIVELY, "MILESTONES_DAEMON__LISTEN": f"127.0.0.1:{port}"})
        logs.configure(settings.daemon.log, settings.daemon.log_level)

        def announce(line: str) -> None:
            typer.echo(line)
            typer.echo("Ctrl-C ends the demonstration.")
            if browser:
                webbrowser.open(settings.daemon.public_url)

        loop.run(daemon.run(settings, lambda: settings, announce))


def _require_free(port: int) -> None:
    try:
        sockets = bind("127.0.0.1", port)
    except MilestonesError:
        raise MilestonesError(
            f"The port {port} is taken, or not for this user. Name another with --port."
        ) from None
    for sock in sockets:
        sock.close()
