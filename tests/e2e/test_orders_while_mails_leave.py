"""Orders to a daemon while mails leave one after the other, at the pace of the mail server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from milestones.cli.client import ask
from milestones.commands.models.command import Command
from milestones.commands.models.daemon import Reload
from milestones.commands.models.pause import Pause, Resume
from tests.crash.customers import strangers
from tests.kinds.smtp_server import Mailserver, mailserver
from tests.process import Daemon, shop, until
from tests.security.village import baseline_done

MAILED = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[[milestones.rewards]]
email = "milestone-reached"
"""
FOLDER = 'transport = "folder"\nfolder = "mail"'


@dataclass
class Posting:
    """A daemon whose mails leave at 120 a minute, and how many of its 30 did."""

    daemon: Daemon
    server: Mailserver

    async def command(self, command: Command[Any, Any]) -> None:
        """By the socket, as the command line does."""
        await ask(self.daemon.folder / "milestones.sock", command)

    def rewrite(self, old: str, new: str) -> None:
        text = self.daemon.config.read_text()
        assert old in text
        self.daemon.config.write_text(text.replace(old, new))

    async def more(self) -> int:
        """Wait until more mails have left; how many have by then."""
        before = len(self.server.taken)

        async def left() -> bool:
            return len(self.server.taken) >= before + 2

        await until(left, "mails leave")
        return len(self.server.taken)

    def assert_nothing_is_under_way(self, left: int) -> None:
        """After the answer to an order: at most what was in flight has left since, and what has left is known."""
        [[done]] = self.daemon.query("SELECT count(*) FROM actions WHERE state = 'done'")
        begun = "SELECT count(*) FROM actions WHERE state = 'running' AND acted_at IS NOT NULL"
        assert self.daemon.query(begun) == [(0,)]
        assert len(self.server.taken) == done <= left + 4


@pytest.fixture
async def posting(tmp_path: Path) -> AsyncIterator[Posting]:
    async with (
        shop(tmp_path, customers=200, seed=5, time_scale=3600.0) as wix,
        mailserver() as server,
    ):
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0)
        daemon = Daemon(tmp_path, wix)
        daemon.configure(MAILED)
        smtp = f'transport = "smtp"\nhost = "127.0.0.1"\nport = {server.port}\ntls = "none"\nper_minute = 120'
        found = Posting(daemon, server)
        found.rewrite(FOLDER, smtp)
        await daemon.start()
        await baseline_done(daemon)
        for customer in (await strangers(wix))[:30]:
            await wix.adjust(customer.account, 1005)
        yield found
        await daemon.end()


@pytest.mark.slow
async def test_an_order_is_answered_when_it_is_true(posting: Posting) -> None:
    for command, undone in (
        (Pause(), Resume(rewound=False)),
        (Pause(milestone="stars-1000"), Resume(milestone="stars-1000")),
    ):
        left = await posting.more()
        await posting.command(command)
        posting.assert_nothing_is_under_way(left)
        await posting.command(undone)

    left = await posting.more()
    posting.rewrite('mode = "live"', 'mode = "shadow"')
    await posting.command(Reload())
    posting.assert_nothing_is_under_way(left)

    posting.rewrite('mode = "shadow"', 'mode = "live"')
    await posting.command(Reload())
    left = await posting.more()
    posting.rewrite("per_minute = 120", 'per_minute = 120\nonly_to = ["nobody@example.com"]')
    await posting.command(Reload())

    async def decided() -> bool:
        return not posting.daemon.query("SELECT 1 FROM actions WHERE state IN ('available', 'running')")

    await until(decided, "every mail is decided about")
    posting.assert_nothing_is_under_way(left)
    rest = posting.daemon.query("SELECT DISTINCT verdict FROM actions WHERE state = 'cancelled'")
    assert rest == [("only_to",)]
