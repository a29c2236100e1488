"""What mails ask of Wix and of the store: who may be mailed, and by which link a reader says no."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from milestones.domain import keys
from milestones.domain.address import Form
from milestones.formats.mail_addresses import address_form
from milestones.kinds.email.message import Unsubscribe
from milestones.store.database.store import Store
from milestones.store.people import people
from milestones.wix import subscriptions
from milestones.wix.subscriptions import Subscription
from milestones.wix.transport import WixClient


@dataclass(frozen=True, slots=True)
class SiteConsent:
    """``kinds.email.consent.Statuses`` on Wix, and the store's own opt-out list."""

    client: WixClient
    store: Store
    secret: bytes = field(repr=False)

    async def statuses(self, addresses: Sequence[str], /) -> Mapping[str, Subscription]:
        """What Wix knows of these addresses."""
        return await subscriptions.statuses(self.client, addresses)

    async def find_suppressed_forms(self, site_id: str, addresses: Sequence[Form], /) -> set[Form]:
        """Which of these addresses must not be mailed."""
        by_key = {keys.address_key(self.secret, site_id, address): address for address in addresses}
        async with self.store.read() as tx:
            result = await people.find_suppressed(tx, list(by_key))
        return {by_key[key] for key in result}


@dataclass(frozen=True, slots=True)
class OwnLinks:
    """Unsubscribe links to this program's own page."""

    public_url: str
    site_id: str
    secret: bytes = field(repr=False)

    async def __call__(self, address: str, /) -> Unsubscribe:
        """A link that takes one click and lasts for ever."""
        token = keys.unsubscribe_token(self.secret, self.site_id, address_form(address))
        return Unsubscribe(f"{self.public_url}/u/{token}", one_click=True)


@dataclass(frozen=True, slots=True)
class WixLinks:
    """Wix's own unsubscribe links, for a daemon that the world cannot reach."""

    client: WixClient

    async def __call__(self, address: str, /) -> Unsubscribe:
        """A link to a page of Wix, which asks once more."""
        return Unsubscribe(await subscriptions.unsubscribe_link(self.client, address), one_click=False)
