"""``milestones password``: who may open the dashboard from elsewhere."""

import sys
from getpass import getpass

import typer

from milestones.cli.options import DEFAULT, ConfigPath, settings_in_force
from milestones.errors import UsageError
from milestones.web import password as stored

app = typer.Typer()


@app.command()
def password(config: ConfigPath = DEFAULT) -> None:
    """Set the dashboard's password. Until there is one, it opens on this machine only.

    It is asked for twice, or read from standard input where that is no terminal. Only a hash is kept, in
    `daemon.password_file`. A running daemon asks for the new one at once; delete the file to have none again.
    """
    settings = settings_in_force(config)
    stored.write(settings.daemon.password_file, stored.create(_ask()))
    typer.echo(f"The password is set. Its hash is in {settings.daemon.password_file}.")
    if settings.daemon.public_url.startswith("http://"):
        typer.echo("Without HTTPS (daemon.public_url) the network can read it as it is typed in.")


def _ask() -> str:
    if not sys.stdin.isatty():
        try:
            return sys.stdin.readline().rstrip("\r\n")
        except UnicodeDecodeError:
            raise UsageError("Standard input is no text, and nothing was changed.") from None
    first = getpass("New password: ")
    if getpass("The same again: ") != first:
        raise UsageError("The two differ, and nothing was changed.")
    return first
