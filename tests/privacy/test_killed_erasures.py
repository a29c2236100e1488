"""The process is killed at every step of an erasure, started again, and whoever is gone is in no file."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
import pytest_asyncio

from tests.crash.customers import Customer
from tests.crash.house import House, house
from tests.crash.receiver import receiver
from tests.privacy.forensics import files_of, traces
from tests.process import Shop, shop, until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("killed erasures"),
    pytest.mark.slow,
]

POINTS = (
    "hear.before_commit",
    "hear.committed",
    # Outside of the transaction: the database is rewritten and that is noted, a file is deleted and that is noted.
    "store.before_commit:2",
    "store.committed:2",
    "store.before_commit:3",
    "store.committed:3",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    """A house whose mails go into a folder."""
    folder = tmp_path_factory.mktemp("house")
    async with shop(folder, customers=200, seed=5, time_scale=3600.0) as wix, receiver() as hook:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        async with house(
            folder, wix, hook, constants={"milestones.maintenance.erasures.PERIOD": 0.5}
        ) as found:
            yield found


def left(running: House, gone: Customer, contact: str) -> list[tuple[str, str]]:
    folder = running.daemon.folder
    log = folder / "daemon.log"
    log.write_text("".join(running.daemon.log))
    files = [*files_of(folder / "milestones.db"), *(folder / "mail").glob("*"), log]
    return traces([gone.address, gone.member, contact], files)


@pytest.mark.parametrize("point", POINTS)
async def test_who_is_gone_is_in_no_file_although_the_process_died_at(running: House, point: str) -> None:
    await running.crossing()
    await running.settled()
    gone = running.reached[-1]
    contact = await contact_of(running.shop, gone)
    found = " ".join(name for name, _ in left(running, gone, contact))
    assert "milestones.db" in found
    assert ".eml" in found
    running.arm(point)
    (await running.shop.http.post("/_sandbox/erase", json={"contact_id": contact})).raise_for_status()
    await running.daemon.died()
    rewritten_long_ago(running)
    await running.killed_and_started_again()

    async def nothing_left() -> bool:
        return not left(running, gone, contact)

    await until(nothing_left, "nothing is left of them")
    await running.settled()
    kinds = running.daemon.query(f"SELECT kind, state FROM actions WHERE account_id = '{gone.account}'")
    assert {state for _, state in kinds} == {"done"}, "that something was given is known"


async def contact_of(wix: Shop, customer: Customer) -> str:
    accounts = (await wix.state("accounts"))["accounts"]
    return str(next(one["contactId"] for one in accounts if one["id"] == customer.account))


def rewritten_long_ago(running: House) -> None:
    """While the daemon is down: it rewrites its database at most once a day."""
    with closing(sqlite3.connect(running.daemon.folder / "milestones.db")) as connection, connection:
        connection.execute("DELETE FROM meta WHERE key = 'rewritten'")
