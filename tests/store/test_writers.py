"""Writers that meet over one account on PostgreSQL: whoever comes second sees what the first one wrote."""

import asyncio
import inspect
import re
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

import milestones
from milestones.domain import account as accounts_rules
from milestones.domain.event import Anonymized, Heard
from milestones.domain.observation import Observation
from milestones.domain.policy import Breaker
from milestones.pipeline import observe
from milestones.store import accounts, retention, sites
from milestones.store.database.locks import lock_accounts
from milestones.store.database.statements import table_of
from milestones.store.database.store import Store
from milestones.store.people import people
from milestones.store.tables import Account, Action
from tests.builders import (
    ACCOUNT,
    CONTACT,
    MEMBER,
    NOW,
    SECRET,
    SITE,
    a_badge,
    a_customer,
    a_milestone,
    an_observation,
)
from tests.process import until
from tests.store.rules import FixedRules, go_live, opened

RULES = FixedRules((a_milestone(1000),))


@pytest.fixture
async def store(postgres_database_url: str) -> AsyncIterator[Store]:
    async with opened(postgres_database_url) as found:
        await go_live(found, RULES)
        yield found


async def waits_for_a_lock(store: Store) -> bool:
    """Whether any transaction waits for another one."""
    async with store.read() as tx:
        return bool((await tx.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))).scalar_one())


async def meanwhile(store: Store, seen: Observation, other: Coroutine[Any, Any, Any]) -> None:
    """One writer has read the account and writes what it saw while the other has begun."""
    async with asyncio.TaskGroup() as group, store.write() as tx:
        await lock_accounts(tx, [(SITE, ACCOUNT)])
        known = await accounts.get_states(tx, SITE, [ACCOUNT])
        task = group.create_task(other)

        async def waits_or_has_ended() -> bool:
            return task.done() or await waits_for_a_lock(store)

        await until(waits_or_has_ended, "the other writer at the lock")
        definitions = await sites.define(tx, SITE, RULES.milestones, NOW)
        taken = accounts_rules.take(known[ACCOUNT], [seen], [], definitions)
        await accounts.save(tx, SITE, SECRET, [taken], NOW)


@pytest.mark.parametrize("named", [Anonymized(member_id=MEMBER), Anonymized(contact_id=CONTACT)])
async def test_who_is_erased_is_not_brought_back_by_what_was_being_written(
    store: Store, named: Anonymized
) -> None:
    await observe.observe(store, RULES, SITE, [an_observation(10, 1, customer=a_customer())], NOW)

    async def erase() -> None:
        await observe.hear(store, RULES, [Heard(SITE, "any", named)], NOW)

    await meanwhile(store, an_observation(20, 2, customer=a_customer()), erase())
    columns = table_of(Account).c
    async with store.read() as tx:
        [row] = (await tx.execute(select(columns.email, columns.name, columns.erased_at))).all()
    assert (row.email, row.name, row.erased_at) == (None, None, NOW)


async def test_writers_who_come_to_the_breakers_limit_together_do_not_pass_it(store: Store) -> None:
    rules = FixedRules((a_milestone(1000, rewards=(a_badge(),)),), breaker=Breaker(0.1, 5))

    async def see(balance: int, revision: int) -> None:
        await asyncio.gather(
            *(
                observe.observe(
                    store, rules, SITE, [an_observation(balance, revision, account_id=f"{number}")], NOW
                )
                for number in range(20)
            )
        )

    await see(10, 1)
    await see(1000, 2)
    async with store.read() as tx:
        states = Counter((await tx.execute(select(table_of(Action).c.state))).scalars())
    assert states == {"available": 5, "held": 15}


async def test_a_deletion_that_waited_in_vain_erases_what_was_being_written(store: Store) -> None:
    await observe.observe(store, RULES, SITE, [an_observation(10, 1, customer=a_customer())], NOW)
    async with store.read() as tx:
        key = (await tx.execute(select(table_of(Account).c.contact_key))).scalar_one()

    async def carry_out() -> None:
        async with store.write() as tx:
            await people.complete_deletions(tx, SITE, [key], NOW)

    await meanwhile(store, an_observation(20, 2, customer=a_customer()), carry_out())
    async with store.read() as tx:
        assert (await tx.execute(select(table_of(Account).c.email))).scalar_one() is None


async def test_what_is_being_written_does_not_undo_what_forgetting_noted(store: Store) -> None:
    for revision, balance in enumerate((10, 1000, 20, 30), 1):
        await observe.observe(store, RULES, SITE, [an_observation(balance, revision)], NOW)

    async def forget() -> None:
        async with store.read() as tx:
            versions = await sites.get_versions(tx, SITE, RULES.milestones)
        async with store.write() as tx:
            await retention.forget_observations(tx, SITE, versions, NOW + timedelta(days=1), "")

    await meanwhile(store, an_observation(40, 5), forget())
    async with store.read() as tx:
        [state] = (await accounts.get_states(tx, SITE, [ACCOUNT])).values()
        [runs] = (await accounts.get_histories(tx, SITE, [ACCOUNT])).values()
    assert [run.measures.balance for run in runs] == [40]
    assert (state.first, state.bases) == (runs[0].stamps[0], {"stars-1000": runs[0].first})


def test_locks_are_taken_in_one_module_so_that_their_order_stands_once() -> None:
    source = Path(inspect.getfile(milestones)).parent
    found = {
        str(path.relative_to(source))
        for path in source.rglob("*.py")
        if re.search(r"with_for_update|pg_(try_)?advisory", path.read_text())
    }
    own_connection = {"store/database/daemon_lock.py", "store/database/schema.py"}
    assert found == {"store/database/locks.py"} | own_connection
