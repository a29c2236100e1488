"""The whole configuration, frozen, and what of it holds for one site."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, PrivateAttr, SecretStr, ValidationInfo

from milestones.config.earn import EarnRuleTable
from milestones.config.external import ExternalTable
from milestones.config.mail import MailSettings
from milestones.config.milestone import MilestoneTable
from milestones.config.program import ProgramTable
from milestones.config.references import SecretValue, WixId, reference_of, surroundings
from milestones.config.sections import (
    ApiSettings,
    DaemonSettings,
    PolicySettings,
    RetentionSettings,
    ScanSettings,
    Table,
)
from milestones.config.values import Zone
from milestones.config.wix import WixSettings
from milestones.domain.crossing import ThresholdIndex
from milestones.domain.earn import EarnRule
from milestones.domain.milestone import Milestone
from milestones.domain.program import Program
from milestones.errors import UsageError
from wixsandbox.settings import SandboxSettings

HASH_LENGTH = 12
"""Hexadecimal digits: enough to tell the configurations of one installation apart, short enough for a log line."""


def _in_folder(sandbox: SandboxSettings, info: ValidationInfo) -> SandboxSettings:
    around = surroundings(info)
    if around is None or sandbox.state_file is None:
        return sandbox
    return sandbox.model_copy(update={"state_file": around.folder / sandbox.state_file})


class SiteTable(Table):
    """``[[sites]]``: how one site is reached, and what differs there.

    instance_id: with the app's authentication. api_key and site_id: one's own site, without webhooks.
    mail, brand, policy: only what differs. milestones, program: all of this site's, in place of the others.
    """

    name: str = Field(min_length=1, max_length=100)
    instance_id: WixId | None = Field(default=None, min_length=1)
    api_key: SecretValue | None = None
    site_id: WixId | None = Field(default=None, min_length=1)
    mail: MailSettings | None = None
    brand: dict[str, str] | None = None
    policy: PolicySettings | None = None
    timezone: Zone | None = None
    milestones: tuple[MilestoneTable, ...] | None = None
    program: ProgramTable | None = None


@dataclass(frozen=True)
class SiteSettings:
    """What holds for one site. ``name`` is empty for a site that the configuration does not name.

    claims: the rules that are links, and how long a link works.
    """

    name: str
    instance_id: str | None
    site_id: str | None
    api_key: SecretStr | None
    mail: MailSettings
    brand: Mapping[str, str]
    policy: PolicySettings
    timezone: ZoneInfo
    milestones: tuple[Milestone, ...]
    index: ThresholdIndex
    program: Program
    claims: Mapping[str, timedelta] = field(default_factory=dict)

    @property
    def hears_webhooks(self) -> bool:
        """Whether Wix sends events of this site: it does to an app, not to the owner of a key."""
        return self.api_key is None

    def milestone(self, key: str) -> Milestone | None:
        """The milestone of this key, if the site still has it."""
        return next((milestone for milestone in self.milestones if milestone.key == key), None)


class Source(NamedTuple):
    """What a configuration was read from. It may hold a password.

    environ: what of the environment went into it. uses: the variable groups of the templates that it names.
    """

    text: str
    environ: Mapping[str, str]
    uses: Mapping[str, frozenset[str]]


class Settings(Table):
    """``config.toml`` with the environment's overrides. Attributes are named like the keys.

    Read it with ``milestones.config.load``. Only there are the rules between tables checked.
    """

    daemon: DaemonSettings = DaemonSettings()
    wix: WixSettings = WixSettings()
    sites: tuple[SiteTable, ...] = ()
    mail: MailSettings
    brand: dict[str, str] = Field(default_factory=dict)
    scan: ScanSettings = ScanSettings()
    policy: PolicySettings = PolicySettings()
    retention: RetentionSettings = RetentionSettings()
    api: ApiSettings = ApiSettings()
    sandbox: Annotated[SandboxSettings, AfterValidator(_in_folder)] = SandboxSettings()
    milestones: tuple[MilestoneTable, ...] = ()
    program: ProgramTable = ProgramTable()
    earn: tuple[EarnRuleTable, ...] = ()
    external: tuple[ExternalTable, ...] = ()

    _path: Path = PrivateAttr(Path("config.toml"))
    _warnings: tuple[str, ...] = PrivateAttr(())
    _source: Source = PrivateAttr(Source("", {}, {}))
    # What is worked out once. It must not be copied along with other fields: see __copy__.
    _derived: dict[Any, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def assemble(cls, tables: Mapping[str, Any], path: Path, warnings: Iterable[str], source: Source) -> Self:
        """From tables that were read one by one. path: the file they stood in."""
        settings = cls(**tables)
        settings._path = path
        settings._warnings = tuple(warnings)
        settings._source = source
        return settings

    def __copy__(self) -> Self:
        copied = super().__copy__()
        copied._derived = {}  # noqa: SLF001 - one's own
        return copied

    @property
    def path(self) -> Path:
        """The file that this was read from."""
        return self._path

    @property
    def source(self) -> Source:
        """What this was read from: the file may have changed since."""
        return self._source

    @property
    def folder(self) -> Path:
        """Where relative paths start."""
        return self._path.absolute().parent

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences on what is allowed and probably not meant."""
        return self._warnings

    @property
    def hash(self) -> str:
        """Short name of what this says; the same on every machine. Of a secret it knows only where it is kept."""
        if "hash" not in self._derived:
            content = json.dumps(self.model_dump(mode="json", context=self.folder), sort_keys=True)
            self._derived["hash"] = hashlib.sha256(content.encode()).hexdigest()[:HASH_LENGTH]
        return str(self._derived["hash"])

    def for_site(self, site_key: str) -> SiteSettings:
        """What holds for a site, by its instance id or site id; for one that is not named, what holds for all.

        On the sandbox, whose ids nobody knows beforehand, an entry without ids is that site.
        """
        return self._site(self._position(site_key))

    def list_sites(self) -> tuple[SiteSettings, ...]:
        """What holds for each of ``[[sites]]``, in their order."""
        return tuple(self._site(position) for position in range(len(self.sites)))

    def list_earn_rules(self) -> tuple[EarnRule, ...]:
        """The rules by which outside events and claims earn points. Raises UsageError where a secret is not there."""
        if "earn" not in self._derived:
            self._derived["earn"] = tuple(rule.definition(self.earn_site(rule)) for rule in self.earn)
        result: tuple[EarnRule, ...] = self._derived["earn"]
        return result

    def find_earn_rule(self, name: str) -> EarnRule | None:
        """The rule of this name without its secrets: for what was found genuine before."""
        found = next((rule for rule in self.earn if rule.name == name), None)
        return None if found is None else found.definition(self.earn_site(found), secrets=False)

    def earn_site(self, rule: EarnRuleTable) -> str:
        """The name of the site whose points a rule gives."""
        return rule.site or (self.sites[0].name if self.sites else "")

    def externals_of(self, site_key: str) -> tuple[ExternalTable, ...]:
        """The programs with which a site is kept in step. One that names no site is that of the only one."""
        name = self.for_site(site_key).name
        return tuple(one for one in self.external if name and one.site in {name, None})

    def webhook_secret(self, reference: str) -> SecretStr:
        """The secret of an outgoing webhook, by the name that was recorded with the action. Raises UsageError."""
        for milestone in self._all_milestones():
            for secret in (secret for reward in milestone.rewards for secret in reward.table.secrets()):
                if reference_of(secret) == reference:
                    return secret
        raise UsageError(
            f"The configuration no longer names the secret {reference}, with which a webhook is to be signed. "
            "Put it back, or cancel the action."
        )

    def _all_milestones(self) -> list[MilestoneTable]:
        return [*self.milestones, *(own for site in self.sites for own in site.milestones or ())]

    def _position(self, site_key: str) -> int | None:
        if "positions" not in self._derived:
            ids = {
                key: position
                for position, site in enumerate(self.sites)
                for key in (site.instance_id, site.site_id)
                if key is not None
            }
            nameless = [i for i, site in enumerate(self.sites) if not (site.instance_id or site.site_id)]
            self._derived["positions"] = ids, nameless[0] if self.wix.sandbox and nameless else None
        ids, otherwise = self._derived["positions"]
        result: int | None = ids.get(site_key, otherwise)
        return result

    def _site(self, position: int | None) -> SiteSettings:
        if ("site", position) not in self._derived:
            self._derived["site", position] = self._effective(position)
        result: SiteSettings = self._derived["site", position]
        return result

    def _effective(self, position: int | None) -> SiteSettings:
        site = None if position is None else self.sites[position]
        if site is not None and site.milestones is None:
            # Of a thousand sites, most have these; they are worked out once.
            general = self._site(None)
            milestones, index = general.milestones, general.index
        else:
            milestones = self._define(self.milestones if site is None else site.milestones or ())
            index = ThresholdIndex.of(milestones)
        return SiteSettings(
            name="" if site is None else site.name,
            instance_id=None if site is None else site.instance_id,
            site_id=None if site is None else site.site_id,
            api_key=None if site is None else site.api_key,
            mail=(site and site.mail) or self.mail,
            brand=(site and site.brand) or self.brand,
            policy=(site and site.policy) or self.policy,
            timezone=(site and site.timezone) or self.daemon.timezone,
            milestones=milestones,
            index=index,
            program=((site and site.program) or self.program).definition(),
            claims={
                rule.name: rule.claim.valid_for
                for rule in self.earn
                if site is not None and rule.claim is not None and self.earn_site(rule) == site.name
            },
        )

    def _define(self, tables: Iterable[MilestoneTable]) -> tuple[Milestone, ...]:
        # What the templates use was read with the file; a reload reads them anew.
        return tuple(table.definition(self._source.uses.__getitem__) for table in tables)
