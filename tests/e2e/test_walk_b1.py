"""The walk of docs/tutorial-import.md: its commands as they stand there, and what Wix has in its books after each."""

import json
import re
import shlex
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.floor import assert_calm, configured, settled
from tests.process import IMPATIENT, Daemon, Shop, shop, until
from tests.programs import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("walk-b1"), pytest.mark.slow]

PAGE = (ROOT / "docs/tutorial-import.md").read_text(encoding="utf-8")
STARS = """
[[milestones]]
key = "stars-1000"
title = "1,000 stars"
threshold = 1000

[[milestones.rewards]]
coupon = { name = "For 1,000 stars", percent_off = 10, scope = "stores" }
"""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def steps() -> Mapping[str, list[str]]:
    """The commands under each heading, by its number."""
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        commands = re.findall(r"^milestones (.*)$", section, re.MULTILINE)
        found[section.partition(".")[0]] = commands
    return found


class Walk:
    """A site whose program was just installed, and what was commanded on it."""

    def __init__(self, wix: Shop, daemon: Daemon) -> None:
        self.wix, self.daemon = wix, daemon

    async def step(self, number: str) -> list[tuple[int, str]]:
        """Carry out the commands of a step: exit code and output of each."""
        return [await self.command(line) for line in steps()[number]]

    async def command(self, line: str) -> tuple[int, str]:
        words = [
            str(self.daemon.folder / word) if word.endswith(".csv") else word for word in shlex.split(line)
        ]
        code, out, err = await self.daemon.command(*words)
        assert "Traceback" not in err, err
        return code, " ".join((out + err).split())

    async def call(self, path: str, body: Mapping[str, Any]) -> Any:
        headers = {"Authorization": await self.wix.token()}
        answer = await self.wix.http.post(path, json=body, headers=headers)
        return answer.raise_for_status().json()

    async def make_contact(self, email: str) -> str:
        info = {"emails": {"items": [{"email": email, "primary": True}]}}
        return str((await self.call("/contacts/v4/contacts", {"info": info}))["contact"]["id"])

    async def books(self) -> dict[str, tuple[int, list[int]]]:
        """By address: the balance, and what our adjustments moved."""
        state = await self.wix.state("contacts", "accounts", "transactions")
        mails = {one["id"]: one["primaryInfo"]["email"] for one in state["contacts"] if "primaryInfo" in one}
        moved: dict[str, list[int]] = {}
        for one in state["transactions"]:
            if (one.get("description") or "").startswith("Imported"):
                moved.setdefault(one["accountId"], []).append(one["amount"])
        return {
            mails[one["contactId"]]: (one["points"]["balance"], moved.get(one["id"], []))
            for one in state["accounts"]
        }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    async with shop(folder, customers=0, time_scale=60.0) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0.2)
        (
            await wix.http.post("/_sandbox/reset", json={"customers": 0, "new_program": True})
        ).raise_for_status()
        (program,) = blocks("toml")
        daemon = configured(folder, wix, program + STARS)
        daemon.constants = IMPATIENT
        (daemon.folder / "old-program.csv").write_text(blocks("csv")[0])
        await daemon.start()
        yield Walk(wix, daemon)
        assert await daemon.end() == 0
        assert_calm("".join(daemon.log))


