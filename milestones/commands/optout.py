"""The opt-out list as a file: who must not be mailed, whatever Wix says.

This program keeps no addresses on it, only keyed hashes that recognise them. So an export holds keys, which mean
something to this database and its copies alone, while an import takes addresses too.
"""

from milestones.commands.host import Host
from milestones.commands.models.command import NoReport, Report
from milestones.commands.models.people import ImportAnswer, ImportOptOuts
from milestones.domain.keys import address_key
from milestones.errors import UsageError
from milestones.formats.mail_addresses import address_form
from milestones.store import sites
from milestones.store.people import people
from milestones.views.lookup import find_sites

REASON = "imported"


async def import_list(host: Host, command: ImportOptOuts, _report: Report[NoReport]) -> ImportAnswer:
    """Put addresses and keys on the list: of one site, or of all that are known. To repeat it is harmless."""
    runtime, site = host.runtime, command.site
    addresses, keys = command.addresses, set(command.keys)
    async with runtime.store.write() as tx:
        concerned = await find_sites(tx, site) if site is not None else await sites.list_sites(tx)
        if addresses and not concerned:
            raise UsageError(
                "No site is known yet, and an address is kept by site. `milestones run` takes on those of the "
                "configuration."
            )
        keys |= {
            address_key(runtime.rules.secret, one.id, address_form(address))
            for one in concerned
            for address in addresses
        }
        known = await people.find_suppressed(tx, sorted(keys))
        await people.suppress(tx, sorted(keys - known), REASON, runtime.clock())
    return ImportAnswer(added=len(keys - known), known=len(known), sites=len(concerned))
