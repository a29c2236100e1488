"""What a configuration amounts to, in the fewest words."""

from typing import Any

from milestones.config import Settings
from milestones.config.database import PostgresAddress, read_address
from milestones.config.earn import EarnRuleTable
from milestones.config.values import duration_text, plural
from milestones.domain.milestone import Milestone, Repeat
from milestones.domain.program import Program


def summary(settings: Settings) -> dict[str, Any]:
    """For machines, and in this order for people. Holds no secret."""
    everybody = settings.for_site("")
    return {
        "configuration": settings.hash,
        "mode": settings.daemon.mode,
        "wix": _wix(settings),
        "serves": f"{settings.daemon.listen}, reached at {settings.daemon.public_url}",
        "database": _database(settings),
        "mail": _mail(settings),
        "scan": f"every {_schedule(settings.scan.every)}; all accounts every {_schedule(settings.scan.sweep)}",
        "sites": [site.name for site in settings.sites],
        **({"program": _program(everybody.program)} if everybody.program.says_something else {}),
        **({"earn": {rule.name: _earn(rule) for rule in settings.earn}} if settings.earn else {}),
        "milestones": {milestone.key: describe(milestone) for milestone in everybody.milestones},
        "of their own": {
            site.name: {milestone.key: describe(milestone) for milestone in site.milestones}
            for site in settings.list_sites()
            if site.milestones != everybody.milestones
        },
    }


def _earn(rule: EarnRuleTable) -> str:
    """A rule for outside events or clicks, in one line."""
    worth = plural(rule.points, "point") if isinstance(rule.points, int) else f"points by {rule.points.text}"
    if rule.claim is not None:
        return f"{worth} for a click, once, on the way to {rule.claim.url}"
    return f"{worth} for events at /webhooks/in/{rule.address}{f' ({rule.preset})' if rule.preset else ''}"


def _program(program: Program) -> str:
    """What the file wants of the loyalty program, in one line."""
    lists = {
        "earning rule": program.earn,
        "reward": program.rewards,
        "tier": program.tiers,
        "badge": program.badges,
    }
    said = [plural(len(entries), noun) for noun, entries in lists.items() if entries is not None]
    name = str(program.details.get("name", "the loyalty program"))
    return f"{name}: {', '.join(said)}" if said else name


def describe(milestone: Milestone) -> str:
    """A milestone in one line."""
    settle = f" and kept for {duration_text(milestone.settle_for)}" if milestone.settle_for else ""
    near = f"; told {milestone.near.within:,} before ({milestone.near.template})" if milestone.near else ""
    gives = ", ".join(reward.summarize() for reward in milestone.rewards) or "nothing"
    return f"{_describe_threshold(milestone)}{settle}{near}; gives {gives}"


def _describe_threshold(milestone: Milestone) -> str:
    points = f"{milestone.threshold:,}"
    match milestone.repeat:
        case Repeat.ONCE:
            return f"{milestone.measure} {points}, once"
        case Repeat.EVERY:
            return f"{milestone.measure} {points}, again after falling below {milestone.rearm_below:,}"
        case Repeat.LADDER:
            return f"{milestone.measure}, every {points}"


def _wix(settings: Settings) -> str:
    if settings.wix.sandbox:
        return f"the sandbox, with {settings.sandbox.customers:,} customers, on port {settings.sandbox.port}"
    ways = [f"the app {settings.wix.app_id}"] if settings.wix.app_id else []
    keys = sum(1 for site in settings.sites if site.api_key is not None)
    ways += [f"{keys} API key{'s' if keys > 1 else ''}"] if keys else []
    return f"{settings.wix.api_url}, by {' and '.join(ways)}"


def _database(settings: Settings) -> str:
    address = read_address(settings.daemon.database.get_secret_value())
    if isinstance(address, PostgresAddress):
        return f"PostgreSQL, {address.name} on {address.host or 'this machine'}"
    return f"SQLite, {address}"


def _mail(settings: Settings) -> str:
    mail = settings.mail
    way = f"into {mail.folder}" if mail.transport == "folder" else f"by {mail.host}:{mail.port} ({mail.tls})"
    return f"{way}, from {mail.sender}"


def _schedule(value: Any) -> str:
    return value if isinstance(value, str) else duration_text(value)


def lines(found: dict[str, Any]) -> list[str]:
    """The summary as a person reads it."""
    rows: list[str] = []
    for name, value in found.items():
        if isinstance(value, dict):
            rows += _table(name, value)
        elif isinstance(value, list):
            rows += [f"{name:<14}{', '.join(value)}"] if value else []
        else:
            rows.append(f"{name:<14}{value}")
    return rows


def _table(name: str, rows: dict[str, Any]) -> list[str]:
    told: list[str] = []
    for key, value in rows.items():
        inner = value if isinstance(value, dict) else {key: value}
        site = f"{key}: " if isinstance(value, dict) else ""
        told += [f"{'' if told else name:<14}{site}{milestone}: {text}" for milestone, text in inner.items()]
    return told
