"""Loyalty accounts, opened for contacts. A contact has one account (docs/wix-api.md, 2.3): so it is fetched by its contact
first, and after a lost answer, or a refusal because there is one, again.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from milestones.errors import ChannelError
from milestones.kinds.account.payload import AccountPayload
from milestones.kinds.channel import Fate, Found, Stop, Task
from milestones.kinds.program import CurrentProgram, gate_by_program, refusal_while_inactive
from milestones.kinds.services import SiteServices
from milestones.wix import accounts, contacts
from milestones.wix.account import Account
from milestones.wix.errors import WixConflictError, WixNotFoundError, WixRefusedError
from milestones.wix.transport import WixClient


class Register(Protocol):
    """The accounts of one site. Every method raises ChannelError."""

    async def fetch(self, contact_id: str, /) -> Account | None:
        """The account of a contact, if it has one."""

    async def open(self, contact_id: str, /) -> Account:
        """The account of a contact, which had none a moment ago."""

    async def follow(self, contact_id: str, /) -> str | None:
        """The contact into which this one was merged; itself where it was not, None where Wix has none."""


@dataclass(frozen=True, slots=True)
class SiteRegister:
    """``Register`` on Wix."""

    client: WixClient

    async def fetch(self, contact_id: str, /) -> Account | None:
        """The account of a contact, if it has one."""
        return await accounts.fetch_by(self.client, contact_id=contact_id)

    async def open(self, contact_id: str, /) -> Account:
        """Opens it. In what words Wix refuses a second one is documented nowhere: whether there is one decides."""
        try:
            return await accounts.create(self.client, contact_id)
        except (WixRefusedError, WixConflictError):
            found = await self.fetch(contact_id)
            if found is None:
                raise
            return found

    async def follow(self, contact_id: str, /) -> str | None:
        """The contact into which this one was merged."""
        try:
            return (await contacts.get(self.client, contact_id)).id
        except WixNotFoundError:
            return None


class AccountChannel:
    """The accounts of one site. observe: takes an account as it was read. clock: UTC."""

    concurrency = 4

    def __init__(
        self,
        register: Register,
        *,
        program: CurrentProgram,
        observe: Callable[[Account], Awaitable[None]],
        clock: Callable[[], datetime],
    ) -> None:
        self._register = register
        self._program = program
        self._observe = observe
        self._clock = clock

    async def gate(self, tasks: Sequence[Task]) -> Mapping[int, Stop]:
        """Waits while the program is not active, since Wix then opens none."""
        return await gate_by_program(self._program, tasks, self._clock)

    async def perform(self, task: Task) -> Mapping[str, Any]:
        """Finds it, or opens it. What Wix tells of it is observed before anything rests on it. Raises ChannelError."""
        payload = AccountPayload.from_json(task.payload)
        if payload.account_id:
            return {"account_id": payload.account_id, "contact_id": None, "created": False}
        asked = payload.contact_id or task.inputs.get("contact", {}).get("contact_id")
        if not asked:
            raise ChannelError("The contact that it is for is not known any more.", permanent=True)
        account = await self._register.fetch(asked)
        created = account is None
        if account is None:
            account = await self._open(asked)
        await self._observe(account)
        return {"account_id": account.id, "contact_id": account.contact_id or asked, "created": created}

    async def _open(self, contact_id: str) -> Account:
        """Opens it. A contact that was merged has gone into another, whose account it is then."""
        try:
            return await self._register.open(contact_id)
        except ChannelError as error:
            # With which status Wix refuses then is documented nowhere (section 8), and it sends no event of a pause.
            if not error.permanent or error.connection_wide:
                raise
            if not (await self._program(anew=True)).active:
                raise refusal_while_inactive("a loyalty account", self._clock()) from error
            heir = await self._register.follow(contact_id)
            if heir is None:
                raise ChannelError("Wix has no such contact.", permanent=True) from error
            if heir == contact_id:
                raise
        return await self._register.fetch(heir) or await self._register.open(heir)

    async def recover(self, task: Task) -> Found:
        """To find or open it once more harms nothing."""
        del task
        return Found(Fate.REPEAT)


def build(services: SiteServices) -> AccountChannel:
    """The channel of a site."""
    return AccountChannel(
        SiteRegister(services.client),
        program=services.program,
        observe=services.observe,
        clock=services.clock,
    )
