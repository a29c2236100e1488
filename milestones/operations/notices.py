"""What must not be overlooked, wherever an overview is given: said loudly, and first."""

from milestones.config.settings import Settings
from milestones.store import heartbeat, recent, sites
from milestones.store.database import Transaction


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
    known = await sites.all_sites(tx)
    names = {site.id: site.name or site.id for site in known}
    for site_id, milestone in await recent.paused(tx):
        what = "Paused" if milestone is None else f"The milestone {milestone} is paused"
        told.append(f"{what} on {names.get(site_id, site_id)} (`milestones resume`).")
    observed = [site for site in known if site.state == "observed"]
    if observed:
        told.append(
            f"{len(observed)} site(s) send events and are not in the configuration: they are observed, and "
            "nothing is given there."
        )
    return told
