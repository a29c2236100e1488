"""The walk of docs/tutorial-sync.md: its commands as they stand there, and the books of both programs after each step."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.floor import assert_calm, configured, live
from tests.process import QUICK_SYNCS, Daemon, Shop, shop, until
from tests.programs import ROOT

pytestmark = pytest.mark.slow

PAGE = (ROOT / "docs/tutorial-sync.md").read_text(encoding="utf-8")
THERE = "http://127.0.0.1:8090"
(RULES,) = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
STEPS = {
    section.partition(".")[0]: "".join(
        re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    ).splitlines()
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
}


class Walk:
    """A shop whose customers are members elsewhere, and its daemon."""

    def __init__(self, wix: Shop, daemon: Daemon) -> None:
        self.wix, self.daemon = wix, daemon
        self.base = str(wix.http.base_url).rstrip("/")

    async def step(self, number: str) -> list[str]:
        """Carry out the commands of a step; what each said."""
        return [await self.command(line) for line in STEPS[number]]

    async def command(self, line: str) -> str:
        program, *words = shlex.split(line.replace(THERE, self.base))
        if program == "milestones":
            code, out, err = await self.daemon.command(*words)
            assert code == 0, out + err
            return " ".join((out + err).split())
        assert program == "curl"
        method, url, body = words[1], words[2], words[4] if "-d" in words else None
        async with httpx.AsyncClient() as http:
            answer = await http.request(method, url, content=body)
        return answer.raise_for_status().text

    async def there(self) -> dict[str, int]:
        """The members of the other program, and their balances."""
        state = (await self.wix.http.get("/external/smile/_sandbox/state")).json()
        return {one["id"]: one["balance"] for one in state["members"]}

    async def here(self, mail: str) -> int | None:
        """The balance at Wix of who has this address."""
        state = await self.wix.state("accounts", "contacts")
        ids = {one["id"] for one in state["contacts"] if mail in json.dumps(one).casefold()}
        found = [one["points"]["balance"] for one in state["accounts"] if one["contactId"] in ids]
        return found[0] if found else None

    async def until_both(self, mail: str, member: str, balance: int) -> None:
        """Wait until both books show a balance, and nothing is left to be done."""

        async def equal() -> bool:
            return (await self.here(mail), (await self.there()).get(member)) == (balance, balance)

        await until(equal, f"both have {balance} points")
        await until(self.is_settled, "every agreement is settled")
        assert await equal()

    async def is_settled(self) -> bool:
        return not self.daemon.query("SELECT 1 FROM agreements WHERE state = 'open'")

    async def links(self) -> dict[str, Any]:
        code, out, _ = await self.daemon.command("sync", "status", "--json")
        assert code == 0
        (program,) = json.loads(out)
        return dict(program)


async def test_two_programs_are_kept_in_step(tmp_path: Path) -> None:
    async with shop(tmp_path, customers=40, seed=1, time_scale=60.0) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0.2)
        daemon = configured(tmp_path, wix, "")
        daemon.environment["SMILE_API_KEY"] = "x"
        daemon.constants = QUICK_SYNCS
        await daemon.start()
        await live(daemon)
        with daemon.config.open("a") as file:
            file.write(RULES.replace(THERE, str(wix.http.base_url).rstrip("/")))
        walk = Walk(wix, daemon)
        await begin(walk)
        await follow(walk)
        await judge(walk)
        assert await daemon.end() == 0
        assert_calm("".join(daemon.log))


async def begin(walk: Walk) -> None:
    await walk.step("1")
    assert len(await walk.there()) == 20
    [checked] = await walk.step("2")
    assert "The first page has 20 members" in checked
    assert "Unverified: get.path" in checked
    before = await walk.there()
    await walk.step("3")
    found = await walk.links()
    assert (found["linked"], found["new"], found["listed"], found["waiting"]) == (20, 0, 0, 0)
    assert await walk.there() == before


async def follow(walk: Walk) -> None:
    """Changes there, here, and on both sides at once."""
    first, second = "noah.hall.0@example.net", "olivia.smith.1@example.net"
    there = await walk.there()
    await walk.step("4")
    await walk.until_both(first, "1", there["1"] + 50)
    await walk.step("5")
    await walk.until_both(first, "1", there["1"] + 80)
    await walk.step("6")
    await walk.until_both(second, "2", there["2"] - 15)
    state = (await walk.wix.http.get("/external/smile/_sandbox/state")).json()
    ours = [one["amount"] for one in state["movements"] if one["text"] not in {"a purchase", "a review"}]
    assert sorted(ours) == [-20, 30], "each change of ours was booked once, and no echo"


async def judge(walk: Walk) -> None:
    """An account that is made, one that a person judges, and one that is gone."""
    await walk.step("7")
    await walk.until_both("new@example.com", "900", 70)
    *_, told, resolved = await walk.step("8")
    assert "nobody has said which is right" in told
    assert "11 there by +0" in resolved
    await walk.until_both("sean.patel.21@example.com", "901", 11)
    anna = await walk.here("anna.ylmaz.2@example.com")
    assert anna is not None
    *_, told = await walk.step("9")

    async def unlinked() -> bool:
        return bool((await walk.links())["unlinked"] == 1)

    await until(unlinked, "the link ended")
    assert await walk.here("anna.ylmaz.2@example.com") == anna + 1
