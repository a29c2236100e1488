"""Where to find the daemon of a configuration. Orders such as `pause` must reach it whatever became of the file."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from milestones.config.sections import DaemonSettings

_SOCKET_VARIABLE = "MILESTONES_DAEMON__SOCKET"
"""In any case, as every override."""

_SOCKET_LINE = re.compile(r"""^\s*(?:daemon\s*\.\s*)?socket\s*=\s*(["'])([^"'\n]+)\1""", re.MULTILINE)


def list_sockets(path: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where the daemon of a configuration may listen for orders, however faulty the file is by now, or gone; the
    likeliest first.

    That is what the environment says, what the file says or, where that is no TOML, its line that names a socket, and
    where every daemon listens that was told nothing: the file may name another since its daemon began.
    """
    folder = path.absolute().parent
    written = (
        *_list_of_environment(environ),
        *_list_of_file(path),
        DaemonSettings.model_fields["socket"].default,
    )
    return list(
        dict.fromkeys(folder / known for known in written if isinstance(known, str | Path) and str(known))
    )


def _list_of_environment(environ: Mapping[str, str]) -> Iterator[str]:
    return (value for name, value in environ.items() if name.upper() == _SOCKET_VARIABLE)


def _list_of_file(path: Path) -> Iterator[object]:
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return
    try:
        yield tomllib.loads(text)["daemon"]["socket"]
    except (ValueError, KeyError, TypeError, RecursionError):
        yield from (item[2] for item in _SOCKET_LINE.finditer(text))
