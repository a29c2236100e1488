"""The walk of docs/tutorial-program.md: its commands as they stand there, what Wix has in its books after each step, and
the same once more over the API, with the examples of docs/api.md as they stand there.
"""

import asyncio
import json
import os
import re
import shlex
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping
from string import Template
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.e2e.floor import assert_calm, configured
from tests.process import Daemon, Shop, shop, until
from tests.programs import ROOT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("walk-a"), pytest.mark.slow]

PAGE = (ROOT / "docs/tutorial-program.md").read_text(encoding="utf-8")
API = (ROOT / "docs/api.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def sections(text: str) -> dict[str, str]:
    """What stands under each heading, by its first word."""
    parts = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    return {part.split(maxsplit=1)[0].rstrip(".:"): part for part in parts}


class Walk:
    """A site whose program was just installed, and what was commanded on it."""

    def __init__(self, wix: Shop, daemon: Daemon) -> None:
        self.wix, self.daemon = wix, daemon
        self.known: dict[str, str] = {}

    async def step(self, number: str) -> list[tuple[int, str]]:
        """Write what a step writes into the configuration, and carry out its commands: exit code and output of each."""
        section = sections(PAGE)[number]
        with self.daemon.config.open("a") as file:
            file.writelines(f"\n{table}" for table in blocks(section, "toml"))
        lines = [line for block in blocks(section, "sh") for line in block.splitlines()]
        return [await self.command(line) for line in lines]

    async def command(self, line: str) -> tuple[int, str]:
        program, *words = shlex.split(Template(line).substitute(self.known))
        assert program == "milestones", line
        code, out, err = await self.daemon.command(*words)
        assert "Traceback" not in err, err
        return code, " ".join((out + err).split())

    async def accounts(self) -> dict[str, dict[str, Any]]:
        """The accounts of Wix's books, by address."""
        found = (await self.wix.state("accounts"))["accounts"]
        return {one["contact"]["email"]: one for one in found}

    async def balances(self) -> dict[str, int]:
        return {mail: one["points"].get("balance", 0) for mail, one in (await self.accounts()).items()}

    async def checkout(self, mail: str) -> str:
        """A customer goes to the checkout."""
        account = (await self.accounts())[mail]["id"]
        answer = await self.wix.http.post("/_sandbox/checkout", json={"account_id": account})
        return str(answer.raise_for_status().json()["checkout"]["id"])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def walk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    async with shop(folder, customers=0) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0, redeem_seconds=0.3)
        new = {"customers": 0, "new_program": True}
        (await wix.http.post("/_sandbox/reset", json=new)).raise_for_status()
        daemon = configured(folder, wix, "")
        await daemon.start()
        yield Walk(wix, daemon)
        assert await daemon.end() == 0
        assert_calm("".join(daemon.log))


async def test_a_loyalty_program_goes_from_start_to_discount(walk: Walk) -> None:
    await set_up(walk)
    await open_accounts(walk)
    await offer(walk)
    await move_points(walk)
    await redeem(walk)
    await spend(walk)
    await call_the_api(walk)


async def set_up(walk: Walk) -> None:
    """A1, A2: the program is active, and two things earn points."""
    (planned, _), (applied, told) = await walk.step("1")
    assert (planned, applied) == (2, 0), told
    program = (await walk.wix.state("program"))["program"]
    assert (program["status"], program["name"]) == ("ACTIVE", "Corner Stars")
    assert program["pointDefinition"]["customName"] == "Stars"
    [(code, told)] = await walk.step("2")
    assert code == 0, told
    rules = {one["title"]: one for one in (await walk.wix.state("earning_rules"))["earning_rules"]}
    assert rules["Orders"]["conversionRate"]["configs"][0]["points"] == 10
    assert rules["Reviews"]["fixedAmount"]["configs"][0]["points"] == 50


async def open_accounts(walk: Walk) -> None:
    """A3: an account each, with nothing in it."""
    told = await walk.step("3")
    assert [code for code, _ in told] == [0, 0, 0, 0], told
    assert await walk.balances() == {"ada@example.com": 0, "bob@example.com": 0}
    contacts = (await walk.wix.state("contacts"))["contacts"]
    assert [one["info"]["name"]["first"] for one in contacts] == ["Ada", "Bob"]

    async def are_heard_of() -> bool:
        return len(walk.daemon.query("SELECT 1 FROM accounts WHERE email IS NOT NULL")) == 2

    await until(are_heard_of, "both accounts are known")


