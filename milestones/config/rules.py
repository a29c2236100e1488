"""What must hold between tables. Each rule looks at what could be read and names the key that breaks it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from milestones.config import earn_rules
from milestones.config.earn import EarnRuleTable
from milestones.config.faults import Fault, Where, nearest, overlap
from milestones.config.mail import MailSettings
from milestones.config.sections import DaemonSettings
from milestones.config.settings import SiteTable
from milestones.config.web_addresses import is_loopback, web_host
from milestones.config.wix import WixSettings


@dataclass(frozen=True)
class Draft:
    """What of a configuration could be read, after what is wrong was taken out.

    A table that cannot do without what was wrong is None, and such a site is missing.
    templates: what is wrong with the mail templates that it names, by their names.
    raw: everything as it was written, faults and all. faults: what is wrong. gone: the places that were taken out,
    which may be more.
    """

    raw: Mapping[str, Any]
    templates: Mapping[str, str]
    daemon: DaemonSettings | None
    wix: WixSettings | None
    mail: MailSettings | None
    sites: Mapping[int, SiteTable]
    earn: Mapping[int, EarnRuleTable] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    gone: Sequence[Where] = ()

    def knows(self, *places: Where) -> bool:
        """Whether what stands there is what was written: a rule must not judge by a default in its place."""
        return not any(overlap(place, out) for place in places for out in self.gone)


Rule = Callable[[Draft], Iterator[Fault]]


def find_broken(draft: Draft) -> list[Fault]:
    """Every fault that the rules find, where none was told before."""
    known = [place for fault in draft.faults for place in (fault.path, fault.meant) if place is not None]
    result = [fault for rule in RULES for fault in rule(draft)]
    return [fault for fault in result if not any(overlap(fault.path, place) for place in known)]


def _each_key_once(draft: Draft) -> Iterator[Fault]:
    yield from _find_repeated(draft.raw.get("milestones"), "key", ("milestones",))
    yield from _find_repeated(draft.raw.get("sites"), "name", ("sites",))
    yield from _find_repeated(draft.raw.get("sites"), "instance_id", ("sites",))
    yield from _find_repeated(draft.raw.get("sites"), "site_id", ("sites",))
    yield from _find_repeated(draft.raw.get("earn"), "name", ("earn",))
    for position, site in enumerate(_entries(draft.raw.get("sites"))):
        yield from _find_repeated(site.get("milestones"), "key", ("sites", position, "milestones"))
    yield from _find_repeated(draft.raw.get("external"), "name", ("external",))


def _externals_have_a_site(draft: Draft) -> Iterator[Fault]:
    names = [site.get("name") for site in _entries(draft.raw.get("sites"))]
    for position, entry in enumerate(_entries(draft.raw.get("external"))):
        where: Where = ("external", position)
        site = entry.get("site")
        if site is None and len(names) > 1:
            yield Fault((*where, "site"), f"is missing; there are {len(names)} sites, so name one of them")
        elif site is None and not names:
            yield Fault(where, "needs a site to be kept in step with; name yours in [[sites]]")
        elif isinstance(site, str) and site not in names:
            yield Fault((*where, "site"), f"is no site of this file{nearest(site, map(str, names))}")


def _find_repeated(entries: Any, key: str, where: Where) -> Iterator[Fault]:
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


def _wix_is_reachable(draft: Draft) -> Iterator[Fault]:
    wix = draft.wix
    if wix is None or wix.sandbox or wix.app_id is not None or not draft.knows(("wix",)):
        return
    if not draft.raw.get("sites"):
        yield Fault(
            ("wix",),
            "leads nowhere; give app_id, app_secret and public_key, or a [[sites]] entry with api_key and site_id, "
            "or set sandbox = true",
        )


def _site_is_reachable(draft: Draft) -> Iterator[Fault]:
    if draft.wix is None or not draft.knows(("wix", "sandbox"), ("wix", "app_id")):
        return
    nameless = 0
    for position, site in draft.sites.items():
        where: Where = ("sites", position)
        if not draft.knows((*where, "api_key"), (*where, "instance_id"), (*where, "site_id")):
            continue
        if site.api_key is not None:
            yield from _key_faults(site, where)
        elif site.site_id is not None:
            yield Fault((*where, "api_key"), "is missing; a site_id is used with an API key")
        elif site.instance_id is not None:
            if not draft.wix.sandbox and draft.wix.app_id is None:
                yield Fault((*where, "instance_id"), "needs wix.app_id, wix.app_secret and wix.public_key")
        elif not draft.wix.sandbox:
            yield Fault(where, "needs instance_id, or api_key and site_id")
        else:
            nameless += 1
            if nameless == 2:
                yield Fault(where, "is the second site without an id; the sandbox has only one")


def _key_faults(site: SiteTable, where: Where) -> Iterator[Fault]:
    if site.instance_id is not None:
        yield Fault(
            (*where, "api_key"), "cannot be had with instance_id; a site is reached in one of two ways"
        )
    if site.site_id is None:
        yield Fault((*where, "site_id"), "is missing; an API key is used with the id of the site")


def _nobody_invented_is_mailed(draft: Draft) -> Iterator[Fault]:
    if draft.wix is None or not draft.wix.sandbox:
        return
    for where, mail in _mails(draft):
        if mail.leaves_the_machine and not mail.only_to and draft.knows((*where, "only_to")):
            yield Fault(
                (*where, "transport"),
                "would mail the invented customers of the sandbox; use folder, a host on this machine, or only_to",
            )


def _readers_can_unsubscribe(draft: Draft) -> Iterator[Fault]:
    if draft.daemon is None or not draft.knows(("daemon", "public_url"), ("daemon", "listen")):
        return
    for where, mail in _mails(draft):
        ours = mail.unsubscribe == "own" and draft.knows((*where, "unsubscribe"))
        if mail.leaves_the_machine and ours and not _is_public(draft.daemon.public_url):
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
    yield from _find_endless(draft.raw.get("milestones"), ("milestones",))
    for position, site in enumerate(_entries(draft.raw.get("sites"))):
        yield from _find_endless(site.get("milestones"), ("sites", position, "milestones"))


def _find_endless(written: Any, where: Where) -> Iterator[Fault]:
    """Points raise every measure: balance, earned and the tier's. So they lift an account towards every milestone of
    the site, whichever it was that gave them; and one that repeats can be reached by them again, also over others.
    """
    milestones = _entries(written)
    repeating = [one for one in milestones if one.get("repeat") == "every" or "every_points" in one]
    if not repeating:
        return
    for position, milestone in enumerate(milestones):
        for number, reward in enumerate(_entries(milestone.get("rewards"))):
            points = reward.get("points")
            if isinstance(points, dict) and "per_account" not in points:
                yield Fault(
                    (*where, position, "rewards", number, "points"),
                    f"can reach the repeating milestone '{repeating[0].get('key')}' again and again; "
                    'bound them with per_account = "1 per 30d"',
                )


def _templates_are_there(draft: Draft) -> Iterator[Fault]:
    for where, name in list_templates(draft.raw):
        if name in draft.templates:
            yield Fault(where, draft.templates[name])


def list_templates(raw: Mapping[str, Any]) -> Iterator[tuple[Where, str]]:
    """Where templates are named, and their names, faults and all."""
    lists: list[tuple[Where, Any]] = [(("milestones",), raw.get("milestones"))]
    for position, site in enumerate(_entries(raw.get("sites"))):
        lists.append((("sites", position, "milestones"), site.get("milestones")))
    for above, milestones in lists:
        for position, milestone in enumerate(_entries(milestones)):
            where = (*above, position)
            yield from _template_below((*where, "near"), milestone.get("near"))
            for number, reward in enumerate(_entries(milestone.get("rewards"))):
                email = reward.get("email")
                if isinstance(email, str):
                    yield (*where, "rewards", number, "email"), email
                yield from _template_below((*where, "rewards", number, "email"), email)


def _template_below(where: Where, table: Any) -> Iterator[tuple[Where, str]]:
    if isinstance(table, dict) and isinstance(table.get("template"), str):
        yield (*where, "template"), table["template"]


def _earn_rules_work(draft: Draft) -> Iterator[Fault]:
    for position in draft.earn:
        if draft.knows(("earn", position)):
            yield from earn_rules.find_faults(draft.earn, position)
    names = [site.get("name") for site in _entries(draft.raw.get("sites"))]
    if draft.knows(("sites",)):
        yield from earn_rules.find_homeless(draft.earn, [name for name in names if isinstance(name, str)])


def _claims_can_be_reached(draft: Draft) -> Iterator[Fault]:
    if draft.daemon is None or not draft.knows(("daemon", "public_url"), ("daemon", "listen")):
        return
    claims = [position for position, rule in draft.earn.items() if rule.claim is not None]
    leaves = any(mail.leaves_the_machine for _, mail in _mails(draft))
    if claims and leaves and not _is_public(draft.daemon.public_url):
        yield Fault(
            ("daemon", "public_url"),
            "must be a public https:// address, since mails carry links to it that earn points "
            f"(earn[{claims[0]}])",
        )


RULES: tuple[Rule, ...] = (
    _each_key_once,
    _externals_have_a_site,
    _wix_is_reachable,
    _site_is_reachable,
    _nobody_invented_is_mailed,
    _readers_can_unsubscribe,
    _points_come_to_an_end,
    _templates_are_there,
    _earn_rules_work,
    _claims_can_be_reached,
)
