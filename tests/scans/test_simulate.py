"""A scan that writes nothing answers what the scan then does."""

from milestones.scans.run import Kind, run
from milestones.scans.simulate import simulate_near
from milestones.store.tables import Reminder, Trace
from tests.scans.conftest import Ground


async def test_a_simulated_scan_answers_and_chooses_what_the_scan_then_does(ground: Ground) -> None:
    pages = [page async for page in simulate_near(ground.work())]
    assert await ground.rows(Reminder) == []
    await run(ground.work(), Kind.NEAR)
    answers = {
        (answer.account_id, key, verdict.value)
        for page in pages
        for answer in page.answers
        for key, verdict in answer.verdicts
    }
    assert answers == {
        (row["account_id"], row["milestone"], row["verdict"]) for row in await ground.rows(Trace)
    }
    chosen = {(one.chosen.account_id, one.chosen.number) for page in pages for one in page.reminders}
    assert chosen == {(row["account_id"], row["number"]) for row in await ground.rows(Reminder)} != set()
