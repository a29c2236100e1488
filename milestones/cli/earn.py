"""``milestones earn``: rules for outside events, tried out on a sample; and what is known of services."""

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from milestones.cli.options import DEFAULT, AsJson, ConfigPath
from milestones.cli.readonly import NoDatabaseError, open_view
from milestones.cli.render import print_json, printable
from milestones.config import Settings, load
from milestones.config.earn_presets import PRESETS
from milestones.config.values import plural
from milestones.domain.earn import EarnRule, Part, Place, Who
from milestones.earn.door import understand
from milestones.earn.handshake import Answer
from milestones.earn.reading import Reading
from milestones.earn.received import Received
from milestones.earn.record import Outcome
from milestones.earn.signature import sign, verify
from milestones.earn.trial import Trial, Tried, try_unknown
from milestones.errors import UsageError
from milestones.formats import toml
from milestones.formats.expressions import JmesPath
from milestones.formats.mail_addresses import is_address
from milestones.store import sites
from milestones.store.tables import SiteState
from milestones.views.lookup import get_secret

app = typer.Typer(no_args_is_help=True)

LARGEST_SAMPLE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """What a trial came to, as it is told. handshake: what is answered to one. fault: why the body cannot be read."""

    rule: str
    address: str
    signed: tuple[str, ...]
    note: str = ""
    handshake: str = ""
    fault: str = ""
    events: tuple[Tried, ...] = ()

    @property
    def earns(self) -> bool:
        """Whether it would come to something."""
        return bool(self.handshake) or any(one.outcome is Outcome.EARNED for one in self.events)


@app.command("test")
def try_rule(
    rule: Annotated[str, typer.Argument(metavar="RULE", help="The name of one of [[earn]].")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A body as the service sends it; - reads it here.")
    ],
    email: Annotated[
        str, typer.Option("--email", metavar="ADDRESS", help="As if the events named this customer.")
    ] = "",
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="NAME=VALUE", help="A header that the service sends along."),
    ] = None,
    as_json: AsJson = False,
    config: ConfigPath = DEFAULT,
) -> None:
    """Sign a sample as the service would, and show what would become of it. Nothing is recorded and nothing sent.

    Exit code 0 where it would earn points or is a handshake, 1 where it would not.
    """
    # Of the secrets, that of this rule alone is needed.
    settings = load(config, os.environ, secrets=False)
    if email and not is_address(email):
        raise UsageError("--email is no mail address.")
    found, headers = _find(settings, rule), _headers(header or [])
    if email:
        found = _name(found, email)
    report = asyncio.run(_try(settings, found, _read(file), headers))
    if as_json:
        print_json(report)
    else:
        _tell(report)
    if not report.earns:
        raise typer.Exit(1)


