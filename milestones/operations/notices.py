"""What must not be overlooked, wherever an overview is given: said loudly, and first."""

from milestones.config.settings import Settings
from milestones.store import heartbeat, recent
from milestones.store.database import Transaction

MOST_PAUSES = 10
"""Pauses that are named one by one."""


def settings_notices(settings: Settings) -> list[str]:
    """What the configuration alone says."""
    told = []
    if settings.daemon.mode == "shadow":
        told.append("Shadow mode: everything is decided and recorded, and nothing is sent (daemon.mode).")
    mails = [settings.mail, *(site.mail for site in settings.named_sites())]
    limited = dict.fromkeys(mail.only_to for mail in mails if mail.only_to)
    return told + [f"Mail leaves only for {', '.join(patterns)} (mail.only_to)." for patterns in limited]


async def notices(tx: Transaction, settings: Settings) -> list[str]:
    """Shadow mode, ``only_to``, what is paused, and sites that are only observed."""
    told = settings_notices(settings)
    if (reason := await heartbeat.held(tx)) is not None:
        told.insert(0, f"Nothing is sent or given until `milestones resume`. {reason}")
    stopped = await recent.paused(tx)
    names = await recent.site_names(tx, {site_id for site_id, _ in stopped})
    for site_id, milestone in stopped[:MOST_PAUSES]:
        what, go_on = (
            ("Everything", "") if milestone is None else (f"The milestone {milestone}", f" {milestone}")
        )
        where = f" on {names[site_id]}" if site_id in names else ""
        told.append(f"{what} is paused{where} (`milestones resume{go_on}`).")
    if len(stopped) > MOST_PAUSES:
        told.append(f"{len(stopped) - MOST_PAUSES:,} more pauses are in force (`milestones status`).")
    if number := await recent.observed(tx):
        told.append(
            f"{number:,} site(s) send events and are not in the configuration: they are observed, and nothing is "
            "given there."
        )
    return told
