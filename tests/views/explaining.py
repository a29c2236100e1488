"""An account explained, in a shop whose configuration may be put into force anew."""

from milestones import config
from milestones.views.customers import find_accounts
from milestones.views.explain import Explanation, Story, explain
from tests.builders import ACCOUNT
from tests.shop import CONFIG, Shop


async def explained(shop: Shop, who: str = ACCOUNT, only: str | None = None) -> Explanation:
    async with shop.store.read() as tx:
        (account,) = await find_accounts(tx, who, None)
        return await explain(tx, shop.settings, account, shop.now, only)


async def story(shop: Shop, key: str = "stars-1000") -> Story:
    (found,) = (await explained(shop, only=key)).stories
    return found


def reconfigure(shop: Shop, *pairs: str) -> None:
    """Put another configuration into force: old and new texts in turn."""
    text = CONFIG.format(database=shop.settings.daemon.database.get_secret_value())
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new)
    shop.settings = config.parse(text, shop.settings.path, {})
