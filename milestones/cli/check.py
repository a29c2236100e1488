"""``milestones check``: whether the configuration and the templates are sound, and what they amount to."""

import asyncio
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_at
from milestones.cli.outcome import Outcome, Trial
from milestones.cli.summary import lines, summary
from milestones.cli.templates import require_sound
from milestones.config import Settings, templates_folder
from milestones.errors import ConfigurationError
from milestones.kinds.email.template_check import faults

app = typer.Typer()


@app.command()
def check(
    config: ConfigPath = DEFAULT,
    online: Annotated[
        bool,
        typer.Option("--online", help="Also try Wix, the mail server and DNS. Changes and sends nothing."),
    ] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of config.toml, for editors, and stop.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Validate the configuration and the templates.

    Shows every fault with its place, then what is allowed and probably not meant, then what is configured.
    Exits with 2 if there is a fault, and with 1 if something that was tried online failed.
    """
    if schema:
        typer.echo(json.dumps(json_schema(), indent=2))
        return
    try:
        settings = settings_at(config)
        require_sound(settings)
    except ConfigurationError as error:
        result = [*error.faults, *_other_template_faults(config, error.faults)]
        if as_json:
            typer.echo(json.dumps({"ok": False, "faults": result}, indent=2))
            raise typer.Exit(error.exit_code) from None
        raise ConfigurationError(result) from None
    tried = asyncio.run(_try_everything(settings)) if online else []
    if as_json:
        _tell_a_machine(settings, tried)
    else:
        _tell(settings, tried)
    if any(trial.outcome is Outcome.FAILED for trial in tried):
        raise typer.Exit(1)


def json_schema() -> dict[str, Any]:
    """The schema of ``config.toml``."""
    schema = Settings.model_json_schema()
    # A site says of its mail only what differs, so that nothing is required of it there.
    tables = schema["$defs"]
    tables["MailOfASite"] = {
        name: field for name, field in tables["MailSettings"].items() if name != "required"
    }
    tables["SiteTable"]["properties"]["mail"] = {"$ref": "#/$defs/MailOfASite"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Milestones"}


def _other_template_faults(config: Path, known: list[str]) -> list[str]:
    """What is wrong with the templates whatever mails are made from them, since the configuration cannot say which."""
    folder = templates_folder(config, os.environ)
    if folder is None or not folder.is_dir():
        return []
    return [
        fault for fault in faults(folder, {}) if not any(fault.split(": ")[0] in other for other in known)
    ]


async def _try_everything(settings: Settings) -> list[Trial]:
    # Imported here because the mail and Wix clients and DNS are needed for this option alone.
    from milestones.app.http import create_client  # noqa: PLC0415
    from milestones.cli.dns import text_records  # noqa: PLC0415
    from milestones.cli.online import trials  # noqa: PLC0415

    async with create_client(timeout=10) as http:
        return [trial async for trial in trials(settings, http, lambda: datetime.now(UTC), text_records)]


def _tell_a_machine(settings: Settings, tried: list[Trial]) -> None:
    answer = {
        "ok": all(trial.outcome is not Outcome.FAILED for trial in tried),
        "faults": [],
        "warnings": settings.warnings,
        "summary": summary(settings),
        "online": [trial._asdict() for trial in tried],
    }
    typer.echo(json.dumps(answer, indent=2))


def _tell(settings: Settings, tried: list[Trial]) -> None:
    typer.echo(f"{settings.path} and its templates are valid.")
    for warning in settings.warnings:
        typer.echo(f"Note: {warning}")
    typer.echo()
    for line in lines(summary(settings)):
        typer.echo(line)
    if tried:
        typer.echo()
    for trial in tried:
        typer.echo(f"{trial.outcome.value:<9}{trial.what}: {trial.sentence}")
