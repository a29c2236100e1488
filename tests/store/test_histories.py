"""What is kept of a history beside the points: who told of a stretch first, and when."""

from datetime import timedelta

from milestones.domain.observation import Source
from milestones.pipeline import observe
from milestones.store.database.store import Store
from milestones.store.views import lookup
from tests.builders import ACCOUNT, NOW, SITE, a_milestone, an_observation
from tests.store.rules import FixedRules, go_live

RULES = FixedRules((a_milestone(),))
HOUR = timedelta(hours=1)


async def test_something_late_leaves_alone_who_told_of_the_rest_and_when(store: Store) -> None:
    await go_live(store, RULES)
    for hour, (balance, revision, source) in enumerate(
        [
            (10, 1, Source.BASELINE),
            (500, 4, Source.WEBHOOK),
            (500, 6, Source.WEBHOOK),
            (300, 5, Source.SWEEP),
            (500, 4, Source.SWEEP),  # a late repeat
        ]
    ):
        seen = an_observation(balance, revision, source=source)
        await observe.observe(store, RULES, SITE, [seen], NOW + hour * HOUR)
    async with store.read() as tx:
        runs = await lookup.list_runs(tx, SITE, ACCOUNT)
    assert [(run.balance, run.source, run.recorded_at) for run in runs] == [
        (10, "baseline", NOW),
        (500, "webhook", NOW + HOUR),
        (300, "sweep", NOW + 3 * HOUR),
        (500, "webhook", NOW + HOUR),
    ]
