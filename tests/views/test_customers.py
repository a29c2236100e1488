"""Whose account is meant by what an operator types."""

import pytest

from milestones.domain.event import ContactDeleted, ContactMerged
from milestones.domain.keys import address_key
from milestones.errors import UsageError
from milestones.formats.mail_addresses import address_form
from milestones.store import sites
from milestones.store.database.statements import table_of
from milestones.store.people import people
from milestones.store.tables import Site
from milestones.views.customers import NobodyError, find_accounts
from tests.builders import ACCOUNT, CONTACT, MEMBER, NOW, SITE
from tests.shop import Shop
from tests.views.explaining import explained


class TestWhoIsMeant:
    async def found(self, shop: Shop, text: str, site: str | None = None) -> list[tuple[str, str]]:
        async with shop.store.read() as tx:
            return [(one.site_id, one.id) for one in await find_accounts(tx, text, site)]

    @pytest.mark.parametrize(
        "text", [ACCOUNT, CONTACT, MEMBER, "ada@example.com", " ADA\uff20example.COM.\u200b"]
    )
    async def test_by_id_contact_member_or_address(self, shop: Shop, text: str) -> None:
        await shop.observe(960)
        assert await self.found(shop, text) == [(SITE, ACCOUNT)]

    async def test_on_several_sites_all_are_meant_unless_one_is_named(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        await small_shop.take_on("other-site")
        async with small_shop.store.write() as tx:
            await sites.change(tx, "other-site", name="Other")
        assert await self.found(small_shop, "ada@example.com", "the corner shop") == [(SITE, ACCOUNT)]
        with pytest.raises(NobodyError):
            await self.found(small_shop, "ada@example.com", "Other")
        with pytest.raises(UsageError, match="There is no site 'third'; known are The Corner Shop, Other"):
            await self.found(small_shop, "ada@example.com", "third")

    async def test_nobody_is_told_with_the_likely_reasons(self, small_shop: Shop) -> None:
        async with small_shop.store.write() as tx:
            key = address_key(small_shop.secret, SITE, address_form("bob@example.com"))
            await people.suppress(tx, [key], "unsubscribed", NOW)
        with pytest.raises(NobodyError) as nobody:
            await self.found(small_shop, "bob@example.com")
        told = str(nobody.value)
        assert told.startswith(
            "No account with this address is known. It is on the opt-out list of The Corner"
        )
        assert "The first reading of all accounts is not complete" in told
        assert told.endswith("or the contact was deleted and erased here.")

    async def test_a_contact_that_was_merged_is_told(self, small_shop: Shop) -> None:
        await small_shop.observe(960)
        merged = ContactMerged("target", ("source",))
        async with small_shop.store.write() as tx:
            await people.merge_contacts(tx, SITE, small_shop.secret, merged, NOW)
        with pytest.raises(NobodyError, match="deleted, or merged into another, on 2026-11-20"):
            await self.found(small_shop, "source")

    async def test_an_erased_account_is_found_by_the_id_that_its_contact_had(self, small_shop: Shop) -> None:
        await small_shop.observe(960, 1010)
        async with small_shop.store.write() as tx:
            await people.delete_contact(tx, SITE, small_shop.secret, ContactDeleted(CONTACT), NOW)
        found = await explained(small_shop, CONTACT)
        assert (found.person.name, found.person.email) == (None, None)
        assert "Erased on 20 November 2026, 09:15." in found.person.mail
        assert found.stories[0].standing == "given"

    async def test_before_the_first_start_there_is_nobody(self, small_shop: Shop) -> None:
        async with small_shop.store.write() as tx:
            await tx.execute(table_of(Site).delete())
        with pytest.raises(NobodyError, match="No site is known yet"):
            await self.found(small_shop, "ada@example.com")
