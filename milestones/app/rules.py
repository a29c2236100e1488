"""The rules by which is decided, and the sites for which: both follow from the configuration in force."""

from dataclasses import dataclass, field
from datetime import datetime

from milestones.app.assembly import Wix
from milestones.config.settings import Settings, SiteSettings
from milestones.pipeline.context import SiteRules
from milestones.store import sites
from milestones.store.database.store import Transaction


@dataclass(slots=True)
class ConfiguredRules:
    """``pipeline.context.Rules`` from the configuration in force. A reload sets ``settings``; nobody else keeps them."""

    settings: Settings
    secret: bytes = field(repr=False)

    def site(self, site_id: str) -> SiteRules:
        """The rules of a site, also of one that the configuration does not name."""
        site = self.settings.for_site(site_id)
        return SiteRules(
            milestones=site.milestones,
            breaker=site.policy.breaker,
            configuration=self.settings.hash,
            shadow=self.settings.daemon.mode == "shadow",
            name=site.name or None,
            timezone=site.timezone,
        )

    def new_site(self, site_id: str) -> str:
        """A site that is named in the configuration is active; any other is what ``wix.new_sites`` says."""
        return "active" if self.settings.for_site(site_id).name else self.settings.wix.new_sites


def list_site_ids(settings: Settings, wix: Wix) -> list[str]:
    """The sites that a configuration names, by the id under which Wix knows them."""
    return [_site_id(site, wix) for site in settings.list_sites()]


def find_site_id(settings: Settings, wix: Wix, name: str) -> str | None:
    """The id of the site with this name, as the configuration has it."""
    found = next((site for site in settings.list_sites() if site.name == name), None)
    return None if found is None else _site_id(found, wix)


def _site_id(site: SiteSettings, wix: Wix) -> str:
    if site.instance_id is None and site.site_id is None and wix.sandbox is not None:
        return wix.sandbox.credentials.instance_id
    site_id = site.site_id if site.api_key is not None else site.instance_id
    assert site_id is not None, "the configuration names one of the two"
    return site_id


async def take_on_sites(tx: Transaction, rules: ConfiguredRules, wix: Wix, now: datetime) -> None:
    """Make the configured sites active and bring their definitions up to date."""
    for site_id in list_site_ids(rules.settings, wix):
        of_site = rules.site(site_id)
        await sites.take_on(tx, site_id, of_site.name, now)
        await sites.define(tx, site_id, of_site.milestones, now)
