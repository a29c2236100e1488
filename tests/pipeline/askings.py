"""Orders for two customers who are known, as tests ask for them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from milestones.domain.order import OrderSource, Person, Request
from milestones.kinds.adjust.payload import AdjustPoints
from milestones.pipeline import observe
from milestones.pipeline.orders import Asking, Placed, place
from tests.builders import NOW, SITE, a_customer, an_observation
from tests.outbox.bench import Bench
from tests.store.rules import FixedRules, go_live, opened

MAIL = "ada@example.com"
KNOWN = Person(account_id="account")


@asynccontextmanager
async def two_customers(database_url: str) -> AsyncIterator[Bench]:
    """A site with ``account`` and ``other``, who have one mail address."""
    async with opened(database_url) as store:
        rules = FixedRules(())
        await go_live(store, rules)
        for account in ("account", "other"):
            customer = replace(a_customer(), contact_id=f"contact of {account}".replace(" ", "-"))
            seen = an_observation(10, 1, account_id=account, customer=customer)
            await observe.observe(store, rules, SITE, [seen], NOW)
        yield Bench(store)


async def placed(
    bench: Bench,
    key: str = "key-1",
    *,
    by: int = 5,
    account: str = "account",
    source: OrderSource = OrderSource.CLI,
    rules: FixedRules | None = None,
) -> Placed:
    asking = asked(key, by=by, person=Person(account_id=account), source=source)
    return await place(bench.store, rules or FixedRules(()), asking, bench.now)


def asked(
    key: str = "key-1",
    *,
    by: int = 5,
    person: Person = KNOWN,
    request: Request | None = None,
    source: OrderSource = OrderSource.CLI,
) -> Asking:
    return Asking(SITE, source, key, person, request or AdjustPoints(by, None, "A late bill"))
