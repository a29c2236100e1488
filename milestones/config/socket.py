"""Where to find the daemon of a configuration. Orders such as `pause` must reach it whatever became of the file."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from milestones.config.sections import DaemonSettings

_SOCKET_VARIABLE = "MILESTONES_DAEMON__SOCKET"
_SOCKET_LINE = re.compile(r"""^\s*(?:daemon\s*\.\s*)?socket\s*=\s*(["'])([^"'\n]+)\1""", re.MULTILINE)


def socket_of(path: Path, environ: Mapping[str, str]) -> Path:
    """Where the daemon of a configuration listens for orders, however faulty the file is by now, or gone.

    As far as it can be told: from the environment, from the file, from its one line that names a socket where it is
    no TOML, and else where every daemon listens that was told nothing.
    """
    written = environ.get(_SOCKET_VARIABLE)
    if written is None:
        try:
            text = path.read_bytes().decode("utf-8-sig", "replace")
        except OSError:
            text = ""
        try:
            written = tomllib.loads(text)["daemon"]["socket"]
        except (ValueError, KeyError, TypeError, RecursionError):
            found = _SOCKET_LINE.search(text)
            written = found[2] if found else None
    known = written if isinstance(written, str) else DaemonSettings.model_fields["socket"].default
    return path.absolute().parent / known
