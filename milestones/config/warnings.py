"""What is allowed and probably not meant, in sentences. Nothing here keeps the daemon from starting."""

from collections.abc import Iterator

from milestones.config.faults import Fault, Where
from milestones.config.mail import MailSettings
from milestones.config.milestone import MilestoneTable
from milestones.config.program import ProgramTable
from milestones.config.settings import Settings
from milestones.config.web_addresses import is_loopback, web_host
from milestones.domain.observation import Measure


def list_warnings(settings: Settings) -> list[Fault]:
    """Every warning, at its place."""
    return [
        *_measures(settings),
        *_empty(settings),
        *_program(settings),
        *_wix(settings),
        *_mail(settings),
        *_earn(settings),
    ]


def _tables(settings: Settings) -> Iterator[tuple[Where, MilestoneTable]]:
    for position, milestone in enumerate(settings.milestones):
        yield ("milestones", position), milestone
    for number, site in enumerate(settings.sites):
        for position, milestone in enumerate(site.milestones or ()):
            yield ("sites", number, "milestones", position), milestone


def _measures(settings: Settings) -> Iterator[Fault]:
    for where, milestone in _tables(settings):
        if milestone.measure is not Measure.TIER_POINTS:
            continue
        yield Fault(
            (*where, "measure"),
            "tier_points cannot be searched for: only webhooks and the sweep tell of them",
        )
        if milestone.near is not None:
            yield Fault(
                (*where, "near"), "a scan cannot find who is near in tier_points; only the sweep will remind"
            )


def _empty(settings: Settings) -> Iterator[Fault]:
    if not any(True for _ in _tables(settings)):
        yield Fault(("milestones",), "there are none, so nothing will be given")
    for where, milestone in _tables(settings):
        if not milestone.rewards and milestone.near is None:
            yield Fault(where, "gives nothing and reminds nobody")
        elif milestone.near is not None and milestone.near.within == (
            milestone.every_points or milestone.threshold
        ):
            yield Fault((*where, "near", "within"), "takes in every customer, down to no points at all")


def _program(settings: Settings) -> Iterator[Fault]:
    programs: list[tuple[Where, ProgramTable]] = [((), settings.program)]
    programs += [
        (("sites", number), site.program)
        for number, site in enumerate(settings.sites)
        if site.program is not None
    ]
    for where, program in programs:
        window = program.tiers.window
        if window is not None and window < 12:
            yield Fault(
                (*where, "program", "tiers", "window"),
                "is less than the 12 months that Wix names as the least",
            )


def _wix(settings: Settings) -> Iterator[Fault]:
    if settings.wix.sandbox and settings.wix.app_id is not None:
        yield Fault(("wix", "sandbox"), "is true, so app_id, app_secret and public_key are not used")
    for number, site in enumerate(settings.sites):
        if settings.wix.sandbox and site.instance_id is not None:
            yield Fault(
                ("sites", number, "instance_id"),
                "is asked of the simulated Wix, whose only site has an id of its own; without it, this is that site",
            )
        if site.api_key is not None:
            yield Fault(
                ("sites", number, "api_key"),
                "with a key no webhooks come: what was reached is found by the scan alone (scan.every)",
            )


def _mail(settings: Settings) -> Iterator[Fault]:
    if settings.daemon.mode == "shadow":
        yield Fault(("daemon", "mode"), "is shadow: everything is decided and recorded, and nothing is sent")
    general = dict(_mail_doubts(settings, settings.mail))
    yield from (Fault(("mail", key), sentence) for key, sentence in general.items())
    for number, site in enumerate(settings.sites):
        if site.mail is None:
            continue
        for key, sentence in _mail_doubts(settings, site.mail):
            # What a site only inherits was told where it stands.
            if key not in general or getattr(site.mail, key) != getattr(settings.mail, key):
                yield Fault(("sites", number, "mail", key), sentence)


def _mail_doubts(settings: Settings, mail: MailSettings) -> Iterator[tuple[str, str]]:
    """Keys of a mail table, and what is doubtful about each. Goes into the log, so no address may be named."""
    if mail.only_to:
        yield "only_to", "mail leaves for these addresses alone"
    if mail.leaves_the_machine and mail.tls == "none":
        yield "tls", "is none: mail goes to the server in the clear"
    if not settings.wix.sandbox and mail.transport == "folder" and settings.daemon.mode == "live":
        yield "transport", "is folder: mail is kept in a folder and reaches nobody"


def _earn(settings: Settings) -> Iterator[Fault]:
    for position, rule in enumerate(settings.earn):
        if rule.signature is not None and rule.signature.type != "hmac":
            yield Fault(
                ("earn", position, "signature"), "signs nothing: whoever knows its secret may send anything"
            )
    reachable = settings.wix.sandbox or not is_loopback(web_host(settings.daemon.public_url))
    if settings.earn and not reachable:
        yield Fault(
            ("daemon", "public_url"),
            "is of this machine alone, so no service and no customer reaches [[earn]]",
        )
