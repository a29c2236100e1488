"""The opt-out list as a file: who must not be mailed, whatever Wix says.

This program keeps no addresses on it, only keyed hashes that recognise them. So an export holds keys, which mean
something to this database and its copies alone, while an import takes addresses too.
"""

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from milestones.addresses import address_form
from milestones.commands.host import Host
from milestones.control import Progress
from milestones.domain.keys import address_key
from milestones.errors import UsageError
from milestones.store import sites
from milestones.store.people import people
from milestones.views.lookup import chosen_sites

REASON = "imported"

COLUMNS = ("address_key", "reason", "recorded_at")
"""Of an export."""

_KEY = re.compile(r"[A-Za-z0-9_-]{22}")
_ADDRESS = re.compile(r"[^@\s]+(?:@[^@\s]+)+")
_LONGEST = 320
"""Characters of an address (RFC 5321, section 4.5.3.1)."""

_HEADINGS = frozenset({"address_key", "address", "email", "e-mail", "mail", "email address"})
_MOST_FAULTS = 10


@dataclass(frozen=True, slots=True)
class Entries:
    """Who is to be put on the list: by address, or by the keys of an export."""

    addresses: tuple[str, ...]
    keys: tuple[str, ...]

    def parts(self, size: int) -> Iterable["Entries"]:
        """The same in portions that one order can carry."""
        for start in range(0, len(self.addresses), size):
            yield Entries(self.addresses[start : start + size], ())
        for start in range(0, len(self.keys), size):
            yield Entries((), self.keys[start : start + size])


def entries(lines: Sequence[str]) -> Entries:
    """What a CSV file says: one column of addresses or keys, or several with a heading that names it.

    Raises UsageError with the numbers of lines that are neither; what stands there is not repeated, since it may be
    an address with a typing error.
    """
    delimiter = ";" if lines and ";" in lines[0] and "," not in lines[0] else ","
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        rows = list(reader)
    except csv.Error:
        raise UsageError(
            f"Line {reader.line_num} is too long for a field: a quotation mark may not be closed. Nothing was "
            "imported; mend the file."
        ) from None
    column, first = _column(rows)
    found: dict[bool, dict[str, None]] = {True: {}, False: {}}
    faults = []
    for number, row in enumerate(rows[first:], start=first + 1):
        value = row[column].strip() if column < len(row) else ""
        if not value:
            continue
        is_address = _ADDRESS.fullmatch(value) is not None and len(value) <= _LONGEST
        if is_address or _KEY.fullmatch(value):
            found[is_address][value] = None
        else:
            faults.append(number)
    if faults:
        raise UsageError(_complaint(faults))
    return Entries(tuple(found[True]), tuple(found[False]))


def _column(rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Which column holds the addresses, and in which row they begin."""
    if not rows:
        return 0, 0
    headings = [heading.strip().casefold() for heading in rows[0]]
    named = [number for number, heading in enumerate(headings) if heading in _HEADINGS]
    if named:
        return named[0], 1
    if len(headings) > 1:
        raise UsageError(
            "The file has several columns and none is headed address, email or address_key. Name the one that counts."
        )
    return 0, 0


def _complaint(faults: Sequence[int]) -> str:
    shown = ", ".join(map(str, faults[:_MOST_FAULTS]))
    more = f" and {len(faults) - _MOST_FAULTS:,} more" if len(faults) > _MOST_FAULTS else ""
    which = f"Line {shown} holds" if len(faults) == 1 else f"Lines {shown}{more} hold"
    return f"{which} neither a mail address nor a key of an export. Nothing was imported; mend the file."


async def import_list(host: Host, arguments: Mapping[str, Any], _progress: Progress) -> Any:
    """Put addresses and keys on the list: of one site, or of all that are known. To repeat it is harmless."""
    program = host.program
    addresses, keys = arguments.get("addresses", ()), set(arguments.get("keys", ()))
    site = arguments.get("site")
    async with program.store.write() as tx:
        concerned = await chosen_sites(tx, site) if site is not None else await sites.all_sites(tx)
        if addresses and not concerned:
            raise UsageError(
                "No site is known yet, and an address is kept by site. `milestones run` takes on those of the "
                "configuration."
            )
        keys |= {
            address_key(program.rules.secret, one.id, address_form(address))
            for one in concerned
            for address in addresses
        }
        known = await people.suppressed(tx, sorted(keys))
        await people.suppress(tx, sorted(keys - known), REASON, program.clock())
    return {"added": len(keys - known), "known": len(known), "sites": len(concerned)}
