from collections.abc import AsyncIterator

import pytest

from milestones.pipeline import observe
from milestones.store.database import meta
from tests.builders import NOW, SECRET, SITE, a_customer, an_observation
from tests.earn.porch import Porch
from tests.store.rules import go_live, opened


@pytest.fixture
async def porch(database_url: str) -> AsyncIterator[Porch]:
    async with opened(database_url) as store:
        found = Porch(store)
        await go_live(store, found.fixed)
        async with store.write() as tx:
            await meta.set_to(tx, "secret", SECRET.hex())
        for account, name in (("account", "ada"), ("other", "bob")):
            customer = a_customer(contact_id=f"contact-{account}", email=f"{name}@example.com")
            seen = an_observation(10, 1, account_id=account, customer=customer)
            await observe.observe(store, found.fixed, SITE, [seen], NOW)
        yield found
