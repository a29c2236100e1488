"""``milestones init``: everything that a shop needs to begin, in one folder."""

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from milestones.errors import UsageError
from milestones.shipped import sample_config, templates_dir

app = typer.Typer()

CONFIG = "config.toml"
TEMPLATES = "templates"
UNIT = "milestones.service"

_HEADER = """\
# The configuration of Milestones. As it is, it works on the simulated Wix that ships with the program, and sends
# nothing: try it with `milestones run`. For your own shop, in this order:
#
# 1. In [wix], set sandbox = false and fill in your app's keys; in [[sites]], the site. Leave out [sandbox].
# 2. In [daemon], set public_url; in [mail], transport, host and sender; in [scan], every = "1h". Write your mails in
#    templates/, and your milestones below.
# 3. `milestones check --online` tries it all. Then let it run in shadow for a few days, and look at what it would do.
# 4. In [daemon], set mode = "live".
#
"""

_SERVICE = """\
# Starts Milestones with the machine. As root: copy this file to /etc/systemd/system, put the secrets that config.toml
# names into {environment} (NAME=value, one a line, chmod 600), and
# systemctl enable --now {name}

[Unit]
Description=Milestones for Wix Loyalty
After=network-online.target
Wants=network-online.target

[Service]
Type=exec
ExecStart={program} -m milestones run --config {config}
ExecReload=/bin/kill -HUP $MAINPID
EnvironmentFile=-{environment}
WorkingDirectory={folder}
User={user}
Restart=on-failure
RestartSec=5
TimeoutStopSec=30
UMask=0077
NoNewPrivileges=true
PrivateTmp=true
ProtectSystem=full

[Install]
WantedBy=multi-user.target
"""


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder to write into; it is made.")
    ] = Path(),
) -> None:
    """Write config.toml, the mail templates and a systemd unit.

    The configuration works as it is, on the simulated Wix and in shadow mode; its first lines say what to change.
    """
    existing = [name for name in (CONFIG, TEMPLATES, UNIT) if (folder / name).exists()]
    if existing:
        raise UsageError(
            f"{folder.absolute()} already has {' and '.join(existing)}, and nothing was written. "
            "Name another folder, or move them away."
        )
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(templates_dir(), folder / TEMPLATES)
    (folder / UNIT).write_text(unit(folder.absolute()), encoding="utf-8")
    # The configuration comes last: where it is, the rest is complete.
    (folder / CONFIG).write_text(first_config(), encoding="utf-8")
    at = "" if folder == Path() else f" --config {shlex.quote(str(folder / CONFIG))}"
    typer.echo(f"Wrote {CONFIG}, {TEMPLATES}/ and {UNIT} in {folder.absolute()}.")
    typer.echo(f"`milestones run{at}` starts it: on the simulated Wix, in shadow mode, sending nothing.")


def first_config() -> str:
    """The shipped sample as a shop begins with it: in shadow mode, and with other first lines."""
    sample = sample_config()
    first_table = sample.index("[daemon]")
    kept = [line for line in sample[:first_table].splitlines() if _is_for_everybody(line)]
    text = _HEADER + "\n".join(kept) + "\n\n" + sample[first_table:]
    return _replace(text, 'mode = "live"  ', 'mode = "shadow"')


def _is_for_everybody(line: str) -> bool:
    return line != "#" and not re.search("make run|reaches the internet", line)


def _replace(text: str, old: str, new: str) -> str:
    assert text.count(old) == 1, "the sample and this command are changed together"
    return text.replace(old, new)


def unit(folder: Path) -> str:
    """A systemd unit for the configuration in this folder, run by the Python that runs this."""
    return _SERVICE.format(
        program=_quote(Path(sys.executable)),
        config=_quote(folder / CONFIG),
        environment=_escape(folder / "secrets.env"),
        folder=_escape(folder),
        name=UNIT.removesuffix(".service"),
        user=_owner(folder),
    )


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except KeyError:  # a container may run as a number without a name
        return str(folder.stat().st_uid)


def _escape(path: Path) -> str:
    """Systemd reads % as the start of a specifier."""
    return str(path).replace("%", "%%")


def _quote(path: Path) -> str:
    return '"' + _escape(path).replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$") + '"'
