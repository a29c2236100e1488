"""A person adjusts points through the daemon, and Wix's books show it."""

import asyncio
from pathlib import Path

from milestones.cli.client import ask
from milestones.commands.models.orders import AdjustAccount
from milestones.commands.models.transactions import ListTransactions
from tests.crash.customers import strangers
from tests.process import Daemon, shop
from tests.security.village import baseline_done


async def test_an_adjustment_is_answered_with_the_balance_and_shown_among_the_transactions(
    tmp_path: Path,
) -> None:
    async with shop(tmp_path, customers=20, seed=5, time_scale=60.0) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        customer = (await strangers(wix))[0]
        daemon = Daemon(tmp_path, wix)
        daemon.configure("")
        await daemon.start()
        try:
            await baseline_done(daemon)
            socket = daemon.folder / "milestones.sock"
            order = AdjustAccount(account=customer.address, to=777, reason="A late bill", key="k", wait=30)
            told = await asyncio.gather(*(ask(socket, order) for _ in range(3)))
            assert {one.order for one in told} == {told[0].order}
            assert sorted(one.created for one in told) == [False, False, True]
            assert [one.actions[0].state for one in told] == ["done"] * 3
            assert told[0].actions[0].result is not None
            assert told[0].actions[0].result["after"] == 777
            listed = await ask(socket, ListTransactions(account=customer.account[:8]))
            [line] = [
                one for one in listed.transactions if (one.description or "").startswith("A late bill (")
            ]
            assert (line.type, line.amount) == ("ADJUST", 777 - told[0].actions[0].result["before"])
        finally:
            await daemon.end()
