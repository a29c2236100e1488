"""``milestones sync show``: a preset as it ships."""

from typing import Annotated

import typer

from milestones.errors import UsageError
from milestones.shipped import list_presets, preset_text


def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help="Such as smile.")],
) -> None:
    """Print all keys of a preset. Any of them may be written in [[external]] in place of it."""
    known = list_presets()
    if preset not in known:
        raise UsageError(f"There is no preset {preset!r}; there are {', '.join(known)}.")
    typer.echo(preset_text(preset), nl=False)
