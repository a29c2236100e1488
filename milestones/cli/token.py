"""``milestones token``: who may call the API, and for what."""

from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

import typer

from milestones.cli import render
from milestones.cli.options import DEFAULT, AsJson, ConfigPath, settings_in_force
from milestones.cli.remote import carry_out
from milestones.cli.render import print_json, text, when
from milestones.commands.models.tokens import CreateToken, ListTokens, RevokeToken
from milestones.config.values import duration
from milestones.config.web_addresses import is_loopback
from milestones.domain.token import Scope
from milestones.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Who may call the API at /api/v1, and for what.")

_LONGEST = timedelta(days=3653)


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you call it, such as till-2.")],
    scopes: Annotated[
        list[Scope], typer.Option("--scope", help="What it is good for; several with several --scope.")
    ],
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="90d", help="For how long; without it, until revoked.")
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Make a token and print it, this once: only a hash of it is kept.

    read looks at customers, orders and how things stand; points makes accounts, adjusts and earns; redeem redeems
    rewards; admin pauses, resumes, moves what is owed, and may do everything that the others may.
    """
    settings = settings_in_force(config)
    command = CreateToken(title=name, scope=frozenset(scopes), expires=_expires(expires))
    answer = carry_out(settings, command)
    if as_json:
        print_json(answer)
        return
    # The token alone on stdout, so that TOKEN=$(milestones token create ...) holds it.
    typer.echo(answer.token)
    typer.echo("This is the only time that it is shown. Send it as `Authorization: Bearer TOKEN`.", err=True)
    url = settings.daemon.public_url
    if url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
        typer.echo("Without HTTPS (daemon.public_url) the network can read it on its way.", err=True)


def _expires(told: str | None) -> timedelta | None:
    if told is None:
        return None
    try:
        found = duration(told)
    except ValueError as error:
        raise UsageError(f"--expires {error}.") from None
    if found > _LONGEST:
        raise UsageError("--expires is at most ten years; without it, a token is good until it is revoked.")
    return found


@app.command("list")
def list_tokens(as_json: AsJson = False, config: ConfigPath = DEFAULT) -> None:
    """Show every token: what it is good for, since when, until when, and when it was used last."""
    settings = settings_in_force(config)
    found = carry_out(settings, ListTokens()).tokens
    if as_json:
        print_json(found)
        return
    shown = render.console()
    if not found:
        shown.print("There is no token yet. `milestones token create` makes one.")
        return
    zone = settings.daemon.timezone
    rows = render.table("name", "good for", "state", "last used")
    for one in found:
        made = f"made {when(one.created_at, zone)}"
        until = f"\n[dim]until {when(one.expires_at, zone)}[/]" if one.expires_at else ""
        rows.add_row(
            f"{text(one.title)}\n[dim]mst_{one.name}[/]",
            ", ".join(one.scopes),
            f"{one.state.replace('_', ' ')}\n[dim]{made}[/]{until}",
            when(one.last_used_at, zone) if one.last_used_at else "never",
        )
    shown.print(rows)


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, or what it begins with.")],
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Withdraw a token. It opens nothing from that moment on, not even for a call that is under way."""
    bare = name.removeprefix("mst_").partition("_")[0] if name.startswith("mst_") else name
    answer = carry_out(settings_in_force(config), RevokeToken(token=bare))
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"The token {answer.title} (mst_{answer.name}) is revoked.")
