"""``milestones reload``: put the configuration into force as it is in the file now."""

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_at, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, tell_under_way
from milestones.commands.models.daemon import Reload

app = typer.Typer()


@app.command("reload")
def reload_(as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Have the running daemon read its configuration anew.

    It is put into force whole, or refused whole with every fault, and the old one goes on. Actions that are recorded
    already never change. The answer comes when what began by the old one has ended.
    """
    # What is wrong with the file is told without anybody's doing.
    settings_at(config, secrets=False)
    settings = settings_in_force(config)
    answer = carry_out(settings, Reload(), report=tell_under_way)
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"The configuration {answer.configuration} is in force.")