async def test_a_shop_moves_in_with_its_customers_points(walk: Walk) -> None:
    wix, daemon = walk.wix, walk.daemon
    assert [number for number, commands in steps().items() if commands] == ["1", "3", "4", "5", "7"]
    (planned, _), (applied, _) = await walk.step("1")
    assert (planned, applied) == (2, 0)
    program = (await wix.state("program"))["program"]
    assert (program["status"], program["name"], program["pointDefinition"]["customName"]) == (
        "ACTIVE",
        "Corner Stars",
        "Stars",
    )
    ada = await walk.make_contact("ada@example.com")
    await walk.make_contact("bob@example.com")
    await walk.call("/loyalty-accounts/v1/accounts", {"contactId": ada})

    async def is_heard() -> bool:
        return bool(daemon.query("SELECT 1 FROM accounts"))

    await until(is_heard, "Ada's account is heard of")
    [(code, out)] = await walk.step("3")
    assert code == 1
    assert "Each balance is SET to the points in 'Points approved'" in out
    assert "It reaches no milestone" in out
    assert "a comma groups thousands (line 2)" in out
    assert "3 customers would be set to 4,280 points in all" in out
    assert "2 of them have no account that is known here" in out
    assert "1 address wants no mail" in out
    assert "30 points are not approved yet" in out
    assert "'tom@example.com' would be one" in out
    assert await walk.books() == {"ada@example.com": (0, [])}, "a dry run changes nothing"
    rejected = (daemon.folder / "old-program.rejected.csv").read_text()
    assert '5,"' in rejected
    assert "1004" in rejected
    await move_in(walk)
    await look_and_mend(walk)
    await earn_and_backfill(walk, wix)


async def move_in(walk: Walk) -> None:
    """Killed while Wix has booked and not answered: each is booked once."""
    await walk.wix.fault("POST", "/adjust-points", "delay_after", seconds=3.0)
    [(code, out)] = await walk.step("4")
    assert code == 1
    assert "3 customers recorded" in out

    async def is_booked() -> bool:
        return any(moved for _, moved in (await walk.books()).values())

    await until(is_booked, "the first is booked")
    await walk.daemon.kill()
    await walk.daemon.start()
    await settled(walk.daemon)
    assert await walk.books() == {
        "ada@example.com": (1250, [1250]),
        "bob@example.com": (990, [990]),
        "kim@example.com": (2040, [2040]),
    }
    kim = next(
        one["info"]["name"]
        for one in (await walk.wix.state("contacts"))["contacts"]
        if one["primaryInfo"]["email"] == "kim@example.com"
    )
    assert (kim["first"], kim["last"]) == ("Kim", "Hopper")
    assert (await walk.wix.state("coupons"))["coupons"] == [], "nobody is given anything for it"
    assert len(walk.daemon.query("SELECT 1 FROM suppressions")) == 1

    async def is_closed() -> bool:
        return not walk.daemon.query("SELECT 1 FROM mutes WHERE closed_at IS NULL")

    await until(is_closed, "nothing is left undecided")


async def look_and_mend(walk: Walk) -> None:
    (_, again), (_, listed), (_, explained) = await walk.step("5")
    assert "3 rows imported before: 3 done" in again
    assert all(mail in listed for mail in ("ada@example.com", "bob@example.com", "kim@example.com"))
    assert "since points were imported, which reaches nothing" in explained
    rejected = walk.daemon.folder / "old-program.rejected.csv"
    rejected.write_text(rejected.read_text().replace("tom@example,com", "tom@example.com"))
    code, out = await walk.command("sync import old-program.rejected.csv --create-contacts --yes")
    assert code == 0, out
    await settled(walk.daemon)
    assert (await walk.books())["tom@example.com"] == (75, [75])
    code, out = await walk.command("sync import old-program.csv --json --yes")
    assert json.loads(out[: out.rindex("}") + 1])["known"] == 3


async def earn_and_backfill(walk: Walk, wix: Shop) -> None:
    state = await wix.state("accounts")
    bob = next(one["id"] for one in state["accounts"] if one["points"]["balance"] == 990)
    await wix.adjust(bob, 1000)

    async def has_coupon() -> bool:
        return len((await wix.state("coupons"))["coupons"]) == 1

    await until(has_coupon, "Bob's coupon")
    [(code, _)] = await walk.step("7")
    assert code == 0
    await settled(walk.daemon)
    assert len((await wix.state("coupons"))["coupons"]) == 3, "and those of Ada and Kim"