def _find(settings: Settings, name: str) -> EarnRule:
    found = next((one for one in settings.earn if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in settings.earn) or "none"
        raise UsageError(f"There is no rule {name!r} among [[earn]]; there are {known}.")
    if found.claim is not None:
        raise UsageError(
            f"The rule {name} is a claim: a link that customers click. No service sends it events."
        )
    return found.definition(settings.earn_site(found))


def _name(rule: EarnRule, email: str) -> EarnRule:
    """The rule as if every event named this address."""
    assert rule.event is not None, "it is no claim"
    literal = "`" + json.dumps(email).replace("`", "\\`") + "`"
    place = Place(Part.EVENT, literal, JmesPath.parse(literal))
    return replace(rule, event=replace(rule.event, who=Who.EMAIL, person=place))


def _read(file: Path) -> bytes:
    if str(file) == "-":
        body = sys.stdin.buffer.read(LARGEST_SAMPLE + 1)
    else:
        with file.open("rb") as opened:
            body = opened.read(LARGEST_SAMPLE + 1)
    if len(body) > LARGEST_SAMPLE:
        raise UsageError(
            f"The sample has more than {LARGEST_SAMPLE:,} bytes, of which a service would be answered 413."
        )
    return body


def _headers(written: Sequence[str]) -> dict[str, str]:
    pairs = [one.partition("=") for one in written]
    if not all(name.strip() and equals for name, equals, _ in pairs):
        raise UsageError("--header is written NAME=VALUE, such as X-GitHub-Event=star.")
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _try(settings: Settings, rule: EarnRule, body: bytes, headers: dict[str, str]) -> Report:
    assert rule.event is not None, "it is no claim"
    address = f"{settings.daemon.public_url}/webhooks/in/{rule.path}"
    now = datetime.now(UTC)
    signed = sign(rule.event.signature, body, address, now)
    received = Received(body, {**headers, **signed}, address, now)
    verify(rule.event.signature, received)
    about = Report(rule.name, address, tuple(signed))
    try:
        understood = understand(rule, received)
    except ValueError as error:
        return replace(about, fault=f"The body {error}. It would be kept, for `milestones rejected list`.")
    if isinstance(understood, Answer):
        return replace(about, handshake=understood.text)
    events, note = await _look_up(settings, rule, understood, now)
    return replace(about, events=tuple(events), note=note)


async def _look_up(
    settings: Settings, rule: EarnRule, readings: Sequence[Reading], now: datetime
) -> tuple[list[Tried], str]:
    """What would become of the events, and a sentence on what it rests on."""
    trial = Trial(rule, b"", "", now)
    try:
        async with open_view(settings) as tx:
            known = [one for one in await sites.list_sites(tx) if one.name == rule.site]
            if not known:
                readings = await asyncio.to_thread(trial.name_customers, readings)
                return try_unknown(
                    rule, readings
                ), f"The site {rule.site} was not taken on yet, so nobody is known."
            site = known[0]
            trial = Trial(rule, await get_secret(tx), site.id, now)
            readings = await asyncio.to_thread(trial.name_customers, readings)
            note = (
                ""
                if site.state == SiteState.ACTIVE
                else (f"The site {rule.site} is {site.state}: every event would be answered 404.")
            )
            return await trial.try_all(tx, readings), note
    except NoDatabaseError as error:
        readings = await asyncio.to_thread(trial.name_customers, readings)
        return try_unknown(rule, readings), f"{error} So nobody is known."


_STEPS = {
    "contact": "the contact is looked for in Wix by the address, and made where the rule says so",
    "account": "an account is opened",
    "points": "the points are earned",
}


def _tell(report: Report) -> None:
    lines = [
        f"The rule {report.rule}, at {report.address}",
        f"Signed as the service would, in {', '.join(report.signed)}: genuine.",
    ]
    if report.handshake:
        lines.append(f"It is a handshake, and is answered: {report.handshake}")
    if report.fault:
        lines.append(report.fault)
    if not report.events and not report.handshake and not report.fault:
        lines.append("The body holds no event, so nothing would be done.")
    for number, event in enumerate(report.events, 1):
        lines += _describe(f"Event {number} of {len(report.events)}", event)
    if report.note:
        lines.append(report.note)
    lines.append("Nothing was recorded.")
    typer.echo(printable("\n".join(lines)))


def _describe(which: str, event: Tried) -> list[str]:
    if not event.customer:
        kept = " It would be kept, for `milestones rejected list`." if event.outcome is Outcome.UNREAD else ""
        return [f"{which}: nothing. {event.why}{kept}"]
    worth = f"{plural(event.points, 'point')} for {event.customer}"
    lines = [f"{which}: {worth}." if event.outcome is Outcome.EARNED else f"{which}: no {worth}. {event.why}"]
    if event.account:
        lines.append(f"  The account {event.account} has it.")
    elif event.steps:
        lines.append(
            f"  Nobody is known by that here, so {'; then '.join(_STEPS[step] for step in event.steps)}."
        )
    if event.key:
        lines.append(f"  The order would be earn {event.key}.")
    return lines


@app.command()
def show(
    preset: Annotated[str, typer.Argument(metavar="PRESET", help=f"One of {', '.join(PRESETS)}.")],
) -> None:
    """Print what a preset fills into a rule, where that is known from, and what of it nobody has verified."""
    if preset not in PRESETS:
        raise UsageError(f"There is no preset {preset!r}; there are {', '.join(PRESETS)}.")
    found = PRESETS[preset]
    typer.echo(f"# Known from {found.source}.")
    for sentence in found.unverified:
        typer.echo(f"# Not known, or to be written: {sentence}")
    for key, value in found.keys.items():
        typer.echo(f"{toml.write_key(key)} = {toml.write_value(value)}")