async def offer(walk: Walk) -> None:
    """A4, A5: two rewards and two tiers, which are active."""
    (applied, told), (listed, out) = await walk.step("4")
    assert (applied, listed) == (0, 0), told
    rewards = {one["name"]: one["type"] for one in (await walk.wix.state("rewards"))["rewards"]}
    assert rewards == {"5 off your order": "COUPON_REWARD", "Stars for money": "DISCOUNT_AMOUNT"}
    assert all(name in out for name in rewards)
    (applied, told), (planned, out) = await walk.step("5")
    assert (applied, planned) == (0, 0), told + out
    state = await walk.wix.state("tiers", "tier_settings")
    tiers = {one["tierDefinition"]["name"]: one["requiredPoints"] for one in state["tiers"]}
    assert (tiers, state["tier_settings"]["status"]) == ({"Silver": 1000, "Gold": 5000}, "ACTIVE")


async def move_points(walk: Walk) -> None:
    """A6: balances up and down, once each; an account with its history, and all of them."""
    told = await walk.step("6")
    assert [code for code, _ in told] == [0] * 8, told
    assert await walk.balances() == {"ada@example.com": 1230, "bob@example.com": 300}
    ada = (await walk.accounts())["ada@example.com"]
    moved = [
        one["amount"]
        for one in (await walk.wix.state("transactions"))["transactions"]
        if one["accountId"] == ada["id"]
    ]
    assert sorted(moved) == [-20, 50, 1200], "the repetition is the same order"
    silver = next(
        one["id"]
        for one in (await walk.wix.state("tiers"))["tiers"]
        if one["tierDefinition"]["name"] == "Silver"
    )
    await walk.wix.settings(recalculation_seconds=1)

    async def is_in_silver() -> bool:
        return bool((await walk.accounts())["ada@example.com"]["tier"].get("id") == silver)

    await until(is_in_silver, "Wix computes the tiers anew")
    await walk.wix.settings(recalculation_seconds=0)
    assert "This order was given before" in told[2][1]
    assert "Orders of last year" in told[5][1]
    assert "parcel-1042" in told[7][1]


async def redeem(walk: Walk) -> None:
    """A7, A8: the way of each reward is known; points are redeemed once, and who has too few is refused."""
    coupon, money, bobs = await walk.step("7")
    assert [code for code, _ in (coupon, money, bobs)] == [0, 0, 0]
    assert "rewards redeem" in coupon[1] or "a coupon" in coupon[1]
    assert "a discount at the checkout" in money[1]
    assert "The account has 300 points" in bobs[1]
    told = await walk.step("8")
    assert [code for code, _ in told] == [0, 0, 0, 0, 1], told
    state = await walk.wix.state("loyalty_coupons")
    [made] = state["loyalty_coupons"]
    assert (made["status"], made["accountId"]) == ("ACTIVE", (await walk.accounts())["ada@example.com"]["id"])
    assert await walk.balances() == {"ada@example.com": 730, "bob@example.com": 300}
    walk.known["CODE"] = re.search(r"Its code is (\S+?)\.", told[1][1]).group(1)  # type: ignore[union-attr]
    assert walk.known["CODE"] in told[3][1]


async def spend(walk: Walk) -> None:
    """A9: the order is discounted, by a coupon and by points."""
    walk.known["CHECKOUT"] = await walk.checkout("ada@example.com")
    told = await walk.step("9")
    assert [code for code, _ in told] == [0, 0, 0], told
    found = (await walk.wix.state("checkout_discounts"))["checkout_discounts"]
    assert [(one["checkoutId"], one["status"]) for one in found] == [
        (walk.known["CHECKOUT"], "APPLIED"),
        (walk.known["CHECKOUT"], "APPLIED"),
    ]
    assert (await walk.balances())["ada@example.com"] == 530
    assert told[2][1].count("APPLIED") == 2


async def call_the_api(walk: Walk) -> None:
    """A3 and A6 to A9 once more, for a customer of whom only programs know."""
    lines = blocks(sections(PAGE)["10"], "sh")[0].splitlines()
    code, told = await walk.command(lines[0])
    assert code == 0
    token = told.split()[0]
    address = f"{walk.daemon.address}/api/v1"
    async with httpx.AsyncClient(
        base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=60, trust_env=False
    ) as api:
        await walk_by_api(walk, api)
        await run_examples(walk, token)
        await apply_by_api(walk)
        assert "walk" in (await walk.command(lines[1]))[1]
        assert (await walk.command(lines[2]))[0] == 0
        assert (await api.get("/status")).status_code == 401


