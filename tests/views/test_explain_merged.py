"""What is explained of a customer into whose contact another was merged."""

from milestones.domain.event import ContactMerged, Heard
from milestones.domain.observation import Customer
from milestones.pipeline import observe
from milestones.store.views import lookup
from milestones.store.views.lookup import Which
from milestones.views.explain import explain
from milestones.views.sentences import reason
from tests.builders import CONTACT, NOW, SITE
from tests.shop import Shop

BOB = Customer("contact-bob", "member-bob", "bob@example.com", "Bob")


async def test_what_was_inherited_is_explained_with_what_it_still_owes(shop: Shop) -> None:
    await shop.observe(960, 1010)
    await shop.observe(10, account="account-bob", customer=BOB)
    heard = [Heard(SITE, "any", ContactMerged("contact-bob", (CONTACT,)))]
    await observe.hear(shop.store, shop.rules, heard, NOW)
    async with shop.store.read() as tx:
        [bob] = await lookup.find_accounts(tx, shop.rules.secret, "contact-bob")
        told = await explain(tx, shop.settings, bob, NOW)
        actions = await lookup.list_actions(tx, Which(account="account-bob"))
    story = next(one for one in told.stories if one.key == "stars-1000")
    [grant] = story.grants
    assert grant.verdict == "inherited"
    assert grant.reason == reason("inherited")
    of_milestone = {action.kind for action in actions if action.milestone == "stars-1000"}
    assert {effect.kind for effect in grant.effects} == of_milestone == {"coupon", "badge", "email"}
