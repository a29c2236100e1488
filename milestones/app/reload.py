"""What a reload builds, and swaps in one step."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from milestones.app.build import read_public_key
from milestones.app.rules import ConfiguredRules, list_site_ids, take_on_sites
from milestones.app.runtime import Runtime
from milestones.config.settings import Settings
from milestones.errors import ConfigurationError
from milestones.kinds.email.rendering import Catalogue
from milestones.store.database.store import Transaction
from milestones.store.outbox import rests

T = TypeVar("T")

Plan = Callable[[Transaction], Awaitable[T]]

AT_START = {
    "daemon": ("listen", "database", "socket", "password_file", "log", "log_level"),
    "wix": ("sandbox", "api_url", "app_id", "app_secret", "requests_per_minute", "internal_root"),
    "scan": ("misfire_grace",),
}
"""Keys that are read at the start only, by their table."""


async def reload(runtime: Runtime, settings: Settings, plan: Plan[T]) -> T:
    """Swap the configuration in one step, with the sites and definitions that follow from it.

    plan: reads what else follows from the settings, in the transaction that takes them on; its answer is returned.
    Everything that can fail is built first, so that nothing of a refused configuration is in force, not for a
    moment. Raises ConfigurationError for what cannot be built, or not be changed while it runs, and StoreError.
    """
    if fixed := _list_changed_at_start(runtime.settings, settings):
        raise ConfigurationError(
            [
                f"{key}: was changed, and is read at the start only. Restart the daemon, or change it back."
                for key in fixed
            ]
        )
    wix, assembly = runtime.wix, runtime.assembly
    public_key = wix.public_key if wix.sandbox is not None else read_public_key(settings)
    catalogue = Catalogue(settings.daemon.templates)
    parts = assembly.build_parts(settings, catalogue, list_site_ids(settings, wix))
    rules = ConfiguredRules(settings, runtime.rules.secret)
    async with runtime.store.write() as tx:
        await take_on_sites(tx, rules, wix, runtime.clock())
        await rests.forget(tx, runtime.clock())
        planned = await plan(tx)
    # From the commit to here nobody else had a turn, so no transaction decides by old rules on new definitions.
    runtime.rules.settings = settings
    wix.public_key = public_key
    assembly.renew(catalogue, parts)
    return planned


def _list_changed_at_start(old: Settings, new: Settings) -> list[str]:
    changed = [
        f"{table}.{key}"
        for table, keys in AT_START.items()
        for key in keys
        if getattr(getattr(old, table), key) != getattr(getattr(new, table), key)
    ]
    return [*changed, "sandbox"] if new.wix.sandbox and new.sandbox != old.sandbox else changed
