"""``config.toml`` and the environment, as frozen settings.

Read it with ``load``, which tells every fault at once, with its place. ``Settings`` has one attribute for each table
of the file and each key in it; ``Settings.for_site`` gives what holds for one site, with milestones as the rules know
them.
"""

from milestones.config.load import load, parse, restore, templates_folder
from milestones.config.mail import MailSettings
from milestones.config.references import Secret
from milestones.config.sections import (
    DaemonSettings,
    PolicySettings,
    RetentionSettings,
    ScanSettings,
)
from milestones.config.settings import Settings, SiteSettings, SiteTable, Source
from milestones.config.socket import list_sockets
from milestones.config.wix import WixSettings

__all__ = [
    "DaemonSettings",
    "MailSettings",
    "PolicySettings",
    "RetentionSettings",
    "ScanSettings",
    "Secret",
    "Settings",
    "SiteSettings",
    "SiteTable",
    "Source",
    "WixSettings",
    "list_sockets",
    "load",
    "parse",
    "restore",
    "templates_folder",
]
