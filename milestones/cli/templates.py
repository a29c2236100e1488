"""Whether the mail templates fit the configuration."""

from milestones.config import Settings
from milestones.errors import ConfigurationError
from milestones.kinds.email.template_check import faults
from milestones.kinds.email.variables import requirements


def require_sound(settings: Settings) -> None:
    """Raise ConfigurationError with every fault that would keep a mail from being made."""
    needed: dict[str, frozenset[str]] = {}
    claims = [rule.name for rule in settings.earn if rule.claim is not None]
    # A site that is not named has no claims; but only where it is active is anybody mailed for it.
    nameless = () if settings.wix.new_sites == "active" else claims
    for site in (settings.for_site(""), *settings.list_sites()):
        for template, variables in requirements(
            site.milestones, site.brand, site.claims if site.name else nameless
        ).items():
            needed[template] = needed.get(template, variables) & variables
    if result := faults(settings.daemon.templates, needed, claims):
        raise ConfigurationError(result)
