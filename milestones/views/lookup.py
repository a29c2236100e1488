"""Finding what an operator names, and a sentence where there is nothing of that name."""

from milestones.errors import UsageError
from milestones.store import sites
from milestones.store.database import meta
from milestones.store.database.store import Transaction
from milestones.store.tables import Site
from milestones.store.views import lookup


async def get_secret(tx: Transaction) -> bytes:
    """The secret of this database's keys; empty where no daemon has drawn one yet."""
    return bytes.fromhex(await meta.get(tx, "secret") or "")


async def find_sites(tx: Transaction, named: str | None) -> list[Site]:
    """The sites of this name or id, or every active one. Raises UsageError where there is none."""
    if named is None:
        result = await sites.list_active(tx)
        if not result:
            raise UsageError("No site is active yet. `milestones run` takes on those of the configuration.")
        return result
    result = await lookup.find_sites(tx, named)
    if not result:
        raise UsageError(f"There is no site {named!r}; {await _known_sites(tx)}.")
    return result


async def find_one_site(tx: Transaction, named: str | None) -> Site:
    """The site of this name or id, or the only one. Raises UsageError where it is none or several."""
    found = await find_sites(tx, named)
    if len(found) > 1:
        names = ", ".join(site.name or site.id for site in found[:5])
        raise UsageError(f"There are {len(found)} sites; name one with --site, such as {names}.")
    return found[0]


async def _known_sites(tx: Transaction) -> str:
    names = [site.name or site.id for site in await sites.list_sites(tx)]
    if not names:
        return "none is known yet"
    shown = ", ".join(names[:5])
    return f"known are {shown}" + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
