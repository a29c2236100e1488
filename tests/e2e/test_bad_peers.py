"""What the mail server or Wix do wrong while the daemon runs: it says so, waits, and goes on by itself."""

from collections.abc import AsyncIterator
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio

from tests.crash.customers import Customer
from tests.e2e.floor import (
    by_smtp,
    configured,
    coupons,
    customers,
    live,
    logged,
    ordered,
    refused,
    rewrite,
    running,
    settled,
    until_logged,
    wix,
)
from tests.kinds.smtp_server import Mailserver, mailserver
from tests.process import IMPATIENT, Daemon, Shop, until

__all__ = ["customers", "wix"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.xdist_group("bad_peers"),
    pytest.mark.slow,
]


PAUSE = 3.0
"""Seconds for which Wix is left alone after it throttled."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def post() -> AsyncIterator[Mailserver]:
    async with mailserver(login=True) as told:
        yield told


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def daemon(
    wix: Shop, post: Mailserver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Daemon]:
    """A daemon that mails through the server, logged in."""
    folder = tmp_path_factory.mktemp("daemon")
    login = 'tls = "none"\nusername = "shop"\npassword = { file = "password" }'
    (folder / "password").write_text("secret")
    found = configured(folder, wix, replace=by_smtp(post.port))
    found.constants = {**IMPATIENT, "milestones.wix.answers.PAUSE_SECONDS": PAUSE}
    rewrite(found, {'tls = "none"': login})
    async with running(found):
        await live(found)
        await settled(found)
        yield found


def mail_of(daemon: Daemon, customer: Customer) -> tuple[str, int, str | None]:
    """State, attempts and error of the mail to a customer."""
    [row] = daemon.query(
        f"SELECT state, attempts, error FROM actions WHERE kind = 'email' AND account_id = '{customer.account}'"
    )
    return row[0], row[1], row[2]


class TestMailServer:
    async def test_one_refused_recipient_disturbs_nobody_and_is_mailed_when_a_person_says_so(
        self, daemon: Daemon, wix: Shop, post: Mailserver, customers: list[Customer]
    ) -> None:
        post.taken.clear()
        reached = [customers.pop() for _ in range(3)]
        post.at[reached[1].address] = "550 5.1.1 who is that?"
        for customer in reached:
            await wix.adjust(customer.account, 1010)
        await settled(daemon)
        state, _, error = mail_of(daemon, reached[1])
        assert state == "discarded"
        assert "there is no such mailbox" in str(error)
        assert {mail_of(daemon, one)[0] for one in (reached[0], reached[2])} == {"done"}
        post.at.clear()
        await ordered(daemon, "outbox", "retry", "--all", "--yes")
        await settled(daemon)
        assert sorted(post.recipients) == sorted(one.address for one in reached)

    async def test_when_all_are_refused_for_now_the_mails_go_out_later(
        self, daemon: Daemon, wix: Shop, post: Mailserver, customers: list[Customer]
    ) -> None:
        post.taken.clear()
        reached = [customers.pop() for _ in range(3)]
        post.at["RCPT"] = "450 4.2.0 not now"
        for customer in reached:
            await wix.adjust(customer.account, 1010)

        async def tried() -> bool:
            mails = daemon.query("SELECT 1 FROM actions WHERE kind = 'email' AND error LIKE '%450 4.2.0%'")
            return len(mails) == 3

        await until(tried, "every mail was tried once")
        assert post.recipients == []
        post.at.clear()
        await settled(daemon)
        assert sorted(post.recipients) == sorted(one.address for one in reached)

    async def test_a_refused_login_uses_up_no_attempt_and_a_reload_mends_it(
        self, daemon: Daemon, wix: Shop, post: Mailserver, customers: list[Customer]
    ) -> None:
        post.taken.clear()
        (daemon.folder / "password").write_text("a typing error")
        await ordered(daemon, "reload")
        customer = customers.pop()
        await wix.adjust(customer.account, 1010)

        async def waits_again() -> bool:
            state, attempts, error = mail_of(daemon, customer)
            return (state, attempts) == ("available", 0) and "Check mail.username" in str(error)

        try:
            await until_logged(daemon, "action_failed", "Check mail.username and mail.password.")
            await until(waits_again, "the mail waits as if it had not been tried")
            assert "a typing error" not in "".join(daemon.log)
        finally:
            (daemon.folder / "password").write_text("secret")
            await ordered(daemon, "reload")
        await settled(daemon)
        assert post.recipients == [customer.address]


FAULTS: dict[str, dict[str, Any]] = {
    "HTML": {"effect": "status", "status": 200, "body": "<html>Sorry</html>"},
    "nothing": {"effect": "drop_before"},
    "401": {"effect": "status", "status": 401},
    "403": {"effect": "status", "status": 403},
    "429": {"effect": "status", "status": 429},
    "500": {"effect": "status", "status": 500},
}


async def arm(wix: Shop, path: str, fault: str) -> None:
    """Until it is deleted."""
    body = {"match": {"path": path}, "times": 0, **FAULTS[fault]}
    (await wix.http.post("/_sandbox/faults", json=body)).raise_for_status()


async def disarm(wix: Shop) -> None:
    (await wix.http.delete("/_sandbox/faults")).raise_for_status()


class TestWix:
    @pytest.mark.parametrize("fault", ["HTML", "nothing", "500"])
    async def test_while_wix_fails_a_reward_waits_and_is_given_once_it_serves(
        self, daemon: Daemon, wix: Shop, customers: list[Customer], fault: str
    ) -> None:
        made = await coupons(wix)
        await arm(wix, "/stores", fault)
        await arm(wix, "/badges", fault)
        customer = customers.pop()
        await wix.adjust(customer.account, 1010)

        async def failed() -> bool:
            return bool(
                daemon.query(
                    f"SELECT 1 FROM actions WHERE account_id = '{customer.account}' AND error IS NOT NULL"
                )
            )

        await until(failed, "it was tried")
        await disarm(wix)
        await settled(daemon)
        assert await coupons(wix) == made + 1
        assert mail_of(daemon, customer)[0] == "done"

    async def test_what_wix_does_not_allow_waits_without_using_up_attempts(
        self, daemon: Daemon, wix: Shop, customers: list[Customer]
    ) -> None:
        made = await coupons(wix)
        await arm(wix, "/stores", "401")
        await arm(wix, "/badges", "403")
        customer = customers.pop()
        await wix.adjust(customer.account, 1010)

        async def both_rest() -> bool:
            # Who has a badge is asked before it is given: that fails of no action, and of the channel alone.
            return {kind for (kind,) in daemon.query("SELECT kind FROM channel_rests")} == {"coupon", "badge"}

        await until(both_rest, "both were tried")
        attempts = daemon.query(f"SELECT attempts FROM actions WHERE account_id = '{customer.account}'")
        assert {number for (number,) in attempts} == {0}
        await disarm(wix)
        await settled(daemon)
        assert await coupons(wix) == made + 1
        assert mail_of(daemon, customer)[0] == "done"

    @pytest.mark.parametrize("fault", ["HTML", "nothing", "401", "403", "500"])
    async def test_a_scan_that_cannot_read_says_so_and_the_next_one_reads(
        self, daemon: Daemon, wix: Shop, fault: str
    ) -> None:
        await arm(wix, "/loyalty", fault)
        told = await refused(daemon, "scan")
        assert "Wix" in told
        await disarm(wix)
        await ordered(daemon, "scan")
        assert not logged(daemon, "scan_crashed")

    async def test_when_wix_throttles_it_is_left_alone_for_a_while(
        self, daemon: Daemon, wix: Shop, customers: list[Customer]
    ) -> None:
        made = await coupons(wix)
        asked = (await wix.http.get("/_sandbox/requests")).json()["last"]
        await arm(wix, "/stores", "429")
        await wix.adjust(customers.pop().account, 1010)
        await until_logged(daemon, "action_failed", "throttle")
        await disarm(wix)
        await settled(daemon)
        assert await coupons(wix) == made + 1
        calls = (await wix.http.get("/_sandbox/requests", params={"since": asked})).json()["requests"]
        calls = calls[max(index for index, call in enumerate(calls) if call["status"] == 429) :]
        # By the sandbox's own book, since the test may look late. What was under way may still arrive behind the 429.
        moments = [datetime.fromisoformat(call["at"]) for call in calls]
        assert max(later - earlier for earlier, later in pairwise(moments)).total_seconds() > PAUSE / 2
        assert len(calls) < 20, "no storm at the end of the pause"
