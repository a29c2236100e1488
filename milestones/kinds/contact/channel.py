"""Contacts found by address, or made. Wix makes no second one with an address unless it is told to, and names the first
(docs/wix-api.md, 2.16): so after a lost answer it is looked for and made again.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from milestones.errors import ChannelError
from milestones.formats.mail_addresses import address_form
from milestones.kinds.channel import Fate, Found, Stop, Task
from milestones.kinds.contact.payload import ContactPayload
from milestones.kinds.program import CurrentProgram, gate_by_program
from milestones.kinds.services import SiteServices
from milestones.wix import contacts
from milestones.wix.errors import WixConflictError, WixRefusedError
from milestones.wix.transport import WixClient


class People(Protocol):
    """The contacts of one site. Every method raises ChannelError."""

    async def find(self, email: str, /) -> str | None:
        """The id of the contact with this address, or None while queries do not show one."""

    async def make(self, payload: ContactPayload, /) -> tuple[str, bool] | None:
        """The id of a contact with this address, and whether it was made now; None where Wix refuses one because of
        another, and does not tell because of which.
        """


@dataclass(frozen=True, slots=True)
class SitePeople:
    """``People`` on Wix."""

    client: WixClient

    async def find(self, email: str, /) -> str | None:
        """The id of the contact with this address."""
        found = await contacts.find_by_email(self.client, email)
        return found.id if found is not None else None

    async def make(self, payload: ContactPayload, /) -> tuple[str, bool] | None:
        """Makes it. A telephone number that another person has is left out."""
        for phone in dict.fromkeys((payload.phone, "")):
            try:
                made = await self._create(payload, phone)
            except (WixRefusedError, WixConflictError) as error:
                if not contacts.is_duplicate(error):
                    raise
                other = contacts.duplicate_of(error)
                if other is not None and await self._has_address(other, payload.email):
                    return other, False
                if other is None:
                    return None
            else:
                return made, True
        return None

    async def _create(self, payload: ContactPayload, phone: str) -> str:
        made = await contacts.create(
            self.client,
            address_form(payload.email),
            first_name=payload.first_name or None,
            last_name=payload.last_name or None,
            phone=phone or None,
        )
        return made.id

    async def _has_address(self, contact_id: str, email: str) -> bool:
        return address_form(email) in (await contacts.get(self.client, contact_id)).emails


class ContactChannel:
    """The contacts of one site. query_lag: how long queries may not show what was written. clock: UTC."""

    concurrency = 4

    def __init__(
        self, people: People, *, program: CurrentProgram, query_lag: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self._people = people
        self._program = program
        self._query_lag = query_lag
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Waits while the program is not active: what the contact is for waits as well."""
        return await gate_by_program(self._program, tasks, self._clock)

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Finds it, or makes it. Raises ChannelError."""
        payload = ContactPayload.from_json(task.payload)
        found = await self._people.find(payload.email)
        if found is not None:
            return {"contact_id": found, "created": False}
        if not payload.make:
            raise ChannelError(
                "Wix shows no contact with this address, and none was to be made.", permanent=True
            )
        made = await self._people.make(payload)
        if made is None:
            raise ChannelError(
                "Wix has another contact with this address and does not show it yet; it is looked for again.",
                retry_at=self._clock() + self._query_lag,
            )
        contact_id, created = made
        return {"contact_id": contact_id, "created": created}

    async def recover(self, task: Task) -> Found:
        """To find or make it once more harms nothing."""
        del task
        return Found(Fate.REPEAT)


def build(services: SiteServices) -> ContactChannel:
    """The channel of a site."""
    return ContactChannel(
        SitePeople(services.client),
        program=services.program,
        query_lag=services.settings.wix.query_lag,
        clock=services.clock,
    )
