"""``milestones resume``: the opposite of ``milestones pause``."""

import typer

from milestones.cli.configuration import DEFAULT, AsJson, ConfigPath
from milestones.cli.pause import Milestone, Site, set_paused, tell

app = typer.Typer()


@app.command()
def resume(
    milestone: Milestone = None, site: Site = None, as_json: AsJson = False, config: ConfigPath = DEFAULT
) -> None:
    """Go on where `milestones pause` stopped. What became due meanwhile is done now."""
    tell(set_paused("resume", milestone, site, config), as_json=as_json)
