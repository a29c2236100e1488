"""What is explained of a customer into whose contact another was merged."""

from milestones import pipeline
from milestones.domain.event import ContactMerged, Heard
from milestones.domain.observation import Customer
from milestones.operations.explain import explain
from milestones.operations.sentences import reason
from milestones.store import reads
from milestones.store.reads import Which
from tests.builders import CONTACT, NOW, SITE
from tests.operations.shop import Shop

BOB = Customer("contact-bob", "member-bob", "bob@example.com", "Bob")


async def test_what_was_inherited_is_explained_with_what_it_still_owes(shop: Shop) -> None:
    await shop.observe(960, 1010)
    await shop.observe(10, account="account-bob", customer=BOB)
    heard = [Heard(SITE, "any", ContactMerged("contact-bob", (CONTACT,)))]
    await pipeline.hear(shop.store, shop.rules, heard, NOW)
    async with shop.store.read() as tx:
        [bob] = await reads.find_accounts(tx, shop.rules.secret, "contact-bob")
        told = await explain(tx, shop.settings, bob, NOW)
        actions = await reads.actions(tx, Which(account="account-bob"))
    story = next(one for one in told.stories if one.key == "stars-1000")
    [grant] = story.grants
    assert grant.verdict == "inherited"
    assert grant.reason == reason("inherited")
    of_milestone = {action.kind for action in actions if action.milestone == "stars-1000"}
    assert {effect.kind for effect in grant.effects} == of_milestone == {"coupon", "badge", "email"}
