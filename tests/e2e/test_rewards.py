"""A person at a till: what points buy, a coupon for them, and a discount at a checkout, through the daemon."""

import json
from pathlib import Path

from tests.crash.customers import strangers
from tests.process import Daemon, shop
from tests.security.village import baseline_done


async def test_a_person_redeems_points_and_spends_them_at_a_checkout(tmp_path: Path) -> None:
    async with shop(tmp_path, customers=20, seed=5) as wix:
        await wix.settings(recalculation_seconds=0, query_lag_seconds=0, redeem_seconds=0.5)
        customer = (await strangers(wix))[0]
        await wix.adjust(customer.account, 2000)
        state = await wix.state("rewards", "checkouts")
        coupon = next(one for one in state["rewards"] if one["type"] == "COUPON_REWARD")["name"]
        money = next(one for one in state["rewards"] if one["type"] == "DISCOUNT_AMOUNT")["name"]
        at = next(one["id"] for one in state["checkouts"] if one["accountId"] == customer.account)
        daemon = Daemon(tmp_path, wix)
        daemon.configure("")
        await daemon.start()
        try:
            await baseline_done(daemon)

            code, out, err = await daemon.command("rewards", "list", "--for", customer.address)
            assert (code, err) == (0, "")
            assert "The account has 2,000 points" in out
            assert "can be afforded" in out

            code, out, err = await daemon.command("rewards", "show", money)
            assert (code, err) == (0, "")
            assert "a discount at the checkout" in out

            code, out, err = await daemon.command("rewards", "redeem", customer.address, coupon, "--key", "k")
            assert (code, err) == (0, "")
            assert f"points was made: {coupon}." in out
            told = out.partition("Its code is ")[2].strip(".\n")

            code, out, err = await daemon.command("rewards", "coupons", customer.address, "--json")
            assert (code, [one["code"] for one in json.loads(out)["coupons"]]) == (0, [told])
            assert told in (await daemon.command("rewards", "coupons", customer.address))[1]

            code, out, err = await daemon.command("rewards", "apply", at, "--coupon", told)
            assert (code, err) == (0, "")
            assert f"A discount was applied: {coupon} at checkout {at}" in " ".join(out.split())

            order = ("rewards", "apply", at, "--reward", money, "--account", customer.address)
            code, out, err = await daemon.command(*order, "--points", "150")
            assert (code, err) == (0, "")
            assert "150 points were spent" in out

            code, out, err = await daemon.command("rewards", "discounts", at)
            assert (code, err) == (0, "")
            assert money in out
            assert out.count("APPLIED") == 2

            code, out, err = await daemon.command("rewards", "redeem", customer.address, money)
            assert (code, out) == (1, "")
            assert "`milestones rewards apply CHECKOUT --reward" in err
            code, out, err = await daemon.command("rewards", "redeem", customer.address, "no such thing")
            assert (code, out) == (2, "")
            assert "There is no reward 'no such thing'; there are" in err
        finally:
            await daemon.end()
