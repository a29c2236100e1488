"""What must hold between tables. Each rule looks at what could be read and names the key that breaks it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milestones.config.addresses import is_loopback, web_host
from milestones.config.faults import Fault, Where
from milestones.config.mail import MailSettings
from milestones.config.milestone import MilestoneTable
from milestones.config.sections import DaemonSettings
from milestones.config.settings import SiteTable
from milestones.config.wix import WixSettings


@dataclass(frozen=True)
class Draft:
    """What of a configuration could be read.

    A table with faults is None; of a list, the faultless entries are there, by position.
    raw: everything as it was written, faults and all.
    """

    raw: Mapping[str, Any]
    daemon: DaemonSettings | None
    wix: WixSettings | None
    mail: MailSettings | None
    milestones: Mapping[int, MilestoneTable]
    sites: Mapping[int, SiteTable]


Rule = Callable[[Draft], Iterator[Fault]]


def broken(draft: Draft) -> list[Fault]:
    """Every fault that the rules find."""
    return [fault for rule in RULES for fault in rule(draft)]


def _each_key_once(draft: Draft) -> Iterator[Fault]:
    yield from _repeated(draft.raw.get("milestones"), "key", ("milestones",))
    yield from _repeated(draft.raw.get("sites"), "name", ("sites",))
    yield from _repeated(draft.raw.get("sites"), "instance_id", ("sites",))
    yield from _repeated(draft.raw.get("sites"), "site_id", ("sites",))
    for position, site in enumerate(_entries(draft.raw.get("sites"))):
        yield from _repeated(site.get("milestones"), "key", ("sites", position, "milestones"))


def _repeated(entries: Any, key: str, where: Where) -> Iterator[Fault]:
    """What was written is looked at, so that an entry with other faults counts too."""
    first: dict[str, int] = {}
    for position, entry in enumerate(_entries(entries)):
        value = entry.get(key)
        if not isinstance(value, str):
            continue
        if value in first:
            yield Fault(
                (*where, position, key), f"'{value}' is used twice; {where[-1]}[{first[value]}] has it too"
            )
        first.setdefault(value, position)


def _entries(value: Any) -> Sequence[Mapping[str, Any]]:
    return [entry if isinstance(entry, dict) else {} for entry in value] if isinstance(value, list) else []


def _app_is_whole(draft: Draft) -> Iterator[Fault]:
    wix = draft.wix
    if wix is None or wix.sandbox:
        return
    parts = {"app_id": wix.app_id, "app_secret": wix.app_secret, "public_key": wix.public_key}
    missing = [key for key, value in parts.items() if value is None]
    if 0 < len(missing) < len(parts):
        given = next(key for key, value in parts.items() if value is not None)
        for key in missing:
            yield Fault(("wix", key), f"is missing; an app needs it beside {given}")
    if len(missing) == len(parts) and not draft.raw.get("sites"):
        yield Fault(
            ("wix",),
            "leads nowhere; give app_id, app_secret and public_key, or a [[sites]] entry with api_key and site_id, "
            "or set sandbox = true",
        )


def _site_is_reachable(draft: Draft) -> Iterator[Fault]:
    if draft.wix is None:
        return
    nameless = 0
    for position, site in draft.sites.items():
        where: Where = ("sites", position)
        if site.api_key is not None:
            if site.instance_id is not None:
                yield Fault(
                    (*where, "api_key"),
                    "cannot be had with instance_id; a site is reached in one of two ways",
                )
            if site.site_id is None:
                yield Fault((*where, "site_id"), "is missing; an API key is used with the id of the site")
        elif site.instance_id is None and site.site_id is not None:
            yield Fault((*where, "api_key"), "is missing; a site_id is used with an API key")
        elif site.instance_id is None and not draft.wix.sandbox:
            yield Fault(where, "needs instance_id, or api_key and site_id")
        elif site.instance_id is None:
            nameless += 1
            if nameless == 2:
                yield Fault(where, "is the second site without an id; the sandbox has only one")
        elif not draft.wix.sandbox and draft.wix.app_id is None:
            yield Fault((*where, "instance_id"), "needs wix.app_id, wix.app_secret and wix.public_key")


def _mail_may_leave(draft: Draft) -> Iterator[Fault]:
    for where, mail in _mails(draft):
        if not mail.leaves_the_machine:
            continue
        if draft.wix is not None and draft.wix.sandbox and not mail.only_to:
            yield Fault(
                (*where, "transport"),
                "would mail the invented customers of the sandbox; use folder, a host on this machine, or only_to",
            )
        if mail.unsubscribe == "own" and draft.daemon is not None and not _is_public(draft.daemon.public_url):
            yield Fault(
                ("daemon", "public_url"),
                "must be a public https:// address, since mail carries our own link to unsubscribe; "
                'or set mail.unsubscribe = "wix"',
            )


def _mails(draft: Draft) -> Iterator[tuple[Where, MailSettings]]:
    if draft.mail is not None:
        yield ("mail",), draft.mail
    for position, site in draft.sites.items():
        if site.mail is not None:
            yield ("sites", position, "mail"), site.mail


def _is_public(url: str) -> bool:
    return url.startswith("https://") and not is_loopback(web_host(url))


def _points_come_to_an_end(draft: Draft) -> Iterator[Fault]:
    yield from _endless(draft.milestones, ("milestones",))
    for position, site in draft.sites.items():
        if site.milestones is not None:
            yield from _endless(dict(enumerate(site.milestones)), ("sites", position, "milestones"))


def _endless(milestones: Mapping[int, MilestoneTable], where: Where) -> Iterator[Fault]:
    """Points raise every measure: balance, earned and the tier's. So they lift an account towards every milestone of
    the site, whichever it was that gave them; and one that repeats can be reached by them again, also over others.
    """
    repeating = next((milestone.key for milestone in milestones.values() if milestone.is_repeating), None)
    if repeating is None:
        return
    for position, milestone in milestones.items():
        for number, reward in enumerate(milestone.rewards):
            if reward.points is not None and reward.points.per_account is None:
                yield Fault(
                    (*where, position, "rewards", number, "points"),
                    f"can reach the repeating milestone '{repeating}' again and again; "
                    'bound them with per_account = "1 per 30d"',
                )


RULES: tuple[Rule, ...] = (
    _each_key_once,
    _app_is_whole,
    _site_is_reachable,
    _mail_may_leave,
    _points_come_to_an_end,
)