async def post(api: httpx.AsyncClient, path: str, key: str, **body: Any) -> dict[str, Any]:
    answer = await api.post(path, json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def walk_by_api(walk: Walk, api: httpx.AsyncClient) -> None:
    new = {"email": "kim@example.com", "create_contact": True, "first_name": "Kim", "wait": 30}
    opened = await post(api, "/accounts/create", "kim", **new)
    assert await post(api, "/accounts/create", "kim", **new) == {**opened, "created": False}
    kim = (await walk.accounts())["kim@example.com"]["id"]

    async def is_known() -> bool:
        found = await post(api, "/accounts/find", "find-kim", account="kim@example.com")
        return [one["id"] for one in found["accounts"]] == [kim]

    await until(is_known, "Kim's account is known")
    await post(api, "/accounts/earn", "earn", account=kim, amount=900, description="A feast", wait=30)
    await post(api, "/accounts/adjust", "down", account=kim, by=-100, reason="Too many", wait=30)
    assert (await walk.balances())["kim@example.com"] == 800

    async def are_booked() -> bool:
        told = (await api.get(f"/accounts/{kim}/transactions")).json()["transactions"]
        return sorted(one["amount"] for one in told) == [-100, 900]

    await until(are_booked, "Wix's queries show what was booked")
    rewards = (await api.get("/rewards", params={"account": kim})).json()["rewards"]
    assert {one["name"]: one["type"] for one in rewards} == {
        "5 off your order": "coupon",
        "Stars for money": "discount",
    }
    done = await post(api, "/rewards/redeem", "coupon", account=kim, reward="5 off your order", wait=30)
    assert done["actions"][0]["state"] == "done"
    at = await walk.checkout("kim@example.com")
    spent = {"checkout": at, "reward": "Stars for money", "account": kim, "points": 100, "wait": 30}
    await post(api, "/rewards/apply", "money", **spent)
    assert (await walk.balances())["kim@example.com"] == 200
    told = (await api.get("/rewards/discounts", params={"checkout": at})).json()["discounts"]
    assert [one["status"] for one in told] == ["APPLIED"]
    orders = (await api.get("/orders", params={"source": "api", "account": kim})).json()["orders"]
    assert {one["key"] for one in orders} >= {"earn", "down", "coupon", "money"}
    told = (await api.get(f"/accounts/{kim}/explain")).json()["explanation"]["orders"]
    assert {one["source"] for one in told} == {"api"}
    assert (await api.get("/status")).json()["daemon"]["database"] == "serves"


async def apply_by_api(walk: Walk) -> None:
    """A1, A2, A4, A5: what somebody changed in the dashboard is put right, once, from the configuration in force."""
    assert (await walk.command("milestones reload"))[0] == 0
    code, told = await walk.command("milestones token create admin --scope admin")
    assert code == 0
    reward = (await walk.wix.state("rewards"))["rewards"][0]
    path, headers = f"/loyalty-rewards/v1/rewards/{reward['id']}", {"Authorization": await walk.wix.token()}
    changed = {"reward": {**reward, "active": False}}
    (await walk.wix.http.put(path, json=changed, headers=headers)).raise_for_status()
    async with httpx.AsyncClient(
        base_url=f"{walk.daemon.address}/api/v1",
        headers={"Authorization": f"Bearer {told.split()[0]}"},
        timeout=60,
        trust_env=False,
    ) as api:
        refused = await api.post("/program/plan", json={"written": None}, headers={"Idempotency-Key": "file"})
        assert refused.status_code == 422, "nobody sends a file over the network"
        [plan] = (await post(api, "/program/plan", "plan", settled=True))["sites"]
        assert [step["verb"] for step in plan["steps"]] == ["change"]
        plans = {plan["id"]: plan["plan"]}
        done = await post(api, "/program/apply", "apply", plans=plans)
        assert await post(api, "/program/apply", "apply", plans=plans) == done
        assert (await walk.wix.state("rewards"))["rewards"][0]["active"] is True
        [plan] = (await post(api, "/program/plan", "again"))["sites"]
        assert not plan["differs"]
        assert "[program]" in (await post(api, "/program/export", "export"))["text"]


async def run_examples(walk: Walk, token: str) -> None:
    """What docs/api.md shows, in a shell and in Python."""
    environment = {
        **os.environ,
        "MILESTONES_URL": walk.daemon.address,
        "MILESTONES_TOKEN": token,
        "CUSTOMER": "ada@example.com",
        "REWARD": "5 off your order",
        "NO_PROXY": "*",
    }
    before = await walk.balances()
    accounts, rewards = (
        [*blocks(API_SECTIONS[name], "bash"), *blocks(API_SECTIONS[name], "python")]
        for name in ("Accounts", "Rewards")
    )
    order = json.loads(await run(["bash", "-ec", accounts[0]], environment))
    assert order["actions"][0]["result"]["after"] == before["ada@example.com"] + 50
    assert "['done']" in await run([sys.executable, "-c", accounts[1]], environment)
    assert (await walk.balances())["ada@example.com"] == before["ada@example.com"] + 170
    order = json.loads(await run(["bash", "-ec", rewards[0]], environment))
    assert order["actions"][0]["state"] == "done"
    out = await run([sys.executable, "-c", rewards[1]], environment)
    assert "Stars for money 100 can be had" in out
    assert (await walk.balances())["ada@example.com"] == before["ada@example.com"] - 330


API_SECTIONS: Mapping[str, str] = sections(API)


async def run(command: list[str], environment: Mapping[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=PIPE, stderr=PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, (out, err)
    return out.decode()
