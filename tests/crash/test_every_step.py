"""The process is killed at every named place, started again, and everything is there once."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.crash.customers import strangers
from tests.crash.house import House, a_house, begun, house
from tests.crash.newcomers import assert_welcomed_once, welcome, welcome_again
from tests.crash.points import CROSSING, DISCOUNT, DOUBT, FAREWELL, NEWCOMER, ORDER, REDEMPTION, SCAN, SMTP
from tests.crash.receiver import receiver
from tests.crash.till import assert_redeemed_once, assert_spent_once, bought_again, redeem, spend
from tests.kinds.smtp_server import mailserver
from tests.postgres import fresh_database
from tests.process import Shop, shop

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@asynccontextmanager
async def a_quick_shop(folder: Path) -> AsyncIterator[Shop]:
    """Repeats what was not answered within moments, and shows at once what was written."""
    async with shop(folder, customers=400, seed=5, time_scale=3600.0) as found:
        await found.settings(recalculation_seconds=0, query_lag_seconds=0)
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sqlite_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with _lived_in(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def postgresql_house(
    tmp_path_factory: pytest.TempPathFactory, postgres_url: str
) -> AsyncIterator[House]:
    with fresh_database(postgres_url) as database:
        async with _lived_in(tmp_path_factory.mktemp("house"), database) as found:
            yield found


@asynccontextmanager
async def _lived_in(folder: Path, database: str | None = None) -> AsyncIterator[House]:
    async with (
        a_quick_shop(folder) as wix,
        receiver() as hook,
        house(folder, wix, hook, database=database) as found,
    ):
        await found.undisturbed()
        yield found


@pytest.fixture
def running(request: pytest.FixtureRequest) -> House:
    """One house for all tests on a database: parametrized itself, it would be made anew for each of them."""
    found = request.getfixturevalue(f"{request.param}_house")
    assert isinstance(found, House)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def posting(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("posting")
    async with (
        a_quick_shop(folder) as wix,
        receiver() as hook,
        mailserver() as server,
        house(folder, wix, hook, server) as found,
    ):
        await found.undisturbed()
        yield found


MARKS = {
    "sqlite": [pytest.mark.xdist_group("crash on SQLite")],
    "postgresql": [pytest.mark.xdist_group("crash on PostgreSQL"), pytest.mark.postgres, pytest.mark.rare],
}
"""Houses are in different groups, so that they are tried side by side."""


def on_both(
    points: Sequence[str], on_postgres: Callable[[str], bool] = lambda _point: True
) -> pytest.MarkDecorator:
    """Each point on SQLite; on PostgreSQL those around commits, which is where the two differ.

    Rare is what another point or test guards: all kinds pass the same points, mails pass them by SMTP, a second time is
    like the first, and ``test_lost_answers`` kills within each.
    """
    cases = [
        pytest.param(
            "sqlite", point, marks=[*MARKS["sqlite"], *([pytest.mark.rare] if _is_alike(point) else [])]
        )
        for point in points
    ]
    cases += [
        pytest.param("postgresql", point, marks=MARKS["postgresql"]) for point in points if on_postgres(point)
    ]
    return pytest.mark.parametrize(("running", "point"), cases, indirect=["running"])


def _is_alike(point: str) -> bool:
    name, _, kind = point.partition("@")
    if kind in {"badge", "points", "webhook", "contact"}:
        return True
    if kind == "email":
        return point in {place for place, _ in SMTP}
    if kind == "adjust":
        return name in {"drain.claimed", "drain.gated", "drain.before_acting", "drain.settled"}
    return ":" in point and not point.endswith(":1")


def _is_of_the_first(point: str) -> bool:
    return not {":", "@"} & set(point)


@on_both(CROSSING, _is_of_the_first)
async def test_a_crossing_is_given_once_although_the_process_died_at(running: House, point: str) -> None:
    running.arm(point)
    await running.crossing()
    await running.killed_and_started_again()
    await running.settled()
    await running.assert_everything_once()


@on_both(DOUBT)
async def test_what_was_put_back_is_done_later_although_the_process_died_at(
    running: House, point: str
) -> None:
    running.arm(point)
    await running.doubt()
    await running.killed_and_started_again()
    await running.settled()
    await running.assert_everything_once()


@on_both(SCAN, _is_of_the_first)
async def test_a_near_customer_is_reminded_once_although_the_process_died_at(
    running: House, point: str
) -> None:
    running.arm(point)
    await running.approach()
    await running.killed_and_started_again()
    # The order died with the process; the next one goes on where it stopped and finds who was not found yet.
    await running.look()
    await running.settled()
    await running.assert_everything_once()


@on_both(ORDER, _is_of_the_first)
async def test_an_order_is_carried_out_once_although_the_process_died_at(running: House, point: str) -> None:
    running.arm(point)
    await running.order()
    await running.killed_and_started_again()
    await running.ordered_again()
    await running.assert_ordered_once()


@on_both(NEWCOMER)
async def test_a_newcomer_is_one_customer_and_given_once_although_the_process_died_at(
    running: House, point: str
) -> None:
    running.arm(point)
    await welcome(running)
    await running.killed_and_started_again()
    await welcome_again(running)
    await assert_welcomed_once(running)


@on_both([point for point, _ in REDEMPTION])
async def test_points_are_redeemed_once_and_doubt_is_shown_although_the_process_died_at(
    running: House, point: str
) -> None:
    running.arm(point)
    await redeem(running)
    await running.killed_and_started_again()
    await bought_again(running)
    running.untold += dict(REDEMPTION)[point]
    await assert_redeemed_once(running)


@on_both(DISCOUNT)
async def test_points_are_spent_once_although_the_process_died_at(running: House, point: str) -> None:
    running.arm(point)
    await spend(running)
    await running.killed_and_started_again()
    await bought_again(running)
    await assert_spent_once(running)


@on_both(FAREWELL)
async def test_who_unsubscribes_stays_so_and_wix_is_told_although_the_process_died_at(
    running: House, point: str
) -> None:
    await running.undisturbed()
    running.arm(point)
    await running.farewell()
    await running.killed_and_started_again()
    if "before_commit" in point:
        # Nobody was told that it is done: the customer clicks again.
        await running.click()
    await running.assert_wix_knows_who_left()


@pytest.mark.xdist_group("crash by SMTP")
@pytest.mark.parametrize(("point", "undecidable"), SMTP)
async def test_a_mail_server_gets_a_mail_at_most_once_and_doubt_is_shown_although_the_process_died_at(
    posting: House, point: str, undecidable: bool
) -> None:
    posting.arm(point)
    await posting.crossing()
    await posting.killed_and_started_again()
    await posting.settled()
    if undecidable:
        posting.doubtful.add(posting.reached[-1].account)
    await posting.assert_everything_once()


@pytest.mark.timeout(300)
async def test_the_first_start_is_killed_at_each_of_its_commits_and_the_next_one_goes_on(
    tmp_path: Path,
) -> None:
    async with a_quick_shop(tmp_path) as wix, receiver() as hook:
        first = a_house(tmp_path, wix, hook, await strangers(wix))
        for number in (1, 2, 4, 6):
            first.arm(f"store.before_commit:{number}")
            # It may die before it says that it serves.
            with suppress(AssertionError):
                await first.daemon.start()
            await first.daemon.died()
        first.arm("")
        async with begun(first):
            await first.undisturbed()
